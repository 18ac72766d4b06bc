// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/firstlight-boot/firstlight/config"
)

// maxConfig is the size in bytes of the largest document that is read: the limit of YAML, which is higher than that of JSON.
const maxConfig = 512 << 20

// read reads a file, or standard input for "-". Compressed user data is decompressed, as the engine does it. It holds no more
// than maxConfig bytes, whatever the file is.
func read(name string, in io.Reader) ([]byte, error) {
	var size int64
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, withoutPath(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil {
			size = info.Size()
		}
		in = f
	}
	text, err := readUpTo(in, size, maxConfig)
	if err == nil && bytes.HasPrefix(text, []byte("\x1f\x8b")) {
		return config.Gunzip(text)
	}
	return text, withoutPath(err)
}

// readUpTo reads all of a file of about size bytes, and refuses one of more than most.
func readUpTo(in io.Reader, size, most int64) ([]byte, error) {
	var text bytes.Buffer
	text.Grow(int(min(size, most)) + bytes.MinRead)
	if _, err := text.ReadFrom(io.LimitReader(in, most+1)); err != nil {
		return nil, err
	}
	if int64(text.Len()) > most {
		return nil, fmt.Errorf("it is larger than %d MiB", most>>20)
	}
	return text.Bytes(), nil
}

// withoutPath returns the error without the name of the file, which the report has already.
func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// openFiles opens the directory of local files that a flag names. Without a name, files is nil.
func openFiles(dir string) (files fs.FS, done func(), err error) {
	if dir == "" {
		return nil, func() {}, nil
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open --files-dir %s: %w", dir, withoutPath(err))
	}
	return root.FS(), func() { root.Close() }, nil
}

// expandInputs replaces directories by the configs below them.
func expandInputs(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == "-" || err != nil || !info.IsDir() {
			files = append(files, arg) // what cannot be read is reported with the findings
			continue
		}
		found, err := configsBelow(arg)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("no configs below %s (names end in .ign or .bu; .json, .yaml and .yml count if they look like a config)", arg)
		}
		files = append(files, found...)
	}
	return files, nil
}

// configsBelow returns the configs below a directory, sorted.
func configsBelow(dir string) ([]string, error) {
	var files []string
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != dir && d.Name()[0] == '.':
			return filepath.SkipDir
		case d.Type().IsRegular() && isConfig(file):
			files = append(files, file)
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}

// isConfig reports whether a file is a config: by its name, or if other files have such names too by its start.
func isConfig(file string) bool {
	var marks []string
	switch filepath.Ext(file) {
	case ".ign", ".bu", ".butane":
		return true
	case ".json":
		marks = []string{`"ignition"`}
	case ".yaml", ".yml":
		marks = []string{"\nvariant:", "\nignition:"}
	default:
		return false
	}
	f, err := os.Open(file)
	if err != nil {
		return true // the report says why
	}
	defer f.Close()
	const enough = 4096
	start, err := io.ReadAll(io.LimitReader(f, enough))
	start = append([]byte("\n"), start...)
	return err != nil || slices.ContainsFunc(marks, func(m string) bool { return bytes.Contains(start, []byte(m)) })
}
