// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/firstlight-boot/firstlight/internal/engine"
	"github.com/firstlight-boot/firstlight/internal/platform"
)

// remove parses the flags of ignition-rmcfg and deletes the config from the hypervisor.
func remove(args []string, stdout, stderr io.Writer) int {
	o := engine.Options{Stdout: stdout, Stderr: stderr}
	flags := pflag.NewFlagSet("ignition-rmcfg", pflag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "Usage: ignition-rmcfg [options]\n\nOptions:\n"+flags.FlagUsages())
	}
	flags.StringVar(&o.Platform, "platform", "", "platform to delete the config from, one of "+list(platform.IDs()))
	flags.BoolVar(&o.LogToStdout, "log-to-stdout", false, "log to standard output instead of syslog")
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
	problem := checkPlatform(o.Platform, "--platform")
	if problem == "" && flags.NArg() > 0 {
		problem = "no arguments are taken"
	}
	if problem != "" {
		fmt.Fprintln(stderr, problem)
		flags.Usage()
		return engine.ExitUsage
	}
	return engine.DeleteConfig(context.Background(), o)
}
