// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/convert"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/lint"
	"github.com/firstlight-boot/firstlight/config/rules"
)

const validateManual = `
Check configs by all rules of their version, and for what cannot work or is
never meant. FILE is a config or a directory with configs; - is standard input.

The exit code is 0 if all configs are valid, 1 if one has an error or cannot be
read, and 2 if the command line is wrong. Findings of level info never change
it, unless --strict is given.

  firstlight validate web.ign
  firstlight validate --strict --format sarif configs/ > report.sarif`

// setupValidate is "firstlight validate".
func setupValidate(flags *flag.FlagSet) runner {
	var format string
	choiceVar(flags, &format, "format", formatText, reportFormats, "report `form`")
	strict := flags.Bool("strict", false, "fail on warnings and infos too")
	filesDir := flags.String("files-dir", "", filesDirUsage)
	return func(args []string, s streams) int {
		if len(args) == 0 {
			return usageError(s, "validate", "name a config or a directory, or - for standard input")
		}
		if slices.Index(args, "-") != lastIndex(args, "-") {
			return usageError(s, "validate", "standard input can be read only once")
		}
		names, err := expandInputs(args)
		if err != nil {
			return usageError(s, "validate", err.Error())
		}
		files, done, err := openFiles(*filesDir)
		if err != nil {
			fmt.Fprintf(s.err, "firstlight validate: %v\n", err)
			return exitFailed
		}
		defer done()
		list := checkAll(names, s.in, files)
		if err := writeFindings(s.out, format, list); err != nil {
			fmt.Fprintf(s.err, "firstlight validate: write report: %v\n", err)
			return exitFailed
		}
		if format == formatText {
			if len(list) > 0 {
				fmt.Fprintln(s.out)
			}
			fmt.Fprintf(s.out, "%s checked: %s\n", plural(len(names), "config"), count(list))
		}
		if list.HasErrors() || *strict && len(list) > 0 {
			return exitFailed
		}
		return exitOK
	}
}

func lastIndex(list []string, word string) int {
	for i := len(list) - 1; i >= 0; i-- {
		if list[i] == word {
			return i
		}
	}
	return -1
}

// checkAll checks configs in parallel and returns their findings in the order of the files, and of places within each.
func checkAll(names []string, in io.Reader, files fs.FS) diag.List {
	reports := make([]diag.List, len(names))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(len(names), runtime.GOMAXPROCS(0)) {
		workers.Go(func() {
			for i := range next {
				reports[i] = checkFile(names[i], in, files)
			}
		})
	}
	for i := range names {
		next <- i
	}
	close(next)
	workers.Wait()
	return slices.Concat(reports...)
}

// checkFile checks one config. A file that cannot be read is a finding like others.
func checkFile(name string, in io.Reader, files fs.FS) diag.List {
	text, err := read(name, in)
	if err == nil && len(text) > config.MaxBytes {
		err = config.ErrTooLarge
	}
	if err != nil {
		return unreadable(name, err)
	}
	return lint.CheckWith(diag.NewSource(name, text), config.Options{Files: files})
}

// unreadable is the finding about a config that cannot be read.
func unreadable(name string, err error) diag.List {
	return diag.List{{
		Severity: diag.Error, Code: "N002", Span: diag.Place{File: name}.Span(), Summary: "the config cannot be read: " + err.Error(),
	}}
}

const ignitionValidateManual = `
Check one config, JSON or YAML with a variant, by the rules that the machine
applies. The report goes to standard output, one line for each finding. A
document that is not a config has one line on standard error instead.

The exit code is 0 if the config is valid, 1 if it is not, if it cannot be read
or if CONFIG is missing, and 2 if a flag is wrong. Warnings never change it.

firstlight validate checks more, takes several configs and shows the lines.`

// ignitionValidateSet defines the flags of ignition-validate.
func ignitionValidateSet() (flags *flag.FlagSet, format *string, version *bool) {
	flags = flag.NewFlagSet("ignition-validate", flag.ContinueOnError)
	version = flags.Bool("version", false, "print the version and exit")
	format = new(string)
	choiceVar(flags, format, "format", formatLine, []string{formatLine, formatText, formatJSON, formatSARIF}, "report `form`")
	return flags, format, version
}

// ignitionValidateFlags returns the flags for people who read about them.
func ignitionValidateFlags() []option {
	flags, _, _ := ignitionValidateSet()
	return flagOptions(flags)
}

// ignitionValidateCompletion returns the flags for completion scripts.
func ignitionValidateCompletion() []completedFlag {
	flags, _, _ := ignitionValidateSet()
	return completedFlags(flags)
}

// ignitionValidate is the program of that name, with its flags, reports and exit codes.
func ignitionValidate(args []string, s streams) int {
	const usage = "Usage: ignition-validate [FLAG]... CONFIG\n\nCONFIG is a file, or - for standard input.\n\nFlags:\n"
	flags, format, showVersion := ignitionValidateSet()
	rest, err := parseFlags(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(s.out, usage+flagLines(flags))
		return exitOK
	case err != nil:
		fmt.Fprintf(s.err, "ignition-validate: %v\n%s%s", err, usage, flagLines(flags))
		return exitUsage
	case *showVersion:
		return printVersion(s)
	case len(rest) != 1:
		fmt.Fprint(s.err, usage+flagLines(flags))
		return exitFailed
	}
	text, err := read(rest[0], s.in)
	if err != nil {
		fmt.Fprintf(s.err, "couldn't read config: %v\n", err)
		return exitFailed
	}
	_, report := config.Parse(diag.NewSource(rest[0], text))
	if err := writeVerdict(s, *format, report); err != nil {
		fmt.Fprintf(s.err, "couldn't write report: %v\n", err)
		return exitFailed
	}
	if report.HasErrors() {
		return exitFailed
	}
	return exitOK
}

// writeVerdict writes a report as ignition-validate does: a document that is not a config has none.
func writeVerdict(s streams, format string, report diag.List) error {
	for _, d := range report {
		if d.Fatal && format == formatLine {
			fmt.Fprintf(s.err, "couldn't parse config: %s\n", d.Summary)
			return nil
		}
	}
	return writeFindings(s.out, format, report)
}

// tool describes this program and its rules.
func tool() diag.Tool {
	t := diag.Tool{Name: "firstlight", Version: programVersion()}
	for _, r := range slices.Concat(rules.Table(), rules.Impossible(), lint.Rules()) {
		if r.Kind != rules.Accepts {
			t.Rules = append(t.Rules, diag.ToolRule{Code: r.ID, About: r.About, Severity: r.Severity})
		}
	}
	t.Rules = append(append(t.Rules, author.Rules()...), convert.Rules()...)
	return t
}
