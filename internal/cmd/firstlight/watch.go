// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"time"
)

// pollEvery is the time between two looks at files for changes.
const pollEvery = 500 * time.Millisecond

// watch runs now, and again whenever the state differs from that of the last run, until it is interrupted.
func watch(interrupted <-chan os.Signal, state func() string, run func()) {
	last := state()
	run()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		select {
		case <-interrupted:
			return
		case <-ticker.C:
			if now := state(); now != last {
				last = now
				run()
			}
		}
	}
}

// snapshot describes files by size and time, so that two of them differ if a file has changed: those with the names, and all of a tree
// but the ones of ours.
func snapshot(names []string, files fs.FS, ours map[string]bool) string {
	h := fnv.New64a()
	note := func(name string, info fs.FileInfo, err error) {
		if err != nil {
			fmt.Fprintln(h, name, err)
			return
		}
		fmt.Fprintln(h, name, info.Size(), info.ModTime().UnixNano(), info.Mode())
	}
	for _, name := range names {
		info, err := os.Stat(name)
		note(name, info, err)
	}
	if files != nil {
		_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil {
				note(name, nil, err)
				return nil
			}
			if d.IsDir() { // its time changes with each file in it, and these are noted themselves
				fmt.Fprintln(h, name)
				return nil
			}
			if ours[name] {
				return nil
			}
			info, err := d.Info()
			note(name, info, err)
			return nil
		})
	}
	return fmt.Sprintf("%x", h.Sum64())
}
