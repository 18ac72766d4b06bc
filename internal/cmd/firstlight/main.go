// SPDX-License-Identifier: Apache-2.0

// Command firstlight is the tool for people who write configs and look after machines. It is installed under its own name,
// and under the names of programs that it takes the place of.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/engine"
)

func main() {
	os.Exit(dispatch(os.Args, streams{os.Stdin, os.Stdout, os.Stderr}))
}

// Exit codes that all commands share.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// A command is a subcommand, or a program by a name of its own. A new one is a row of a table below and a file.
type command struct {
	name, about string
	run         func(args []string, s streams) int
}

// commands are the subcommands, in the order of the usage text.
func commands() []command {
	return []command{
		{"validate", "check a config and say what is wrong with it", validate},
		{"build", "translate configs that people write into configs that machines read", withFlags("build", "[FLAG]... [FILE]...", setupBuild)},
		{"convert", "turn Ignition configs and cloud-config into YAML", withFlags("convert", "[FLAG]... [FILE]", setupConvert)},
		{"version", "print the version", version},
	}
}

// personalities are the programs that the base name of the executable selects.
func personalities() []command {
	return []command{
		{"butane", "", butane},
		{"ignition-validate", "", ignitionValidate},
	}
}

// dispatch runs the program that its arguments ask for and returns its exit code.
func dispatch(args []string, s streams) int {
	if len(args) == 0 {
		return exitUsage
	}
	if c, ok := find(personalities(), filepath.Base(args[0])); ok {
		return c.run(args[1:], s)
	}
	if len(args) < 2 {
		usage(s.err)
		return exitUsage
	}
	switch name := args[1]; name {
	case "help", "-h", "-help", "--help":
		usage(s.out)
		return exitOK
	case "-version", "--version":
		return version(nil, s)
	default:
		if c, ok := find(commands(), name); ok {
			return c.run(args[2:], s)
		}
		fmt.Fprintf(s.err, "firstlight: there is no command %q\n", name)
		usage(s.err)
		return exitUsage
	}
}

func find(list []command, name string) (command, bool) {
	for _, c := range list {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func usage(w io.Writer) {
	var b strings.Builder
	b.WriteString("usage: firstlight COMMAND [ARGUMENT]...\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-10s %s\n", c.name, c.about)
	}
	b.WriteString("\nfirstlight COMMAND -h says more about a command.\n")
	fmt.Fprint(w, b.String())
}

func version(_ []string, s streams) int {
	fmt.Fprintln(s.out, "Ignition "+engine.Version())
	return exitOK
}
