// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

const factsManual = `
Print, as JSON, what planning CONFIG needs to know about this machine: disks,
partition tables, filesystems, mounts, account files without hashes, and the
files and units that the config names. Nothing is changed.

With them, "firstlight plan CONFIG --facts FILE" shows on any machine what a
boot would do.

The exit code is 0 on success, 1 if the config is invalid or the machine cannot
be read, and 2 if the command line is wrong.

  firstlight facts web.ign > machine.json`

// deviceWait bounds the wait for a device on a machine that is up: its devices exist already.
const deviceWait = time.Second

// setupFacts is "firstlight facts".
func setupFacts(flags *flag.FlagSet) runner {
	root := flags.String("root", "/", "`dir` of the target root")
	return func(args []string, s streams) int {
		if len(args) != 1 {
			return usageError(s, "facts", "name one config, or - for standard input")
		}
		doc, ok := readConfig(args[0], "facts", s)
		if !ok {
			return exitFailed
		}
		f, err := lookAtMachine(*root, doc, s.err)
		if err == nil {
			err = writeJSON(s.out, f)
		}
		if err != nil {
			fmt.Fprintf(s.err, "firstlight facts: %v\n", err)
			return exitFailed
		}
		return exitOK
	}
}

// readConfig reads and checks a config, and reports what is wrong with it.
func readConfig(name, command string, s streams) (config.Document, bool) {
	text, err := read(name, s.in)
	if err == nil {
		text, err = config.Gunzip(text)
	}
	if err != nil {
		fmt.Fprintf(s.err, "firstlight %s: read config: %v\n", command, err)
		return config.Document{}, false
	}
	doc, report := config.Parse(diag.NewSource(name, text))
	if report.HasErrors() {
		if err := writeFindings(s.err, formatText, report); err != nil {
			fmt.Fprintf(s.err, "firstlight %s: %v\n", command, err)
		}
		return doc, false
	}
	return doc, true
}

// lookAtMachine captures the facts of the running machine that a boot with a config would be planned on.
func lookAtMachine(dir string, doc config.Document, say io.Writer) (f facts.Facts, err error) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	found, err := seal.Read(root) // a sealed machine boots without provisioning until someone sets the flag
	if err != nil {
		return f, err
	}
	if found != nil {
		f.Sealed = found.Provisioned
	}
	host := &sys.Host{
		Log: slog.New(slog.DiscardHandler), DeviceTimeout: deviceWait,
		Say: func(text string) { fmt.Fprintln(say, text) },
	}
	m := observe.Machine{System: host, Root: root}
	return f, provision.Capture(context.Background(), m, nil, provision.Boot(), doc, &f)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
