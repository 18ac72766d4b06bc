// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func content(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

// TestWriteFile: an output is replaced when the new one is complete, keeps its mode, and stays where a link leads to; nothing else is
// left in its directory.
func TestWriteFile(t *testing.T) {
	broken := errors.New("a local file vanished")
	for name, c := range map[string]struct {
		prepare func(name string) error
		fails   bool
		want    string // content in the end; "-": there is no file
		mode    os.FileMode
	}{
		"new":             {want: "new", mode: 0o644},
		"new, fails":      {fails: true, want: "-"},
		"existing":        {prepare: func(name string) error { return os.WriteFile(name, []byte("the old one"), 0o600) }, want: "new", mode: 0o600},
		"existing, fails": {prepare: func(name string) error { return os.WriteFile(name, []byte("old"), 0o640) }, fails: true, want: "old", mode: 0o640},
		"link": {prepare: func(name string) error {
			return errors.Join(os.WriteFile(name+".real", []byte("old"), 0o640), os.Symlink(filepath.Base(name)+".real", name))
		}, want: "new", mode: 0o640},
		"link, fails": {prepare: func(name string) error {
			return errors.Join(os.WriteFile(name+".real", []byte("old"), 0o640), os.Symlink(filepath.Base(name)+".real", name))
		}, fails: true, want: "old", mode: 0o640},
		"link to nothing": {prepare: func(name string) error { return os.Symlink("real", name) }, want: "new", mode: 0o644},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			output := filepath.Join(dir, "out.ign")
			if c.prepare != nil {
				if err := c.prepare(output); err != nil {
					t.Fatal(err)
				}
			}
			link, _ := os.Readlink(output)
			err := writeFile(output, func(w io.Writer) error {
				if err := content("new")(w); err != nil || !c.fails {
					return err
				}
				return broken
			})
			if c.fails != errors.Is(err, broken) || c.fails && !strings.Contains(err.Error(), output) {
				t.Errorf("the error is %v", err)
			}
			text, err := os.ReadFile(output)
			if c.want == "-" && errors.Is(err, os.ErrNotExist) {
				text = []byte("-")
			}
			if string(text) != c.want {
				t.Errorf("the file is %q, %v", text, err)
			}
			if info, err := os.Stat(output); err == nil && info.Mode() != c.mode {
				t.Errorf("its mode is %v", info.Mode())
			}
			if now, _ := os.Readlink(output); now != link {
				t.Errorf("the link leads to %q", now)
			}
			hidden, err := filepath.Glob(filepath.Join(dir, ".*"))
			if err != nil || len(hidden) > 0 {
				t.Errorf("beside it is %v, %v", hidden, err)
			}
		})
	}
	if err := writeFile(filepath.Join(t.TempDir(), "missing", "x"), content("")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("in a missing directory: %v", err)
	}
}
