// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// fwCfg is where the qemu_fw_cfg module shows the entries of QEMU's firmware configuration device
// (Linux Documentation/ABI/testing/sysfs-firmware-qemu_fw_cfg).
const fwCfg = "sys/firmware/qemu_fw_cfg"

// maxConfig bounds a config of any source, in bytes.
const maxConfig = 64 << 20

// firmwareKey is the source "a key of the QEMU firmware configuration device".
func firmwareKey(key string) func(context.Context, Env) (Found, error) {
	return func(ctx context.Context, env Env) (Found, error) {
		found := Found{Name: "fw_cfg " + key}
		if _, err := fs.Stat(env.FS, fwCfg); errors.Is(err, fs.ErrNotExist) {
			if err := env.Module(ctx, "qemu_fw_cfg"); err != nil {
				return found, fmt.Errorf("load the driver of fw_cfg: %w", err)
			}
		}
		entry := path.Join(fwCfg, "by_name", key)
		text, err := fs.ReadFile(env.FS, path.Join(entry, "size"))
		if errors.Is(err, fs.ErrNotExist) {
			return found, nil
		} else if err != nil {
			return found, fmt.Errorf("read size of %s: %w", found.Name, err)
		}
		size, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err != nil {
			return found, fmt.Errorf("read size of %s: %w", found.Name, err)
		}
		if size > maxConfig {
			return found, fmt.Errorf("read %s: it has %d bytes, a config may have %d", found.Name, size, maxConfig)
		}
		defer stillReading(env, found.Name)()
		found.Data, err = readExactly(env.FS, path.Join(entry, "raw"), size)
		if err != nil {
			return found, fmt.Errorf("read %s: %w", found.Name, err)
		}
		return found, nil
	}
}

// readExactly reads a file of a known size with one large read: the kernel goes through the entry from its start
// for every read, so that many small ones would take a time of the square of the size.
func readExactly(files fs.FS, name string, size int64) ([]byte, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
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

// stillReading says after 10 s, and every 5 s from then on, that a large entry is being read; emulated devices are
// slow. The returned function ends it.
func stillReading(env Env, name string) func() {
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
