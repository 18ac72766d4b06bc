// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"flag"
	"fmt"
)

// machineCommands are the commands that plan for a machine, look at one or change one: they are programs for Linux.
func machineCommands() []command {
	var all []command
	for _, name := range []string{"plan", "facts", "rearm"} {
		all = append(all, command{name: name, about: "works on Linux only", setup: func(*flag.FlagSet) runner {
			return func(_ []string, s streams) int {
				fmt.Fprintf(s.err, "firstlight %s: this command works on Linux only\n", name)
				return exitFailed
			}
		}})
	}
	return all
}
