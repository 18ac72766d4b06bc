// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/convert"
	"github.com/firstlight-boot/firstlight/config/diag"
)

// A runner runs a command with its arguments, flags removed, and returns the exit code.
type runner func(args []string, s streams) int

// withFlags makes a command of a function that defines flags and returns what runs once they are parsed. Flags may follow
// files.
func withFlags(name, synopsis string, setup func(*flag.FlagSet) runner) func(args []string, s streams) int {
	return func(args []string, s streams) int {
		flags := flag.NewFlagSet(name, flag.ContinueOnError)
		flags.SetOutput(s.err)
		flags.Usage = func() {
			fmt.Fprintf(flags.Output(), "usage: firstlight %s %s\n\nFlags:\n", name, synopsis)
			flags.PrintDefaults()
		}
		run := setup(flags)
		var rest []string
		for len(args) > 0 {
			if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
				flags.SetOutput(s.out)
			}
			err := flags.Parse(args)
			if errors.Is(err, flag.ErrHelp) {
				return exitOK
			} else if err != nil {
				return exitUsage
			}
			if args = flags.Args(); len(args) > 0 {
				rest, args = append(rest, args[0]), args[1:]
			}
		}
		return run(rest, s)
	}
}

// choiceVar defines a flag that takes one of a few words.
func choiceVar(flags *flag.FlagSet, value *string, name, initial string, words []string, usage string) {
	*value = initial
	flags.Func(name, usage+": "+strings.Join(words, ", ")+" (default "+initial+")", func(word string) error {
		if !slices.Contains(words, word) {
			return fmt.Errorf("%q is not one of %s", word, strings.Join(words, ", "))
		}
		*value = word
		return nil
	})
}

// usageError reports a wrong command line of a command and returns the exit code for it.
func usageError(s streams, name, reason string) int {
	fmt.Fprintf(s.err, "firstlight %s: %s\nRun \"firstlight %s --help\" for its arguments and flags.\n", name, reason, name)
	return exitUsage
}

const formatGitHub = "github" // for GitHub Actions

// reportFormats are the formats of commands that report findings.
var reportFormats = []string{formatText, formatLine, formatJSON, formatSARIF, formatGitHub}

// writeFindings writes findings in one of the formats.
func writeFindings(w io.Writer, format string, list diag.List) error {
	switch format {
	case formatLine:
		return diag.Lines(w, list)
	case formatJSON:
		return diag.JSON(w, list)
	case formatSARIF:
		t := tool()
		t.Rules = append(append(t.Rules, author.Rules()...), convert.Rules()...)
		return diag.SARIF(w, list, t)
	case formatGitHub:
		return gitHub(w, list)
	}
	return diag.Text(w, list, true)
}

// gitHub writes findings as commands that GitHub Actions shows beside the lines of a change.
func gitHub(w io.Writer, list diag.List) error {
	escape := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	for _, d := range list {
		text, p := d.Summary, d.Place()
		if d.Hint != "" {
			text += "; " + d.Hint
		}
		kind := map[diag.Severity]string{diag.Error: "error", diag.Warning: "warning", diag.Info: "notice"}[d.Severity]
		if _, err := fmt.Fprintf(w, "::%s file=%s,line=%d,col=%d,title=%s::%s\n", kind, escape.Replace(p.File), p.Line, p.Column, d.Code, escape.Replace(text)); err != nil {
			return err
		}
	}
	return nil
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
