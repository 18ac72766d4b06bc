// SPDX-License-Identifier: Apache-2.0

package tftp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// tftpPacket is a packet of RFC 1350: its kind, a number, and the rest.
func tftpPacket(kind, number uint16, rest string) []byte {
	p := binary.BigEndian.AppendUint16(nil, kind)
	if kind != 6 { // an acknowledgment of options has no number
		p = binary.BigEndian.AppendUint16(p, number)
	}
	return append(p, rest...)
}

// tftpServer answers requests for a file with packets, which depend on whether the request has options. It sends each packet
// after the acknowledgment of the one before.
func tftpServer(t *testing.T, answers map[bool][][]byte) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		var left [][]byte
		buffer := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if p := buffer[:n]; p[1] == 1 { // a read request
				left = answers[bytes.Contains(p, []byte("blksize"))]
			}
			if len(left) > 0 {
				conn.WriteTo(left[0], from)
				left = left[1:]
			}
		}
	}()
	return "tftp://" + conn.LocalAddr().String() + "/file"
}

// TestTFTPAnswers checks the results of answers that no well-behaved server sends.
func TestTFTPAnswers(t *testing.T) {
	plain := [][]byte{tftpPacket(3, 1, "payload")}
	refuse := func(code uint16, text string) [][]byte { return [][]byte{tftpPacket(5, code, text+"\x00")} }
	for _, c := range []struct {
		name              string
		options, noOption [][]byte
		want              string
		err               error
		text              string
	}{
		{name: "no options known", options: plain, want: "payload"},
		{name: "options refused", options: refuse(8, "no options"), noOption: plain, want: "payload"},
		{name: "options acknowledged", options: [][]byte{tftpPacket(6, 0, "blksize\x001428\x00tsize\x007\x00"), plain[0]}, want: "payload"},
		{name: "missing", options: refuse(1, "File not found"), err: fetch.ErrNotFound, text: "error 1 File not found"},
		{name: "forbidden", options: refuse(2, "Access violation"), err: fetch.ErrFailed, text: "error 2 Access violation"},
		{name: "shorter than announced", options: [][]byte{tftpPacket(6, 0, "blksize\x001428\x00tsize\x009\x00"), plain[0]},
			err: fetch.ErrTimeout, text: "announced 9 bytes and sent 7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := tftpServer(t, map[bool][][]byte{true: c.options, false: c.noOption})
			client, err := fetch.New(fetch.Options{Total: time.Second})
			if err != nil {
				t.Fatal(err)
			}
			got, err := client.Bytes(t.Context(), fetch.Request{URL: url}, 1<<10)
			switch {
			case c.err == nil && (err != nil || string(got) != c.want):
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			case c.err != nil && (!errors.Is(err, c.err) || !strings.Contains(err.Error(), c.text)):
				t.Errorf("error %v; want %v with %q", err, c.err, c.text)
			}
		})
	}
}
