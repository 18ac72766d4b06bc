// SPDX-License-Identifier: Apache-2.0

package logx

import (
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestSyslog: each line is one datagram, with the priority of its level.
func TestSyslog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	daemon, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer daemon.Close()
	conn, err := net.Dial("unixgram", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s := &Syslog{conn: conn, tag: "ignition"}
	log := New(s)
	log.Debug("fine")
	log.Error("two\nlines", "n", 1)
	log.Log(t.Context(), Critical+8, "the end")
	pid := fmt.Sprintf("ignition[%d]: ", os.Getpid())
	want := []string{"<7>" + pid + "fine", "<3>" + pid + "two", "<3>" + pid + "lines n=1", "<0>" + pid + "the end"}
	var got []string
	for range want {
		var record [256]byte
		n, err := daemon.Read(record[:])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(record[:n]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLevels: a level between two rows counts as the lower one, and priorities are those of syslog(3).
func TestLevels(t *testing.T) {
	for l, want := range map[slog.Level]int{
		slog.LevelDebug - 4: 7, slog.LevelDebug: 7, slog.LevelInfo: 6, slog.LevelInfo + 1: 6, Notice: 5, slog.LevelWarn: 4, slog.LevelError: 3, Critical: 2,
		Critical + 4: 1, Critical + 100: 0,
	} {
		if got := row(l).priority; got != want {
			t.Errorf("level %d has priority %d, want %d", l, got, want)
		}
	}
	if !slices.IsSortedFunc(levels, func(a, b level) int { return int(b.atLeast - a.atLeast) }) {
		t.Error("the table of levels is not sorted from the highest down")
	}
}
