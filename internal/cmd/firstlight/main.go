// SPDX-License-Identifier: Apache-2.0

// Command firstlight is the tool for people who write configs and look after machines. It is installed under its own name,
// and under the names of the programs that it replaces.
package main

import (
	"io"
	"os"
	"path/filepath"
)

func main() {
	os.Exit(dispatch(os.Args, streams{os.Stdin, os.Stdout, os.Stderr}))
}

// Exit codes that all commands share.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed, or a config is invalid
	exitUsage  = 2 // the command line is wrong
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// commands are the subcommands, in the order of the usage text. A new one is a row here and a file with its setup function.
func commands() []command {
	all := []command{
		{
			name: "validate", synopsis: "[FLAG]... FILE...", about: "check configs and report what is wrong with them",
			manual: validateManual, setup: setupValidate,
		},
		{
			name: "build", synopsis: "[FLAG]... [FILE]...", about: "translate YAML into the configs that machines read",
			manual: buildManual, setup: setupBuild,
		},
		{
			name: "convert", synopsis: "[FLAG]... [FILE]", about: "turn Ignition configs and cloud-config into YAML",
			manual: convertManual, setup: setupConvert,
		},
	}
	all = append(all, machineCommands()...)
	return append(all,
		command{
			name: "completion", synopsis: "SHELL [PROGRAM]", about: "print a script that completes command lines",
			manual: completionManual, setup: setupCompletion,
		},
		command{name: "version", about: "print the version", setup: setupVersion},
		command{name: "help", synopsis: "[COMMAND]", about: "explain firstlight, or one of its commands", setup: setupHelp},
	)
}

// personalities are the programs that the base name of the executable selects. They keep the command line of the program
// that they replace.
func personalities() []personality {
	return []personality{
		{
			name: "butane", synopsis: "[OPTION]... [FILE]", about: "translate YAML into the configs that machines read",
			manual: butaneManual, options: butaneFlags, completion: butaneCompletion, counterpart: "firstlight-build", run: butane,
		},
		{
			name: "ignition-validate", synopsis: "[FLAG]... CONFIG", about: "check one config and report what is wrong with it",
			manual: ignitionValidateManual, options: ignitionValidateFlags, completion: ignitionValidateCompletion, counterpart: "firstlight-validate", run: ignitionValidate,
		},
	}
}

// A personality is a program under a name of its own. Its manual page and completions follow from this value.
type personality struct {
	name, synopsis, about string
	manual                string                 // paragraphs of at most 80 columns
	options               func() []option        // those that the page lists
	completion            func() []completedFlag // those that shells complete
	counterpart           string                 // the page of the command that does more
	run                   runner
}

// dispatch runs the program that its arguments ask for and returns its exit code.
func dispatch(args []string, s streams) int {
	if len(args) == 0 {
		return exitUsage
	}
	for _, p := range personalities() {
		if p.name == filepath.Base(args[0]) {
			return p.run(args[1:], s)
		}
	}
	if len(args) < 2 {
		overview(s.err)
		return exitUsage
	}
	switch name := args[1]; name {
	case "-h", "-help", "--help":
		overview(s.out)
		return exitOK
	case "-version", "--version":
		return printVersion(s)
	default:
		c, ok := find(name)
		if !ok {
			return unknownCommand(s, name)
		}
		return c.execute(args[2:], s)
	}
}
