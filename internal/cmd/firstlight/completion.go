// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const completionManual = `
Print a script that completes commands, flags and their values in a shell: bash,
zsh or fish.

  . <(firstlight completion bash)
  firstlight completion fish > ~/.config/fish/completions/firstlight.fish`

// completions returns the scripts by their shells.
func completions() map[string]func() string {
	return map[string]func() string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
}

// setupCompletion is "firstlight completion".
func setupCompletion(*flag.FlagSet) runner {
	return func(args []string, s streams) int {
		if len(args) != 1 {
			return usageError(s, "completion", "name a shell: bash, zsh or fish")
		}
		script := completions()[args[0]]
		if script == nil {
			return usageError(s, "completion", fmt.Sprintf("unknown shell %q; there are bash, zsh and fish", args[0]))
		}
		_, _ = io.WriteString(s.out, script())
		return exitOK
	}
}

// commandFlags returns the flags of a command.
func commandFlags(c command) []*flag.Flag {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
	var list []*flag.Flag
	flags.VisitAll(func(f *flag.Flag) { list = append(list, f) })
	return list
}

// words returns the words that a flag takes, or none if it takes anything.
func words(f *flag.Flag) []string {
	if c, ok := f.Value.(*choice); ok {
		return c.words
	}
	return nil
}

// arguments returns the words that a command takes in place of files, or none if it takes files.
func arguments(c command) []string {
	switch c.name {
	case "help":
		return commandNames()
	case "completion":
		return []string{"bash", "zsh", "fish"}
	}
	return nil
}

func commandNames() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

const generatedBy = "# Written by \"firstlight completion\".\n"

func bashCompletion() string {
	var b strings.Builder
	b.WriteString(generatedBy + "_firstlight() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n\tCOMPREPLY=()\n")
	fmt.Fprintf(&b, "\tif ((COMP_CWORD == 1)); then\n\t\tmapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\")\n\t\treturn\n\tfi\n", strings.Join(commandNames(), " "))
	b.WriteString("\tcase ${COMP_WORDS[1]}:$prev in\n")
	for _, c := range commands() {
		for _, f := range commandFlags(c) {
			if list := words(f); list != nil {
				fmt.Fprintf(&b, "\t%s:--%s) mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\"); return ;;\n", c.name, f.Name, strings.Join(list, " "))
			}
		}
	}
	b.WriteString("\tesac\n\tcase ${COMP_WORDS[1]}:$cur in\n")
	for _, c := range commands() {
		names := []string{"--help"}
		for _, f := range commandFlags(c) {
			names = append(names, "--"+f.Name)
		}
		fmt.Fprintf(&b, "\t%s:-*) mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\"); return ;;\n", c.name, strings.Join(names, " "))
		if list := arguments(c); list != nil {
			fmt.Fprintf(&b, "\t%s:*) mapfile -t COMPREPLY < <(compgen -W %q -- \"$cur\"); return ;;\n", c.name, strings.Join(list, " "))
		}
	}
	b.WriteString("\tesac\n\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n}\ncomplete -o filenames -F _firstlight firstlight\n")
	return b.String()
}

func zshCompletion() string {
	quote := func(s string) string { return strings.NewReplacer("'", "", "[", "(", "]", ")", ":", ";").Replace(s) }
	var b strings.Builder
	b.WriteString("#compdef firstlight\n" + generatedBy + "_firstlight() {\n\tif ((CURRENT == 2)); then\n\t\tlocal -a commands=(\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "\t\t\t'%s:%s'\n", c.name, quote(c.about))
	}
	b.WriteString("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tlocal command=$words[2]\n\tshift words\n\t((CURRENT--))\n\tcase $command in\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "\t%s)\n\t\t_arguments '--help[explain the command]'", c.name)
		for _, f := range commandFlags(c) {
			value := ""
			switch list := words(f); {
			case list != nil:
				value = ":" + strings.ToLower(placeholder(f)) + ":(" + strings.Join(list, " ") + ")"
			case !isBool(f):
				value = ":" + strings.ToLower(placeholder(f)) + ":_files"
			}
			fmt.Fprintf(&b, " \\\n\t\t\t'--%s[%s]%s'", f.Name, quote(plainUsage(f)), value)
		}
		if list := arguments(c); list != nil {
			fmt.Fprintf(&b, " \\\n\t\t\t'1:argument:(%s)'", strings.Join(list, " "))
		} else {
			b.WriteString(" \\\n\t\t\t'*:file:_files'")
		}
		b.WriteString("\n\t\t;;\n")
	}
	b.WriteString("\tesac\n}\n_firstlight \"$@\"\n")
	return b.String()
}

func fishCompletion() string {
	quote := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'" }
	var b strings.Builder
	b.WriteString(generatedBy)
	for _, c := range commands() {
		fmt.Fprintf(&b, "complete -c firstlight -n __fish_use_subcommand -f -a %s -d %s\n", c.name, quote(c.about))
	}
	for _, c := range commands() {
		when := fmt.Sprintf("complete -c firstlight -n '__fish_seen_subcommand_from %s'", c.name)
		for _, f := range commandFlags(c) {
			value := ""
			switch list := words(f); {
			case list != nil:
				value = " -x -a " + quote(strings.Join(list, " "))
			case !isBool(f):
				value = " -r"
			}
			fmt.Fprintf(&b, "%s -l %s%s -d %s\n", when, f.Name, value, quote(plainUsage(f)))
		}
		if list := arguments(c); list != nil {
			fmt.Fprintf(&b, "%s -f -a %s\n", when, quote(strings.Join(list, " ")))
		}
	}
	return b.String()
}
