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
	"github.com/firstlight-boot/firstlight/internal/platform"
	"github.com/firstlight-boot/firstlight/internal/version"
)

// live parses the flags of ignition-apply and applies a config in a container.
func live(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o := engine.LiveOptions{Stdin: stdin, Stdout: stdout, Stderr: stderr, Getenv: os.Getenv}
	const usage = "ignition-apply [options] config.ign"
	flags := newFlags(stderr)
	flags.StringVar(&o.Root, "root", "/", "root of the target filesystem")
	flags.BoolVar(&o.IgnoreUnsupported, "ignore-unsupported", false, "leave out what cannot be applied in a container")
	flags.BoolVar(&o.Offline, "offline", false, "fail if anything needs the network")
	words, code := parse(flags, usage, args, stdout, stderr)
	if code != goOn {
		return code
	}
	if len(words) != 1 {
		return help(flags, stderr, usage, engine.ExitFailed)
	}
	root, err := filepath.Abs(o.Root)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return engine.ExitFailed
	}
	o.Root, o.Config = root, words[0]
	return engine.Apply(context.Background(), o)
}

// remove parses the flags of ignition-rmcfg and deletes the config from the hypervisor.
func remove(args []string, stdout, stderr io.Writer) int {
	o := engine.Options{Stdout: stdout, Stderr: stderr}
	const usage = "ignition-rmcfg [options]"
	flags := newFlags(stderr)
	flags.StringVar(&o.Platform, "platform", "", "platform to delete the config from: auto, or one of\n"+wrapped(platform.IDs()))
	flags.BoolVar(&o.LogToStdout, "log-to-stdout", false, "log to standard output instead of syslog")
	words, code := parse(flags, usage, args, stdout, stderr)
	if code != goOn {
		return code
	}
	problem := checkPlatform(o.Platform, "--platform")
	if problem == "" && len(words) > 0 {
		problem = "no arguments are taken"
	}
	if problem != "" {
		fmt.Fprintln(stderr, problem)
		return help(flags, stderr, usage, engine.ExitUsage)
	}
	return engine.DeleteConfig(context.Background(), o)
}

// newFlags returns the flags that all helpers share.
func newFlags(stderr io.Writer) *flag.FlagSet {
	flags := flag.NewFlagSet("", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {}
	flags.Bool("version", false, "print the version and exit")
	return flags
}

// goOn is not an exit code: the program must still do its work.
const goOn = -1

// parse parses flags and serves --help and --version. It returns the arguments, and the exit code or goOn.
func parse(flags *flag.FlagSet, usage string, args []string, stdout, stderr io.Writer) (words []string, code int) {
	words, err := gnu(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil, help(flags, stdout, usage, engine.ExitOK)
	case err != nil:
		return nil, help(flags, stderr, usage, engine.ExitUsage)
	case flags.Lookup("version").Value.String() == "true":
		fmt.Fprintln(stdout, "Ignition "+version.Version())
		return nil, engine.ExitOK
	}
	return words, goOn
}

// gnu parses flags as GNU programs do: flags may follow arguments, up to a "--". It returns the arguments.
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
