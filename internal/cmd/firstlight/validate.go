// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/internal/version"
)

// Formats of reports.
const (
	formatLine  = "line"  // one line for each finding, as Ignition prints them
	formatText  = "text"  // for people: with the line of the config, and what to do
	formatJSON  = "json"  // for programs
	formatSARIF = "sarif" // for code scanning
)

// validate is "firstlight validate".
func validate(args []string, s streams) int {
	return runValidate("firstlight validate", formatText, args, s)
}

// ignitionValidate is the program of that name.
func ignitionValidate(args []string, s streams) int {
	return runValidate("ignition-validate", formatLine, args, s)
}

func runValidate(name, format string, args []string, s streams) int {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(s.err)
	flags.Usage = func() {
		fmt.Fprintf(s.err, "usage: %s [FLAG]... CONFIG\n\nCONFIG is a file, or - for standard input. Flags:\n", name)
		flags.PrintDefaults()
	}
	showVersion := flags.Bool("version", false, "print the version and exit")
	flags.StringVar(&format, "format", format, "form of the report: line, text, json or sarif")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return exitOK
	} else if err != nil {
		return exitUsage
	}
	if *showVersion {
		return printVersion(nil, s)
	}
	if !strings.Contains(" line text json sarif ", " "+format+" ") {
		fmt.Fprintf(s.err, "there is no format %q\n", format)
		flags.Usage()
		return exitUsage
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return exitFailed
	}
	text, err := read(flags.Arg(0), s.in)
	if err != nil {
		fmt.Fprintf(s.err, "couldn't read config: %v\n", err)
		return exitFailed
	}
	if text, err = config.Gunzip(text); err != nil {
		fmt.Fprintf(s.err, "couldn't decompress config: %v\n", err)
		return exitFailed
	}
	_, report := config.Parse(diag.NewSource(flags.Arg(0), text))
	if err := writeReport(s, format, report); err != nil {
		fmt.Fprintf(s.err, "couldn't write report: %v\n", err)
		return exitFailed
	}
	if report.HasErrors() {
		return exitFailed
	}
	return exitOK
}

// read reads a file, or standard input.
func read(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name)
}

// writeReport writes a report. A document that is no config at all has no report in the forms for people.
func writeReport(s streams, format string, report diag.List) error {
	switch format {
	case formatJSON:
		return diag.JSON(s.out, report)
	case formatSARIF:
		return diag.SARIF(s.out, report, tool())
	}
	for _, d := range report {
		if !d.Fatal {
			continue
		}
		fmt.Fprintf(s.err, "couldn't parse config: %s\n", d.Summary)
		if format == formatText && d.Hint != "" {
			fmt.Fprintf(s.err, "  hint: %s\n", d.Hint)
		}
		return nil
	}
	if format == formatText {
		return diag.Text(s.out, report, true)
	}
	return diag.Lines(s.out, report)
}

// tool describes this program and its rules.
func tool() diag.Tool {
	t := diag.Tool{Name: "firstlight", Version: version.Version()}
	for _, r := range rules.Table() {
		if r.Kind != rules.Accepts {
			t.Rules = append(t.Rules, diag.ToolRule{Code: r.ID, About: r.About, Severity: r.Severity})
		}
	}
	return t
}
