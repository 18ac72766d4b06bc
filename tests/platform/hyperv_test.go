// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// kvpSize is the size of every message of Hyper-V's data exchange.
const kvpSize = 4 + 12 + 512 + 2048 + 4856

// kvp is the message that sets a pair of a pool.
func kvp(pool byte, key, value string) []byte {
	m := make([]byte, kvpSize)
	m[0], m[1] = 1, pool
	binary.NativeEndian.PutUint32(m[8:], uint32(len(key)+1))
	binary.NativeEndian.PutUint32(m[12:], uint32(len(value)+1))
	copy(m[16:], key)
	copy(m[16+512:], value)
	return m
}

// exchange replaces the device of the data exchange by a terminal, and plays the host at its other end.
func exchange(t *testing.T, messages ...[]byte) {
	t.Helper()
	host, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(host.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(host.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("/dev/pts/%d", number)
	guest, err := os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0) // stays open, and so keeps the other end open
	if err != nil {
		t.Fatal(err)
	}
	raw := &unix.Termios{Cflag: unix.CS8 | unix.CREAD}
	raw.Cc[unix.VMIN] = 1
	if err := unix.IoctlSetTermios(int(guest.Fd()), unix.TCSETS, raw); err != nil {
		t.Fatal(err)
	}
	const device = "/dev/disk/vmbus/hv_kvp" // below the test's own directory
	if err := os.MkdirAll(filepath.Dir(device), 0o755); err != nil {
		t.Fatal(err)
	}
	os.Remove(device)
	if err := os.Symlink(name, device); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		answer := make([]byte, kvpSize)
		if _, err := io.ReadFull(host, answer); err != nil || answer[0] != 100 {
			t.Errorf("registration %v, error %v", answer[:4], err)
			return
		}
		for _, m := range messages {
			if _, err := host.Write(m); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(host, answer); err != nil || binary.NativeEndian.Uint32(answer) != 0 {
				t.Errorf("answer %v, error %v", answer[:4], err)
			}
		}
	}()
	t.Cleanup(func() {
		<-done
		guest.Close()
		host.Close()
	})
}

// TestHyperV runs stages on pairs of the host, and checks the resulting files in the target root.
func TestHyperV(t *testing.T) {
	half := len(config) / 2
	for name, c := range map[string]struct {
		messages [][]byte
		want     outcome
	}{
		"found":   {[][]byte{kvp(3, "HostName", "h"), kvp(0, "ignition.config", config)}, outcome{found: true}},
		"split":   {[][]byte{kvp(0, "ignition.config.1", config[half:]), kvp(0, "ignition.config.0", config[:half])}, outcome{found: true}},
		"gzip":    {[][]byte{kvp(0, "ignition.config", packed(config))}, outcome{found: true}},
		"garbage": {[][]byte{kvp(0, "ignition.config", "garbage")}, outcome{code: 1}},
		"absent":  {nil, outcome{empty: true}},
		"empty":   {[][]byte{kvp(0, "ignition.config", "")}, outcome{empty: true}},
	} {
		t.Run(name, func(t *testing.T) {
			exchange(t, c.messages...)
			dir := t.TempDir()
			if err := os.Mkdir(dir+"/root", 0o755); err != nil {
				t.Fatal(err)
			}
			script(t, dir, "modprobe", "true")
			c.want.check(t, engine(t, dir, "hyperv", "fetch-offline", nil))
			if c.want.code != 0 {
				return
			}
			state, err := os.ReadFile(dir + "/state")
			if err != nil || !strings.Contains(string(state), `"providerOutputFiles":[{`) {
				t.Fatalf("state %s, error %v", state, err)
			}
			if r := engine(t, dir, "hyperv", "files", nil, "-root", dir+"/root"); r.code != 0 {
				t.Fatalf("stage files: %s", r.log)
			}
			info, err := os.Stat(dir + "/root/var/lib/hyperv/.kvp_pool_0")
			if err != nil || info.Mode() != 0o600 || info.Size()%(512+2048) != 0 {
				t.Errorf("pool 0 is %v, error %v", info, err)
			}
			if name == "split" && info.Size() != 2*(512+2048) {
				t.Errorf("pool 0 has %d bytes", info.Size())
			}
		})
	}
}
