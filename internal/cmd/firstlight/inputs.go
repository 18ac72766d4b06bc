// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// maxConfig is the largest config that is read, compressed ones after decompression.
const maxConfig = 1 << 30

// read reads a file, or standard input for "-". Compressed user data is decompressed, as the engine does it.
func read(name string, in io.Reader) ([]byte, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(io.LimitReader(in, maxConfig+1))
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return nil, err
	}
	if bytes.HasPrefix(text, []byte("\x1f\x8b")) {
		r, err := gzip.NewReader(bytes.NewReader(text))
		if err == nil {
			text, err = io.ReadAll(io.LimitReader(r, maxConfig+1))
		}
		if err != nil {
			return nil, fmt.Errorf("decompress: %w", err)
		}
	}
	if len(text) > maxConfig {
		return nil, fmt.Errorf("it is larger than %d MiB", maxConfig>>20)
	}
	return text, nil
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
