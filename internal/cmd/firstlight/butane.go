// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
)

const butaneManual = `
Translate YAML with a variant, FILE or standard input, into the config that
machines read: Ignition JSON, or for OpenShift a MachineConfig. The report goes
to standard error. Without --files-dir local files are errors.

firstlight build checks more, takes several files and limits the spec version.`

// butaneUsage is the help of butane.
func butaneUsage() string {
	return "Usage: butane [options] [input-file]\nOptions:\n" + optionLines(butaneFlags())
}

// butaneOptions is the command line of butane.
type butaneOptions struct {
	check, strict, pretty, raw, rawErrors, debug, help, version bool
	filesDir, output, input, color                              string
}

// butaneFlags returns the flags for people who read about them.
func butaneFlags() []option { return gnuOptions((&butaneOptions{}).flags()) }

// butaneCompletion returns the flags for completion scripts.
func butaneCompletion() []completedFlag { return gnuCompletion((&butaneOptions{}).flags()) }

// flags returns the flags, in the order of the help. A flag without a usage text is accepted but not shown.
func (o *butaneOptions) flags() []gnuFlag {
	return []gnuFlag{
		{name: "check", short: 'c', on: &o.check, usage: "check the input and report; write no output"},
		{name: "color", value: &o.color, bare: "always", word: "WHEN", words: []string{"auto", "always", "never"}, usage: "color reports: auto, always, never"},
		{name: "colour", value: &o.color, bare: "always"},
		{name: "debug", short: 'D', on: &o.debug},
		{name: "files-dir", short: 'd', value: &o.filesDir, word: "DIR", usage: "directory of local files"},
		{name: "help", short: 'h', on: &o.help, usage: "show this text"},
		{name: "input", value: &o.input},
		{name: "output", short: 'o', value: &o.output, word: "FILE", usage: "write to a file instead of standard output"},
		{name: "pretty", short: 'p', on: &o.pretty, usage: "indent JSON"},
		{name: "raw", short: 'r', on: &o.raw, usage: "never wrap the config in a MachineConfig"},
		{name: "raw-errors", on: &o.rawErrors, usage: "report in one line each"},
		{name: "strict", short: 's', on: &o.strict, usage: "fail on any warning"},
		{name: "version", short: 'V', on: &o.version, usage: "print the version"},
	}
}

// butane is the program of that name, with its command line, output and exit codes.
func butane(args []string, s streams) int {
	o := butaneOptions{color: "auto"}
	rest, err := parseGNU(o.flags(), args)
	if err == nil && !slices.Contains([]string{"auto", "always", "yes", "never", "no"}, o.color) {
		err = fmt.Errorf("invalid argument %q for --color: it is auto, always or never", o.color)
	}
	switch {
	case err != nil:
		fmt.Fprintf(s.err, "%v\n%s", err, butaneUsage())
		return exitUsage
	case o.help:
		fmt.Fprint(s.out, butaneUsage())
		return exitOK
	case o.version:
		fmt.Fprintln(s.out, "Butane "+programVersion())
		return exitOK
	case len(rest) > 1 || len(rest) == 1 && o.input != "":
		fmt.Fprint(s.err, butaneUsage())
		return exitUsage
	case len(rest) == 1:
		o.input = rest[0]
	}
	return o.run(s)
}

// run translates the input.
func (o *butaneOptions) run(s streams) int {
	name, from := o.input, o.input
	if name == "" {
		name, from = "<stdin>", "-"
	}
	var text []byte
	var err error
	if o.input == "-" {
		text, err = os.ReadFile(o.input) // a dash is a file here
	} else {
		text, err = read(from, s.in)
	}
	if err != nil {
		fmt.Fprintf(s.err, "failed to read %s: %v\n", name, err)
		return exitFailed
	}
	options := author.Options{Raw: o.raw}
	if o.filesDir != "" {
		root, err := os.OpenRoot(o.filesDir)
		if err != nil {
			fmt.Fprintf(s.err, "failed to open the files directory: %v\n", err)
			return exitFailed
		}
		defer root.Close()
		options.Files = root.FS()
	}
	r, _, report := config.Build(diag.NewSource(name, text), options)
	entries, failure := o.report(s, report)
	switch {
	case failure != "":
		fmt.Fprintf(s.err, "Error translating config: %s\n", failure)
		return exitFailed
	case o.strict && entries > 0:
		fmt.Fprintln(s.err, "Config produced warnings and --strict was specified")
		return exitFailed
	case o.debug:
		r.Paths(func(yaml, json string) { fmt.Fprintf(s.err, "%s -> %s\n", yaml, json) })
	}
	if o.check {
		return exitOK
	}
	if err := o.write(s, r); err != nil {
		fmt.Fprintln(s.err, err)
		return exitFailed
	}
	return exitOK
}

// report writes the entries of the report and returns how many there are, and why the translation failed. Butane's report has
// no infos, and it has no entries about the document as a whole.
func (o *butaneOptions) report(s streams, report diag.List) (entries int, failure string) {
	color := o.color == "always" || o.color == "yes" || o.color == "auto" && isCharDevice(s.err) && os.Getenv("NO_COLOR") == ""
	masks := diag.Masker{}
	for _, d := range report {
		switch {
		case d.Severity == diag.Info || d.Code == author.CodeRefused:
			continue
		case d.Path.Len() == 0:
			failure = whole(d)
			continue
		case d.Severity == diag.Error && failure == "":
			failure = "the config is invalid"
		}
		if d = byCharacter(d); o.rawErrors {
			fmt.Fprintln(s.err, d.Line())
		} else {
			if entries > 0 {
				fmt.Fprintln(s.err)
			}
			prettyEntry(s.err, masks, d, color)
		}
		entries++
	}
	return entries, failure
}

// whole describes a failure of the document as a whole in one line.
func whole(d diag.Diagnostic) string {
	text := d.Summary
	if p := d.Place(); p.Line > 0 {
		text = "line " + strconv.Itoa(p.Line) + ", column " + strconv.Itoa(byCharacter(d).Span.Start.Column) + ": " + text
	}
	if d.Hint != "" {
		text += " (" + d.Hint + ")"
	}
	return text
}

func (o *butaneOptions) write(s streams, r *author.Result) error {
	write := func(w io.Writer) error {
		if r.Variant.MachineConfig() && !o.raw {
			return r.WriteMachineConfig(w, r.Variant.Spec)
		}
		return r.WriteJSON(w, r.Variant.Spec, o.pretty)
	}
	if o.output == "" {
		return write(s.out)
	}
	return writeFile(o.output, write)
}

func isCharDevice(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
