// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
)

const butaneUsage = `Usage: butane [options] [input-file]
Options:
  -c, --check           check the input and report; write no output
      --color[=WHEN]    color reports: auto, always, never
  -d, --files-dir DIR   directory of local files
  -h, --help            show this text
  -o, --output FILE     write to a file instead of standard output
  -p, --pretty          indent JSON
  -r, --raw             never wrap the config in a MachineConfig
      --raw-errors      report in one line each
  -s, --strict          fail on any warning
  -V, --version         print the version
`

// butaneOptions is the command line of butane.
type butaneOptions struct {
	check, strict, pretty, raw, rawErrors, debug, help, version bool
	filesDir, output, input, color                              string
}

// flags returns the flags by their names.
func (o *butaneOptions) flags() []gnuFlag {
	return []gnuFlag{
		{name: "help", short: 'h', on: &o.help}, {name: "version", short: 'V', on: &o.version},
		{name: "check", short: 'c', on: &o.check}, {name: "strict", short: 's', on: &o.strict},
		{name: "pretty", short: 'p', on: &o.pretty}, {name: "raw", short: 'r', on: &o.raw},
		{name: "raw-errors", on: &o.rawErrors}, {name: "debug", short: 'D', on: &o.debug},
		{name: "files-dir", short: 'd', value: &o.filesDir}, {name: "output", short: 'o', value: &o.output},
		{name: "input", value: &o.input}, {name: "color", value: &o.color, bare: "always"}, {name: "colour", value: &o.color, bare: "always"},
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
		fmt.Fprintf(s.err, "%v\n%s", err, butaneUsage)
		return exitUsage
	case o.help:
		fmt.Fprint(s.out, butaneUsage)
		return exitOK
	case o.version:
		fmt.Fprintln(s.out, "Butane "+programVersion())
		return exitOK
	case len(rest) > 1 || len(rest) == 1 && o.input != "":
		fmt.Fprint(s.err, butaneUsage)
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

// A gnuFlag is a flag of GNU style.
type gnuFlag struct {
	name  string
	short byte
	on    *bool   // of a flag without a value
	value *string // of one with a value
	bare  string  // the value if none is given; then it must follow an equals sign
}

// parseGNU sets flags and returns the other arguments, which may stand between them.
func parseGNU(flags []gnuFlag, args []string) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case strings.HasPrefix(arg, "--"):
			name, value, given := strings.Cut(arg[2:], "=")
			i := slices.IndexFunc(flags, func(f gnuFlag) bool { return f.name == name })
			if i < 0 {
				return nil, fmt.Errorf("unknown flag: --%s", name)
			}
			args, err = flags[i].set(value, given, args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = shortFlags(flags, arg[1:], args)
		default:
			rest = append(rest, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// shortFlags sets the flags of one argument, such as -ps or -dDIR.
func shortFlags(flags []gnuFlag, letters string, args []string) ([]string, error) {
	for len(letters) > 0 {
		c := letters[0]
		letters = letters[1:]
		i := slices.IndexFunc(flags, func(f gnuFlag) bool { return f.short == c && c != 0 })
		if i < 0 {
			return nil, fmt.Errorf("unknown shorthand flag: -%c", c)
		}
		if flags[i].on == nil && letters != "" || strings.HasPrefix(letters, "=") {
			return flags[i].set(strings.TrimPrefix(letters, "="), true, args)
		}
		var err error
		if args, err = flags[i].set("", false, args); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// set sets the flag, and returns the arguments that are left.
func (f *gnuFlag) set(value string, given bool, args []string) ([]string, error) {
	switch {
	case f.on != nil:
		*f.on = true
		if given {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return nil, fmt.Errorf("invalid argument %q for --%s", value, f.name)
			}
			*f.on = on
		}
	case given:
		*f.value = value
	case f.bare != "":
		*f.value = f.bare
	case len(args) == 0:
		return nil, fmt.Errorf("flag needs an argument: --%s", f.name)
	default:
		*f.value, args = args[0], args[1:]
	}
	return args, nil
}
