// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/firstlight-boot/firstlight/internal/engine"
)

// live parses the flags of ignition-apply and applies a config in a container.
func live(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o := engine.LiveOptions{Stdin: stdin, Stdout: stdout, Stderr: stderr, Getenv: os.Getenv}
	flags := pflag.NewFlagSet("ignition-apply", pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: ignition-apply [options] config.ign\n\nOptions:\n"+flags.FlagUsages())
	}
	flags.StringVar(&o.Root, "root", "/", "root of the target filesystem")
	flags.BoolVar(&o.IgnoreUnsupported, "ignore-unsupported", false, "leave out what cannot be applied in a container")
	flags.BoolVar(&o.Offline, "offline", false, "fail if anything needs the network")
	version := flags.Bool("version", false, "print the version and exit")
	if err := flags.Parse(args); errors.Is(err, pflag.ErrHelp) {
		return engine.ExitOK
	} else if err != nil {
		fmt.Fprintln(stderr, err)
		return engine.ExitUsage
	}
	if *version {
		fmt.Fprintln(stdout, "Ignition "+engine.Version())
		return engine.ExitOK
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return engine.ExitFailed
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return engine.ExitFailed
	}
	o.Root, o.Config = root, flags.Arg(0)
	return engine.Apply(context.Background(), o)
}
