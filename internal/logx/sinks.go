// SPDX-License-Identifier: Apache-2.0

package logx

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
)

// level maps a slog level to its syslog priority and its name on standard output.
type level struct {
	atLeast  slog.Level
	priority int    // of syslog(3)
	name     string // as on standard output
}

var levels = []level{
	{Critical + 8, 0, "EMERGENCY"},
	{Critical + 4, 1, "ALERT"},
	{Critical, 2, "CRITICAL"},
	{slog.LevelError, 3, "ERROR"},
	{slog.LevelWarn, 4, "WARNING"},
	{Notice, 5, "NOTICE"},
	{slog.LevelInfo, 6, "INFO"},
}

func row(l slog.Level) level {
	for _, r := range levels {
		if l >= r.atLeast {
			return r
		}
	}
	return level{slog.LevelDebug, 7, "DEBUG"}
}

// Stdout writes lines of the form "INFO     : text".
type Stdout struct{ W io.Writer }

// Lines implements Sink, with one write.
func (s Stdout) Lines(lines ...Line) error {
	size := 0
	for _, l := range lines {
		size += len("WARNING  : \n") + len(l.Text)
	}
	text := make([]byte, 0, size)
	for _, l := range lines {
		name := row(l.Level).name
		text = append(append(text, name...), "         : "[len(name):]...)
		text = append(append(text, l.Text...), '\n')
	}
	_, err := s.W.Write(text)
	return err
}

// Syslog writes to the local syslog socket.
type Syslog struct {
	conn net.Conn
	tag  string
}

// syslogSockets lists the sockets on which a syslog daemon, or journald, may listen.
var syslogSockets = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}

// OpenSyslog connects to the first local syslog socket that answers.
func OpenSyslog(tag string) (*Syslog, error) {
	var last error
	for _, path := range syslogSockets {
		conn, err := net.Dial("unixgram", path)
		if err == nil {
			return &Syslog{conn: conn, tag: tag}, nil
		}
		last = err
	}
	return nil, fmt.Errorf("connect to syslog: %w", last)
}

// Lines implements Sink. Each line of a text becomes one record, so that no line is cut.
func (s *Syslog) Lines(lines ...Line) error {
	for _, l := range lines {
		for line := range strings.SplitSeq(l.Text, "\n") {
			if _, err := fmt.Fprintf(s.conn, "<%d>%s[%d]: %s", row(l.Level).priority, s.tag, os.Getpid(), line); err != nil {
				return err
			}
		}
	}
	return nil
}

// A Field is one field of a structured journal entry.
type Field struct{ Name, Value string }

const journalSocket = "/run/systemd/journal/socket"

// Journal sends one structured entry to the systemd journal in its native protocol. Without a journal it sends nothing: the
// entry is for other programs, and people have the log line.
func Journal(fields ...Field) error {
	conn, err := net.Dial("unixgram", journalSocket)
	if err != nil {
		return nil
	}
	defer conn.Close()
	var entry bytes.Buffer
	for _, f := range fields {
		// A name, a newline, the value's length in 64 bits little endian, the value, a newline.
		entry.WriteString(f.Name + "\n")
		_ = binary.Write(&entry, binary.LittleEndian, uint64(len(f.Value))) // a buffer does not fail
		entry.WriteString(f.Value + "\n")
	}
	if _, err := conn.Write(entry.Bytes()); err != nil {
		return fmt.Errorf("write journal entry: %w", err)
	}
	return nil
}
