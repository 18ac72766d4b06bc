// SPDX-License-Identifier: Apache-2.0

package origin_test

import (
	"bytes"
	"compress/gzip"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// TestTFTP runs tftpd-hpa, which chroots and so needs root.
func TestTFTP(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("tftpd needs root to change its root directory")
	}
	program, err := exec.LookPath("in.tftpd")
	if err != nil {
		if program, err = exec.LookPath("/usr/sbin/in.tftpd"); err != nil {
			missing(t, "in.tftpd of Debian's tftpd-hpa")
		}
	}
	big := strings.Repeat("0123456789abcdef", 20000) // several hundred blocks
	even := strings.Repeat("x", 2*1428)              // ends with an empty block
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("payload"))
	z.Close()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config.ign": "payload", "big": big, "even": even, "empty": "", "packed": packed.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	address := tftpd(t, program, dir)
	n := newNetwork(t)
	url := "tftp://" + address + "/"
	n.check(t, n.client("metal"),
		fetched{name: "file", req: fetch.Request{URL: url + "config.ign"}, want: "payload"},
		fetched{name: "many blocks", req: fetch.Request{URL: url + "big"}, want: big},
		fetched{name: "whole blocks", req: fetch.Request{URL: url + "even"}, want: even},
		fetched{name: "empty", req: fetch.Request{URL: url + "empty"}},
		fetched{name: "gzip", req: fetch.Request{URL: url + "packed", Compression: "gzip"}, want: "payload"},
		fetched{name: "wrong hash", req: fetch.Request{URL: url + "config.ign", Hash: "sha256-" + strings.Repeat("0", 64)},
			err: fetch.ErrHashMismatch, text: []string{"sha256-0000"}},
		fetched{name: "missing", req: fetch.Request{URL: url + "none"}, err: fetch.ErrNotFound, text: []string{"not found", "File not found"}},
		fetched{name: "no path", req: fetch.Request{URL: "tftp://" + address}, err: fetch.ErrURL, text: []string{"a path"}},
	)
}

// tftpd runs the server until the test ends. Its socket is open before it runs, as under systemd, so the test need not wait
// for the server.
func tftpd(t *testing.T, program, dir string) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	socket, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	// Without --listen it takes the socket as its standard input and waits 15 minutes for another request (inetd's "wait").
	cmd := exec.Command(program, "--secure", "--user", "root", dir)
	cmd.Stdin = socket
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return conn.LocalAddr().String()
}
