// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// writeFile writes a file and replaces an existing one. A regular file, or the one that a link leads to, gets its new content when that
// is complete: a server never hands out half a config, and an error leaves the old one. Pipes and devices are written to.
func writeFile(name string, write func(io.Writer) error) error {
	wrap := func(err error) error { return fmt.Errorf("write config to %s: %w", name, err) }
	target, mode, replaceable := replaced(name)
	var aside *os.File
	if replaceable {
		hidden := fmt.Sprintf(".%s.%d", filepath.Base(target), time.Now().UnixNano())
		aside, _ = os.OpenFile(filepath.Join(filepath.Dir(target), hidden), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	}
	if aside == nil { // also if only the file may be written, and not its directory
		return inPlace(name, write)
	}
	defer os.Remove(aside.Name()) // unless it has its name
	err := write(aside)
	if err == nil && mode != 0 {
		err = aside.Chmod(mode)
	}
	if err != nil {
		return wrap(errors.Join(err, aside.Close()))
	}
	if err := aside.Close(); err != nil {
		return wrap(err)
	}
	if os.Rename(aside.Name(), target) == nil {
		return nil
	}
	return inPlace(name, func(w io.Writer) error { // a file that is mounted by itself cannot be replaced
		content, err := os.Open(aside.Name())
		if err != nil {
			return err
		}
		defer content.Close()
		_, err = io.Copy(w, content)
		return err
	})
}

// replaced returns the path of the file that an output replaces, and its mode, 0 for a new file. ok is false if the output is written
// to as it stands.
func replaced(name string) (target string, mode os.FileMode, ok bool) {
	info, err := os.Stat(name)
	if err != nil {
		_, err = os.Lstat(name)
		return name, 0, err != nil // a link to nothing makes the file that it leads to
	}
	target, err = filepath.EvalSymlinks(name)
	return target, info.Mode().Perm(), err == nil && info.Mode().IsRegular()
}

// inPlace writes to a file, from its start.
func inPlace(name string, write func(io.Writer) error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("write config: %w", err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return fmt.Errorf("write config to %s: %w", name, err)
	}
	return nil
}
