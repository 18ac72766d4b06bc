// SPDX-License-Identifier: Apache-2.0

package files

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// grow makes nodes from lines:
//
//	d PATH [MODE [UID:GID]]
//	f PATH TEXT [MODE [UID:GID]]    "-" stands for no text, "\s" for a blank, "\n" for a line break
//	l PATH TARGET [- UID:GID]
//	h PATH TARGET                   a hard link
//	p PATH                          a FIFO
func (m *machine) grow(t testing.TB, lines string) {
	t.Helper()
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		if len(w) == 0 || w[0] == "#" {
			continue
		}
		if err := m.node(w); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

func (m *machine) node(w []string) (err error) {
	name := filepath.Join(m.dir, w[1])
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	attributes := w[2:]
	switch w[0] {
	case "d":
		err = os.MkdirAll(name, 0o755)
	case "f":
		attributes = w[3:]
		err = os.WriteFile(name, []byte(unquote(w[2])), 0o644)
	case "l":
		attributes = w[3:]
		err = os.Symlink(w[2], name)
	case "h":
		attributes = w[3:]
		err = os.Link(filepath.Join(m.dir, w[2]), name)
	case "p":
		err = unix.Mkfifo(name, 0o644)
	}
	if err == nil && len(attributes) > 1 {
		uid, gid, _ := strings.Cut(attributes[1], ":")
		u, _ := strconv.Atoi(uid)
		g, _ := strconv.Atoi(gid)
		err = os.Lchown(name, u, g)
	}
	if err == nil && len(attributes) > 0 && attributes[0] != "-" {
		mode, _ := strconv.ParseUint(attributes[0], 8, 32)
		err = unix.Chmod(name, uint32(mode))
	}
	return err
}

func unquote(text string) string {
	if text == "-" {
		return ""
	}
	return strings.NewReplacer(`\s`, " ", `\n`, "\n").Replace(text)
}

func quote(text []byte) string {
	if len(text) == 0 {
		return "-"
	}
	if len(text) > 60 {
		return fmt.Sprintf("sha256:%.10x", sha256.Sum256(text))
	}
	return strings.NewReplacer(" ", `\s`, "\n", `\n`).Replace(string(text))
}

// tree lists the nodes of a tree, one a line: type, path, content or target, mode, owner, extended attributes, and for files
// with several names the first of them.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var lines []string
	first := map[uint64]string{}
	err := filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		rel := "/" + strings.TrimPrefix(strings.TrimPrefix(name, dir), "/")
		line := fmt.Sprintf("p %s %04o %d:%d", rel, st.Mode&0o7777, st.Uid, st.Gid)
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFDIR:
			line = "d" + line[1:]
		case unix.S_IFREG:
			text, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			line = fmt.Sprintf("f %s %s %04o %d:%d", rel, quote(text), st.Mode&0o7777, st.Uid, st.Gid)
		case unix.S_IFLNK:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			line = fmt.Sprintf("l %s %s %d:%d", rel, quote([]byte(target)), st.Uid, st.Gid)
		}
		if list := make([]byte, 4096); true {
			if n, err := unix.Llistxattr(name, list); err == nil && n > 0 {
				line += " xattr " + strings.ReplaceAll(strings.TrimRight(string(list[:n]), "\x00"), "\x00", ",")
			}
		}
		if st.Nlink > 1 && st.Mode&unix.S_IFMT != unix.S_IFDIR {
			if other, ok := first[st.Ino]; ok {
				line += " = " + other
			} else {
				first[st.Ino] = rel
			}
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(lines)
	return lines
}

// changes lists what differs between two trees: "- " lines are gone, "+ " lines are new.
func changes(before, after []string) []string {
	have := map[string]bool{}
	for _, l := range before {
		have[l] = true
	}
	var diff []string
	for _, l := range after {
		if !have[l] {
			diff = append(diff, "+ "+l)
		}
		delete(have, l)
	}
	for l := range have {
		diff = append(diff, "- "+l)
	}
	sort.Slice(diff, func(i, j int) bool {
		a, b := strings.Fields(diff[i]), strings.Fields(diff[j])
		if a[2] != b[2] {
			return a[2] < b[2]
		}
		return diff[i] > diff[j]
	})
	return diff
}
