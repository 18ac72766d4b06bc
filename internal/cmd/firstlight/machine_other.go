// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"flag"
	"fmt"
)

// machineCommands are the commands that plan for a machine, look at one or change one. They work only on Linux.
func machineCommands() []command {
	var all []command
	for _, name := range []string{"plan", "facts", "rearm"} {
		all = append(all, command{name: name, about: "works only on Linux", setup: func(*flag.FlagSet) runner {
			return func(_ []string, s streams) int {
				fmt.Fprintf(s.err, "firstlight %s: this command works only on Linux\n", name)
				return exitFailed
			}
		}})
	}
	return all
}
