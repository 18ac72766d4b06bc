// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/internal/engine"
)

// Formats of reports.
const (
	formatLine  = "line"  // one line for each finding, as Ignition prints them
	formatText  = "text"  // for people: with the line of the config, and what to do
	formatJSON  = "json"  // for programs
	formatSARIF = "sarif" // for code scanning
)

const validateManual = `
FILE is a config; - stands for standard input. The exit code is 1 if a config
has an error.`

// setupValidate is "firstlight validate".
func setupValidate(flags *flag.FlagSet) runner {
	var format string
	choiceVar(flags, &format, "format", formatText, []string{formatText, formatLine, formatJSON, formatSARIF}, "`form` of the report")
	return func(args []string, s streams) int {
		if len(args) != 1 {
			return usageError(s, "validate", "name a config to check, or - for standard input")
		}
		return validateFile(args[0], format, s)
	}
}

// ignitionValidate is the program of that name, with its flags and exit codes.
func ignitionValidate(args []string, s streams) int {
	const usage = "Usage: ignition-validate [FLAG]... CONFIG\n\nCONFIG is a file, or - for standard input.\n\nFlags:\n"
	flags := flag.NewFlagSet("ignition-validate", flag.ContinueOnError)
	showVersion := flags.Bool("version", false, "print the version and exit")
	var format string
	choiceVar(flags, &format, "format", formatLine, []string{formatLine, formatText, formatJSON, formatSARIF}, "`form` of the report")
	rest, err := parseFlags(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(s.out, usage+flagLines(flags))
		return exitOK
	case err != nil:
		fmt.Fprintf(s.err, "ignition-validate: %v\n%s%s", err, usage, flagLines(flags))
		return exitUsage
	case *showVersion:
		return version(s)
	case len(rest) != 1:
		fmt.Fprint(s.err, usage+flagLines(flags))
		return exitFailed
	}
	return validateFile(rest[0], format, s)
}

// validateFile checks one config and writes a report.
func validateFile(name, format string, s streams) int {
	text, err := read(name, s.in)
	if err != nil {
		fmt.Fprintf(s.err, "couldn't read config: %v\n", err)
		return exitFailed
	}
	_, report := config.Parse(diag.NewSource(name, text))
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
	t := diag.Tool{Name: "firstlight", Version: engine.Version()}
	for _, r := range rules.Table() {
		if r.Kind != rules.Accepts {
			t.Rules = append(t.Rules, diag.ToolRule{Code: r.ID, About: r.About, Severity: r.Severity})
		}
	}
	return t
}
