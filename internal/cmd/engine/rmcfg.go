// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/firstlight-boot/firstlight/internal/engine"
	"github.com/firstlight-boot/firstlight/internal/platform"
)

// remove parses the flags of ignition-rmcfg and deletes the config from the hypervisor.
func remove(args []string, stdout, stderr io.Writer) int {
	o := engine.Options{Stdout: stdout, Stderr: stderr}
	flags := flag.NewFlagSet("ignition-rmcfg", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: ignition-rmcfg [options]\n\nOptions:")
		flags.PrintDefaults()
	}
	flags.StringVar(&o.Platform, "platform", "", "platform to delete the config from, one of "+list(platform.IDs()))
	flags.BoolVar(&o.LogToStdout, "log-to-stdout", false, "log to standard output instead of syslog")
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
	problem := checkPlatform(o.Platform, "--platform")
	if problem == "" && len(words) > 0 {
		problem = "no arguments are taken"
	}
	if problem != "" {
		fmt.Fprintln(stderr, problem)
		flags.Usage()
		return engine.ExitUsage
	}
	return engine.DeleteConfig(context.Background(), o)
}
