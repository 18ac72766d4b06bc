// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/firstlight-boot/firstlight/internal/engine"
)

// live parses the flags of ignition-apply and applies a config in a container.
func live(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o := engine.LiveOptions{Stdin: stdin, Stdout: stdout, Stderr: stderr, Getenv: os.Getenv}
	flags := flag.NewFlagSet("ignition-apply", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: ignition-apply [options] config.ign\n\nOptions:")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.Root, "root", "/", "root of the target filesystem")
	flags.BoolVar(&o.IgnoreUnsupported, "ignore-unsupported", false, "leave out what cannot be applied in a container")
	flags.BoolVar(&o.Offline, "offline", false, "fail if anything needs the network")
	version := flags.Bool("version", false, "print the version and exit")
	words, err := gnu(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		return engine.ExitOK
	} else if err != nil {
		return engine.ExitUsage
	}
	if *version {
		fmt.Fprintln(stdout, "Ignition "+engine.Version())
		return engine.ExitOK
	}
	if len(words) != 1 {
		flags.Usage()
		return engine.ExitFailed
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return engine.ExitFailed
	}
	o.Root, o.Config = root, words[0]
	return engine.Apply(context.Background(), o)
}

// gnu parses flags as GNU programs do: they may stand behind arguments, up to a "--". It returns the arguments.
func gnu(flags *flag.FlagSet, args []string) (words []string, err error) {
	for {
		if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
			return words, err
		}
		rest := flags.Args()
		if parsed := len(args) - len(rest); parsed > 0 && args[parsed-1] == "--" {
			return append(words, rest...), nil
		}
		words, args = append(words, rest[0]), rest[1:]
	}
}
