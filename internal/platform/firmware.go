// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config"
)

// fwCfg is where the qemu_fw_cfg module shows the entries of QEMU's firmware configuration device
// (Linux Documentation/ABI/testing/sysfs-firmware-qemu_fw_cfg).
const fwCfg = "sys/firmware/qemu_fw_cfg"

// maxConfig bounds a config of any source, in bytes.
const maxConfig = config.MaxBytes

// firmware is the source "a key of the QEMU firmware configuration device".
type firmware struct{ key string }

func (f firmware) places() []string { return []string{"fw_cfg " + f.key} }

func (f firmware) find(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: f.places()[0]}
	if err := env.module(ctx, "qemu_fw_cfg", fwCfg); err != nil {
		return found, &Error{found.Name, fmt.Errorf("load the driver of fw_cfg: %w", err),
			"add the kernel module qemu_fw_cfg to the initramfs, or correct ignition.platform.id if this is not a QEMU machine"}
	}
	data, err := env.try(found.Name, func() ([]byte, error) { return f.read(env) })
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	} else if err != nil {
		return found, &Error{found.Name, err, ""}
	}
	found.Data = data
	return found, nil
}

// read reads the entry.
func (f firmware) read(env *Env) ([]byte, error) {
	entry := path.Join(fwCfg, "by_name", f.key)
	text, err := fs.ReadFile(env.FS, path.Join(entry, "size"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the key is missing: %w", fs.ErrNotExist)
	} else if err != nil {
		return nil, err
	}
	size, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return nil, fmt.Errorf("its size is not a number: %w", err)
	}
	if size > maxConfig {
		return nil, fmt.Errorf("it has %d bytes; the limit of a config is %d", size, maxConfig)
	}
	defer stillReading(env, f.places()[0])()
	return readExactly(env.FS, path.Join(entry, "raw"), size)
}

// readExactly reads a file of a known size with one large read. The kernel goes through the entry from its start for every
// read, so the time for many small reads would grow with the square of the size.
func readExactly(files fs.FS, name string, size int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open its contents: %s", err) // not as ErrNotExist: the key is there
	}
	defer f.Close()
	buffer := make([]byte, size+1)
	n, err := io.ReadFull(f, buffer)
	switch {
	case err == nil:
		return nil, fmt.Errorf("it holds more than the %d bytes it announces", size)
	case int64(n) < size:
		return nil, fmt.Errorf("it ends after %d of %d bytes", n, size)
	case !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF):
		return nil, err
	}
	return buffer[:n], nil
}

// stillReading logs after 10 s, and then every 5 s, that a large entry is still being read: emulated devices are slow. The
// returned function ends it.
func stillReading(env *Env, name string) func() {
	done := make(chan struct{})
	go func() {
		wait := 10 * time.Second
		for began := time.Now(); ; wait = 5 * time.Second {
			select {
			case <-done:
				return
			case <-time.After(wait):
				env.Log.Warn("still reading "+name, "since", time.Since(began).Round(time.Second))
			}
		}
	}()
	return func() { close(done) }
}

// Machines without fw_cfg (s390x, ppc64le) have their config on a disk with this serial number.
const (
	serial      = "/dev/disk/by-id/virtio-ignition"
	serialWait  = 5 * time.Minute
	virtioBlock = "sys/bus/virtio/drivers/virtio_blk"
)

// serialDisk is the source "the contents of a virtio disk by serial number".
type serialDisk struct{}

func (serialDisk) places() []string { return []string{"the virtio disk with serial number ignition"} }

func (s serialDisk) find(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: s.places()[0]}
	env.Log.Warn("reading the config from a virtio disk is experimental")
	if err := env.module(ctx, "virtio_blk", virtioBlock); err != nil {
		return found, &Error{found.Name, fmt.Errorf("load the driver of virtio disks: %w", err), "add the kernel module virtio_blk to the initramfs"}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, serialWait, fmt.Errorf("%s has not appeared within %s", serial, serialWait))
	defer cancel()
	data, err := env.try(found.Name, func() ([]byte, error) {
		for {
			if data, err := env.Read(ctx, serial); !errors.Is(err, fs.ErrNotExist) {
				return data, err
			}
			select {
			case <-ctx.Done():
				return nil, context.Cause(ctx)
			case <-time.After(look):
			}
		}
	})
	if err != nil {
		return found, &Error{found.Name, err, "attach the config as a virtio-blk device with serial=ignition"}
	}
	found.Data = unpad(data)
	return found, nil
}

// unpad removes the NUL bytes around a config. Compressed data may itself end in NUL bytes; it keeps the padding, which does
// not disturb decompression.
func unpad(data []byte) []byte {
	data = bytes.TrimLeft(data, "\x00")
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data
	}
	return bytes.TrimRight(data, "\x00")
}
