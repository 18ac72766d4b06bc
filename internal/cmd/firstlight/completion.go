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
zsh or fish. PROGRAM is firstlight (the default), butane or ignition-validate.

  . <(firstlight completion bash)
  firstlight completion fish butane > ~/.config/fish/completions/butane.fish`

// shells are the shells with completions, each with what writes its script.
func shells() map[string]func(completed) string {
	return map[string]func(completed) string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
}

// setupCompletion is "firstlight completion".
func setupCompletion(*flag.FlagSet) runner {
	return func(args []string, s streams) int {
		if len(args) < 1 || len(args) > 2 {
			return usageError(s, "completion", "name a shell: bash, zsh or fish; and a program if it is not firstlight")
		}
		script := shells()[args[0]]
		if script == nil {
			return usageError(s, "completion", fmt.Sprintf("unknown shell %q; there are bash, zsh and fish", args[0]))
		}
		var names []string
		for _, p := range completedPrograms() {
			if len(args) == 1 || args[1] == p.name {
				_, _ = io.WriteString(s.out, script(p))
				return exitOK
			}
			names = append(names, p.name)
		}
		return usageError(s, "completion", fmt.Sprintf("unknown program %q; there are %s", args[1], strings.Join(names, ", ")))
	}
}

// A completed program is what completion scripts know about a program.
type completed struct {
	name     string
	commands []completedCommand // one without a name if the program has no commands
}

type completedCommand struct {
	name, about string
	flags       []completedFlag
	arguments   []string // words in place of files
}

type completedFlag struct {
	name, usage string
	short       byte
	value       string   // the word that stands for the value: FILE, DIR or another; "" if the flag takes none
	attached    bool     // the value is optional, and follows an equals sign
	words       []string // the values, if the flag takes one of a few words
}

// completedPrograms returns the programs with completions, made from the tables of commands and personalities.
func completedPrograms() []completed {
	p := completed{name: "firstlight"}
	for _, c := range commands() {
		flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
		c.setup(flags)
		p.commands = append(p.commands, completedCommand{c.name, c.about, completedFlags(flags), arguments(c)})
	}
	list := []completed{p}
	for _, p := range personalities() {
		list = append(list, completed{p.name, []completedCommand{{flags: p.completion()}}})
	}
	return list
}

// completedFlags returns the flags of a set, help included.
func completedFlags(flags *flag.FlagSet) []completedFlag {
	list := []completedFlag{{name: "help", usage: "explain the command"}}
	flags.VisitAll(func(f *flag.Flag) {
		c := completedFlag{name: f.Name, usage: plainUsage(f)}
		if !isBool(f) {
			c.value = placeholder(f)
		}
		if words, ok := f.Value.(*choice); ok {
			c.words = words.words
		}
		list = append(list, c)
	})
	return list
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

// names returns the names of the commands, or none if the program has no commands.
func (p completed) names() (names []string) {
	for _, c := range p.commands {
		if c.name != "" {
			names = append(names, c.name)
		}
	}
	return names
}

// function is the name of the shell function that completes the program.
func (p completed) function() string { return "_" + strings.ReplaceAll(p.name, "-", "_") }

const generatedBy = "# Written by \"firstlight completion\".\n"

// bashReply completes the present word with what compgen prints for its arguments.
func bashReply(args string) string {
	return "mapfile -t COMPREPLY < <(compgen " + args + ` -- "$cur")`
}

func bashWords(words []string) string { return fmt.Sprintf("-W %q", strings.Join(words, " ")) }

// bashCompletion writes a function. bash splits --flag=value into three words.
func bashCompletion(p completed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=\n\tCOMPREPLY=()\n", generatedBy, p.function())
	if names := p.names(); names != nil {
		fmt.Fprintf(&b, "\tif ((COMP_CWORD == 1)); then\n\t\t%s\n\t\treturn\n\tfi\n\tcommand=${COMP_WORDS[1]}\n", bashReply(bashWords(names)))
	}
	b.WriteString("\tif [[ $cur == = ]]; then\n\t\tprev+== cur=\n\telif [[ $prev == = ]]; then\n\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}=\n\tfi\n")
	b.WriteString("\tcase $command:$prev in\n")
	for _, c := range p.commands {
		for _, f := range c.flags {
			args := "-W ''"
			switch {
			case f.value == "":
				continue
			case f.words != nil:
				args = bashWords(f.words)
			case f.value == "DIR":
				args = "-d"
			case f.value == "FILE":
				args = "-f"
			}
			pattern := c.name + ":--" + f.name + "="
			if !f.attached {
				pattern += " | " + c.name + ":--" + f.name
			}
			if f.short != 0 {
				pattern += " | " + c.name + ":-" + string(f.short)
			}
			fmt.Fprintf(&b, "\t%s) %s; return ;;\n", pattern, bashReply(args))
		}
	}
	b.WriteString("\tesac\n\tcase $command:$cur in\n")
	for _, c := range p.commands {
		var names []string
		for _, f := range c.flags {
			names = append(names, "--"+f.name)
		}
		fmt.Fprintf(&b, "\t%s:-*) %s; return ;;\n", c.name, bashReply(bashWords(names)))
		if c.arguments != nil {
			fmt.Fprintf(&b, "\t%s:*) %s; return ;;\n", c.name, bashReply(bashWords(c.arguments)))
		}
	}
	fmt.Fprintf(&b, "\tesac\n\t%s\n}\ncomplete -o filenames -F %s %s\n", bashReply("-f"), p.function(), p.name)
	return b.String()
}

func zshQuote(s string) string {
	return strings.NewReplacer("'", "", "[", "(", "]", ")", ":", ";").Replace(s)
}

func zshCompletion(p completed) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#compdef %s\n%s%s() {\n", p.name, generatedBy, p.function())
	if p.names() == nil {
		b.WriteString("\t_arguments" + zshArguments(p.commands[0], " \\\n\t\t") + "\n")
	} else {
		b.WriteString("\tif ((CURRENT == 2)); then\n\t\tlocal -a commands=(\n")
		for _, c := range p.commands {
			fmt.Fprintf(&b, "\t\t\t'%s:%s'\n", c.name, zshQuote(c.about))
		}
		b.WriteString("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tlocal command=$words[2]\n\tshift words\n\t((CURRENT--))\n\tcase $command in\n")
		for _, c := range p.commands {
			fmt.Fprintf(&b, "\t%s)\n\t\t_arguments%s\n\t\t;;\n", c.name, zshArguments(c, " \\\n\t\t\t"))
		}
		b.WriteString("\tesac\n")
	}
	fmt.Fprintf(&b, "}\n%s \"$@\"\n", p.function())
	return b.String()
}

// zshArguments returns the specifications of a command's flags and arguments, each behind separator.
func zshArguments(c completedCommand, separator string) string {
	var b strings.Builder
	for _, f := range c.flags {
		long, short, value := "--"+f.name, "-"+string(f.short), ""
		if f.value != "" {
			long += "="
			short += "+"
			value = ":" + strings.ToLower(f.value) + ":"
			switch {
			case f.words != nil:
				value += "(" + strings.Join(f.words, " ") + ")"
			case f.value == "DIR":
				value += "_files -/"
			case f.value == "FILE":
				value += "_files"
			}
		}
		if f.attached {
			long, value = long+"-", ":"+value
		}
		about := "[" + zshQuote(f.usage) + "]" + value
		if f.short == 0 {
			b.WriteString(separator + "'" + long + about + "'")
		} else {
			fmt.Fprintf(&b, "%s'(-%c --%s)'{%s,%s}'%s'", separator, f.short, f.name, short, long, about)
		}
	}
	if c.arguments != nil {
		fmt.Fprintf(&b, "%s'1:argument:(%s)'", separator, strings.Join(c.arguments, " "))
	} else {
		b.WriteString(separator + "'*:file:_files'")
	}
	return b.String()
}

func fishQuote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

func fishCompletion(p completed) string {
	var b strings.Builder
	b.WriteString(generatedBy)
	for _, c := range p.commands {
		if c.name != "" {
			fmt.Fprintf(&b, "complete -c %s -n __fish_use_subcommand -f -a %s -d %s\n", p.name, c.name, fishQuote(c.about))
		}
	}
	for _, c := range p.commands {
		when := "complete -c " + p.name
		if c.name != "" {
			when += fmt.Sprintf(" -n '__fish_seen_subcommand_from %s'", c.name)
		}
		for _, f := range c.flags {
			b.WriteString(when)
			if f.short != 0 {
				fmt.Fprintf(&b, " -s %c", f.short)
			}
			value := ""
			switch {
			case f.value == "":
			case f.words != nil:
				value = " -a " + fishQuote(strings.Join(f.words, " "))
			case f.value == "DIR":
				value = " -a '(__fish_complete_directories)'"
			}
			switch {
			case f.value == "":
			case f.attached:
				value = " -f" + value
			case f.value == "FILE":
				value = " -r"
			default:
				value = " -x" + value
			}
			fmt.Fprintf(&b, " -l %s%s -d %s\n", f.name, value, fishQuote(f.usage))
		}
		if c.arguments != nil {
			fmt.Fprintf(&b, "%s -f -a %s\n", when, fishQuote(strings.Join(c.arguments, " ")))
		}
	}
	return b.String()
}
