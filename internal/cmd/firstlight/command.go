// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// A command is a subcommand. Its help text, manual page and completions follow from this value and from the flags that setup
// defines.
type command struct {
	name     string
	synopsis string // what follows the name: "[FLAG]... FILE..."
	about    string // one line, lower case, without a full stop
	manual   string // paragraphs of at most 80 columns; may be empty
	// setup defines the command's flags and returns what runs once they are parsed.
	setup func(f *flag.FlagSet) runner
}

// A runner runs a command with its arguments, flags removed, and returns the exit code.
type runner func(args []string, s streams) int

// execute parses a command line and runs the command.
func (c command) execute(args []string, s streams) int {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	run := c.setup(flags)
	rest, err := parseFlags(flags, args)
	if errors.Is(err, flag.ErrHelp) {
		c.help(s.out)
		return exitOK
	}
	if err != nil {
		return c.usage(s, err.Error())
	}
	return run(rest, s)
}

// usage reports a wrong command line.
func (c command) usage(s streams, reason string) int { return usageError(s, c.name, reason) }

// usageError reports a wrong command line of a command and returns the exit code for it.
func usageError(s streams, name, reason string) int {
	fmt.Fprintf(s.err, "firstlight %s: %s\nRun \"firstlight help %s\" for its arguments and flags.\n", name, reason, name)
	return exitUsage
}

// parseFlags sets flags from a command line and returns the other arguments. Flags may follow files; arguments after
// "--" are not flags. It returns flag.ErrHelp if help is asked for.
func parseFlags(flags *flag.FlagSet, args []string) ([]string, error) {
	var rest []string
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case len(arg) < 2 || arg[0] != '-':
			rest = append(rest, arg)
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		f := flags.Lookup(name)
		switch {
		case f == nil && (name == "h" || name == "help"):
			return nil, flag.ErrHelp
		case f == nil:
			return nil, unknownFlag(flags, name)
		case hasValue:
		case isBool(f):
			value = "true"
		case len(args) == 0:
			return nil, fmt.Errorf("--%s needs a value: --%s=%s", name, name, placeholder(f))
		default:
			value, args = args[0], args[1:]
		}
		if err := flags.Set(name, value); err != nil {
			return nil, fmt.Errorf("--%s: %w", name, err)
		}
	}
	return rest, nil
}

// isBool reports whether a flag needs no value.
func isBool(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// unknownFlag says which flag was probably meant.
func unknownFlag(flags *flag.FlagSet, name string) error {
	names := []string{"help"}
	flags.VisitAll(func(f *flag.Flag) { names = append(names, f.Name) })
	if best := closest(name, names); best != "" {
		return fmt.Errorf("unknown flag --%s; did you mean --%s?", name, best)
	}
	return fmt.Errorf("unknown flag --%s", name)
}

// closest returns the word that a misspelt one is most like, or "" if it is like none.
func closest(word string, words []string) string {
	best, distance := "", 1+max(1, min(3, len(word)/3))
	for _, w := range words {
		if d := diag.Distance(word, w); d < distance {
			best, distance = w, d
		}
	}
	if best == "" && len(word) >= 3 {
		for _, w := range words {
			if strings.HasPrefix(w, word) {
				return w
			}
		}
	}
	return best
}

// A choice is the value of a flag that takes one of a few words.
type choice struct {
	value *string
	words []string
}

// choiceVar defines a flag that takes one of a few words.
func choiceVar(flags *flag.FlagSet, value *string, name, initial string, words []string, usage string) {
	*value = initial
	flags.Var(&choice{value, words}, name, usage)
}

// String returns the present value.
func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

// Set takes one of the words.
func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		if best := closest(word, c.words); best != "" {
			return fmt.Errorf("%q is not one of %s; did you mean %s?", word, strings.Join(c.words, ", "), best)
		}
		return fmt.Errorf("%q is not one of %s", word, strings.Join(c.words, ", "))
	}
	*c.value = word
	return nil
}

func find(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// unknownCommand says which command was probably meant.
func unknownCommand(s streams, name string) int {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	text := fmt.Sprintf("unknown command %q", name)
	if best := closest(name, names); best != "" {
		text += "; did you mean " + best + "?"
	}
	fmt.Fprintf(s.err, "firstlight: %s\nRun \"firstlight help\" for the list of commands.\n", text)
	return exitUsage
}

func setupVersion(*flag.FlagSet) runner {
	return func(args []string, s streams) int {
		if len(args) > 0 {
			return usageError(s, "version", "it takes no arguments")
		}
		return printVersion(s)
	}
}

// printVersion prints the version in the form that programs around Ignition read.
func printVersion(s streams) int {
	fmt.Fprintln(s.out, "Ignition "+programVersion())
	return exitOK
}

// setupHelp explains a command, or the program.
func setupHelp(*flag.FlagSet) runner {
	return func(args []string, s streams) int {
		if len(args) == 0 {
			overview(s.out)
			return exitOK
		}
		if len(args) > 1 {
			return usageError(s, "help", "it explains one command at a time")
		}
		c, ok := find(args[0])
		if !ok {
			return unknownCommand(s, args[0])
		}
		c.help(s.out)
		return exitOK
	}
}

// tagline says in one line what the program is for.
const tagline = "write, check and understand machine configs"

// overview lists the commands.
func overview(w io.Writer) {
	var b strings.Builder
	b.WriteString("firstlight - " + tagline + "\n\nUsage: firstlight COMMAND [FLAG]... [ARGUMENT]...\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-11s %s\n", c.name, c.about)
	}
	b.WriteString("\nRun \"firstlight help COMMAND\" to learn more about a command.\n" +
		"Exit codes: 0 success, 1 failure or an invalid config, 2 a wrong command line.\n")
	_, _ = io.WriteString(w, b.String())
}

// help explains the command: what it does, its flags, examples.
func (c command) help(w io.Writer) {
	var b strings.Builder
	fmt.Fprintf(&b, "firstlight %s - %s\n\nUsage: firstlight %s\n", c.name, c.about, strings.TrimSpace(c.name+" "+c.synopsis))
	if c.manual != "" {
		b.WriteString("\n" + strings.TrimSpace(c.manual) + "\n")
	}
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
	if list := flagLines(flags); list != "" {
		b.WriteString("\nFlags:\n" + list)
	}
	_, _ = io.WriteString(w, b.String())
}

// flagLines lists flags with their meaning, one line each.
func flagLines(flags *flag.FlagSet) string {
	var b strings.Builder
	width := 0
	flags.VisitAll(func(f *flag.Flag) { width = max(width, len(flagForm(f))) })
	flags.VisitAll(func(f *flag.Flag) { fmt.Fprintf(&b, "  %-*s  %s\n", width, flagForm(f), flagUsage(f)) })
	return b.String()
}

// An option is a flag for people who read about it: how one writes it, and what it does.
type option struct{ form, usage string }

// flagOptions returns the flags of a set in the order of their names.
func flagOptions(flags *flag.FlagSet) []option {
	var list []option
	flags.VisitAll(func(f *flag.Flag) { list = append(list, option{flagForm(f), flagUsage(f)}) })
	return list
}

// flagUsage is a flag's usage text with its default.
func flagUsage(f *flag.Flag) string {
	if f.DefValue == "" || f.DefValue == "false" || f.DefValue == "0" {
		return plainUsage(f)
	}
	return plainUsage(f) + " (default " + f.DefValue + ")"
}

// flagForm is a flag as one writes it: "--format FORM".
func flagForm(f *flag.Flag) string {
	if isBool(f) {
		return "--" + f.Name
	}
	return "--" + f.Name + " " + placeholder(f)
}

// placeholder is the word that stands for a flag's value: what its usage text has in backquotes.
func placeholder(f *flag.Flag) string {
	name, _ := flag.UnquoteUsage(f)
	return strings.ToUpper(name)
}

// plainUsage is a flag's usage text without its backquotes; a flag with a list of words names them.
func plainUsage(f *flag.Flag) string {
	_, usage := flag.UnquoteUsage(f)
	if c, ok := f.Value.(*choice); ok {
		usage += ": " + strings.Join(c.words, ", ")
	}
	return usage
}
