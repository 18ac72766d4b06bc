// SPDX-License-Identifier: Apache-2.0

// Command engine is what provisions a machine from its initramfs. It is installed as "ignition", and takes the
// personalities ignition-apply and ignition-rmcfg by the name it is called by.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/engine"
	"github.com/firstlight-boot/firstlight/internal/platform"
	"github.com/firstlight-boot/firstlight/internal/version"
)

// limitMemory has the garbage collector work seldom while the heap is small, and harder before it outgrows what a boot should
// need: an initramfs lives in memory, and so does everything that is downloaded into it. A large config is given six times its
// size.
func limitMemory(configCache string) {
	debug.SetGCPercent(400)
	limit := int64(52 << 20)
	if info, err := os.Stat(configCache); err == nil {
		limit = max(limit, 6*info.Size())
	}
	debug.SetMemoryLimit(limit)
}

func main() {
	log.SetOutput(io.Discard) // net/http logs unsolicited responses of servers, which may echo a secret
	switch args := os.Args[1:]; filepath.Base(os.Args[0]) {
	case "ignition-apply":
		os.Exit(live(args, os.Stdin, os.Stdout, os.Stderr))
	case "ignition-rmcfg":
		os.Exit(remove(args, os.Stdout, os.Stderr))
	default:
		os.Exit(stage(args, os.Stdout, os.Stderr))
	}
}

// stage parses the flags of the engine proper and runs one stage.
func stage(args []string, stdout, stderr io.Writer) int {
	o := engine.Options{Stdout: stdout, Stderr: stderr, Getenv: os.Getenv, Console: console(stdout)}
	stages := slices.Sorted(slices.Values(engine.StageNames()))
	flags := flag.NewFlagSet("ignition", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {}
	showVersion := flags.Bool("version", false, "print the version and exit")
	flags.StringVar(&o.Platform, "platform", "", "platform to read the config from: auto, or one of\n"+wrapped(platform.IDs()))
	flags.StringVar(&o.Stage, "stage", "", "stage, one of "+list(stages))
	flags.StringVar(&o.Root, "root", "/", "root of the target filesystem")
	flags.StringVar(&o.ConfigCache, "config-cache", "/run/ignition.json", "the rendered config, kept between stages")
	flags.DurationVar(&o.FetchTimeout, "fetch-timeout", 2*time.Minute, "time for each request to the platform, in whole seconds")
	flags.StringVar(&o.NeedNet, "neednet", "/run/ignition/neednet", "flag file that asks for the network")
	flags.StringVar(&o.StateFile, "state-file", "/run/ignition/state", "what a stage leaves for later stages")
	flags.BoolVar(&o.LogToStdout, "log-to-stdout", false, "log to standard output instead of syslog")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return help(flags, stdout, stageUsage, engine.ExitOK)
	} else if err != nil {
		return help(flags, stderr, stageUsage, engine.ExitUsage)
	}
	if *showVersion {
		fmt.Fprintln(stdout, "Ignition "+version.Version())
		return engine.ExitOK
	}
	o.FetchTimeout = o.FetchTimeout.Truncate(time.Second)
	if problem := check(o, stages); problem != "" {
		fmt.Fprintln(stderr, problem)
		return help(flags, stderr, stageUsage, engine.ExitUsage)
	}
	limitMemory(o.ConfigCache)
	return engine.Run(context.Background(), o)
}

const stageUsage = "ignition -platform ID -stage NAME [FLAG]..."

// help writes how a program is called, and returns the exit code.
func help(flags *flag.FlagSet, to io.Writer, usage string, code int) int {
	fmt.Fprintf(to, "Usage: %s\n", usage)
	flags.SetOutput(to)
	flags.PrintDefaults()
	return code
}

// console returns the device that people look at. It returns "" if the distribution sends the output of the stages to
// /dev/null: under Secure Execution, the console belongs to someone who must not read the config.
func console(stdout io.Writer) string {
	if f, ok := stdout.(*os.File); ok {
		info, err := f.Stat()
		null, failed := os.Stat(os.DevNull)
		if err == nil && failed == nil && os.SameFile(info, null) {
			return ""
		}
	}
	return "/dev/console"
}

// check returns what is wrong with the flags that have no default.
func check(o engine.Options, stages []string) string {
	if problem := checkPlatform(o.Platform, "-platform"); problem != "" {
		return problem
	}
	switch {
	case o.Stage == "":
		return "the flag -stage is required"
	case !slices.Contains(stages, o.Stage):
		return fmt.Sprintf("the stage %q is not known; it is one of %s", o.Stage, list(stages))
	}
	return ""
}

func checkPlatform(id, flag string) string {
	if id == "" {
		return "the flag " + flag + " is required"
	}
	if _, known := platform.Find(id); !known && id != platform.Auto {
		return fmt.Sprintf("the platform %q is not known; it is one of %s, or auto", id, list(platform.IDs()))
	}
	return ""
}

func list(names []string) string { return "[" + strings.Join(names, " ") + "]" }

// wrapped is a list in lines that fit a screen after the indent of a help text.
func wrapped(names []string) string {
	out, width := "", 0
	for _, word := range strings.Fields(list(names)) {
		if width += len(word) + 1; width > 72 {
			out, width = strings.TrimSuffix(out, " ")+"\n", len(word)+1
		}
		out += word + " "
	}
	return strings.TrimSuffix(out, " ")
}
