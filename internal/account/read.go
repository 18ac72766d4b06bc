// SPDX-License-Identifier: Apache-2.0

package account

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Tree is the target as far as account files are concerned; *rootfs.Root is one. Paths that do not exist give errors that
// wrap fs.ErrNotExist.
type Tree interface {
	Follow(path string) (string, error)
	ReadFile(path string, limit int64) ([]byte, error)
	ReadDir(path string) ([]string, error)
}

// The longest account file, and the longest file of sysusers.d, in bytes.
const (
	longest         = 64 << 20
	longestSysusers = 1 << 20
)

// Read reads everything that the editor needs: the files of Sources, and those in Directories. It skips a file of sysusers.d
// that cannot be read, as systemd does.
func Read(t Tree) (Texts, error) {
	texts := Texts{}
	for _, f := range Sources() {
		place, err := t.Follow(string(f))
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", f, err)
		}
		switch text, err := t.ReadFile(place, longest); {
		case err == nil:
			texts[f] = string(text)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("read %s: %w", f, err)
		}
	}
	for _, dir := range Directories() {
		readSysusers(t, dir, texts)
	}
	return texts, nil
}

func readSysusers(t Tree, dir string, texts Texts) {
	resolved, err := t.Follow(dir)
	if err != nil {
		return
	}
	names, _ := t.ReadDir(resolved)
	for _, name := range names {
		if !strings.HasSuffix(name, ".conf") {
			continue
		}
		f := File(path.Join(dir, name))
		place, err := t.Follow(path.Join(resolved, name))
		if err != nil {
			continue
		}
		if place == "/dev/null" { // it hides files of its name
			texts[f] = ""
		} else if text, err := t.ReadFile(place, longestSysusers); err == nil {
			texts[f] = string(text)
		}
	}
}
