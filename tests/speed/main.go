// SPDX-License-Identifier: Apache-2.0

// Command speed prints the time that the programs take for large work, in turn with programs that do only the least of that
// work: the limits. It checks nothing. Each run starts with its own tree, and no tree is removed before the end: ext4
// allocates inodes slowly for a while after many were deleted. FIRSTLIGHT_PEER=PATH also runs another engine with the same
// flags.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

func main() {
	runs := flag.Int("runs", 3, "`number` of runs of each program")
	only := flag.String("only", "", "`regular expression` for the names of cases")
	dir := flag.String("dir", "", "`directory` to work below; the default is that for temporary files")
	flag.Parse()
	if err := speed(*runs, *only, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

// The programs, as ./build makes them.
const (
	engine = "bin/ignition"
	tool   = "bin/firstlight"
)

func speed(runs int, only, below string) (err error) {
	choice, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(below, "firstlight-speed-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for _, c := range append(engineCases(), toolCases()...) {
		if !choice.MatchString(c.name) {
			continue
		}
		at := filepath.Join(dir, c.name)
		if err := os.Mkdir(at, 0o755); err != nil {
			return err
		}
		if err := c.print(at, runs); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}
