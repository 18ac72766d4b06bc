// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

func (m *Machine) qmp() string   { return filepath.Join(m.Dir, "qmp") }
func (m *Machine) tpm() string   { return filepath.Join(m.Dir, "tpm.sock") }
func (m *Machine) share() string { return filepath.Join(m.Dir, "share.sock") }

// Plug plugs a late disk into a running machine.
func (m *Machine) Plug(disk int) error {
	return m.plug(fmt.Sprintf("d%d", disk), fmt.Sprintf("lab%d", disk))
}

// PlugFiles plugs the disk with files in, which comes after the late ones.
func (m *Machine) PlugFiles() error { return m.plug("files", "files") }

// plug adds a device (QEMU Machine Protocol, device_add).
func (m *Machine) plug(drive, serial string) error {
	disk := serial
	c, err := net.Dial("unix", m.qmp())
	if err != nil {
		return fmt.Errorf("plug disk %s in: %w", disk, err)
	}
	defer c.Close()
	in, out := json.NewDecoder(c), json.NewEncoder(c)
	var greeting any
	if err := in.Decode(&greeting); err != nil {
		return fmt.Errorf("plug disk %s in: %w", disk, err)
	}
	device := map[string]any{"driver": "virtio-blk-pci", "id": "late-" + serial, "drive": drive, "serial": serial}
	for _, command := range []map[string]any{{"execute": "qmp_capabilities"}, {"execute": "device_add", "arguments": device}} {
		var answer struct {
			Error  *struct{ Desc string }
			Return *any
			Event  string
		}
		if err := out.Encode(command); err != nil {
			return fmt.Errorf("plug disk %s in: %w", disk, err)
		}
		for answer.Return == nil {
			if err := in.Decode(&answer); err != nil {
				return fmt.Errorf("plug disk %s in: %w", disk, err)
			}
			if answer.Error != nil {
				return fmt.Errorf("plug disk %s in: %s", disk, answer.Error.Desc)
			}
		}
	}
	return nil
}

// startDevices starts the programs that emulate devices of the machine. They end with the machine.
func (m *Machine) startDevices() error {
	if m.TPM {
		state := filepath.Join(m.Dir, "tpm")
		if err := os.MkdirAll(state, 0o700); err != nil {
			return fmt.Errorf("start TPM: %w", err)
		}
		err := startDevice(m.tpm(), "swtpm", "socket", "--tpm2", "--tpmstate", "dir="+state, "--ctrl", "type=unixio,fd=3", "--terminate")
		if err != nil {
			return fmt.Errorf("start TPM: %w", err)
		}
	}
	if m.Share != "" {
		program, args, err := share(m.Share)
		if err == nil {
			err = startDevice(m.share(), program, args...)
		}
		if err != nil {
			return fmt.Errorf("start share: %w", err)
		}
	}
	return nil
}

// startDevice starts a program that serves a socket. The program gets the socket as descriptor 3, so that it exists before
// QEMU looks for it.
func startDevice(socket, program string, args ...string) error {
	os.Remove(socket) // left over from an earlier boot
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	f, err := l.File()
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	defer f.Close()
	cmd := exec.Command(program, args...)
	cmd.ExtraFiles = []*os.File{f}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait()
	return nil
}

// A Tang is a Tang server that guests reach.
type Tang struct {
	URL        string // as guests see it
	Thumbprint string // of its signing key
	Adv        string // its advertisement, as JSON text
	listener   net.Listener
}

// Start starts the server, with new keys in a directory: Debian's tangd(8), once for each connection, as its socket unit does.
func (t *Tang) Start(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("start Tang: %w", err)
	}
	if out, err := exec.Command("/usr/libexec/tangd-keygen", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("make keys of Tang: %w: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("start Tang: %w", err)
	}
	t.URL, t.listener = fmt.Sprintf("http://10.0.2.2:%d", l.Addr().(*net.TCPAddr).Port), l
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveTang(c, dir)
		}
	}()
	return t.look(dir)
}

// Placeholders of texts, each followed by its replacement.
func (t *Tang) Placeholders() []string {
	adv, _ := json.Marshal(t.Adv) // a string
	return []string{"{{TANG}}", t.URL, "{{THUMBPRINT}}", t.Thumbprint, `"{{ADVERTISEMENT}}"`, string(adv)}
}

// Close stops the server if it was started.
func (t *Tang) Close() {
	if t.listener != nil {
		t.listener.Close()
	}
}

func serveTang(c net.Conn, dir string) {
	defer c.Close()
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		return
	}
	defer f.Close()
	cmd := exec.Command("/usr/libexec/tangd", dir)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = f, f, io.Discard
	cmd.Run()
}

// look reads the advertisement and the thumbprint of its signing key, as tang-show-keys(1) does.
func (t *Tang) look(dir string) error {
	out, err := exec.Command("sh", "-c", `for k in "$1"/*.jwk; do
		if jose jwk use -i "$k" -r -u verify -o /dev/null; then jose jwk thp -a S256 -i "$k"; fi
	done`, "-", dir).Output()
	if err != nil {
		return fmt.Errorf("look at keys of Tang: %w", err)
	}
	t.Thumbprint = strings.TrimSpace(string(out))
	r, err := http.Get("http://" + t.listener.Addr().String() + "/adv")
	if err != nil {
		return fmt.Errorf("ask Tang: %w", err)
	}
	defer r.Body.Close()
	adv, err := io.ReadAll(r.Body)
	if err != nil {
		return fmt.Errorf("ask Tang: %w", err)
	}
	t.Adv = string(adv)
	if !json.Valid([]byte(t.Adv)) {
		return fmt.Errorf("ask Tang: %q is not an advertisement", t.Adv)
	}
	return nil
}
