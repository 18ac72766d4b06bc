// SPDX-License-Identifier: Apache-2.0

package main

// machineCommands are the commands that plan for a machine, look at one or change one.
func machineCommands() []command {
	return []command{
		{
			name: "plan", synopsis: "CONFIG --live | --facts FILE", about: "show what a first boot would do to a machine",
			manual: planManual, setup: setupPlan,
		},
		{
			name: "facts", synopsis: "CONFIG", about: "print what planning a config needs to know about this machine",
			manual: factsManual, setup: setupFacts,
		},
		{
			name: "rearm", synopsis: "[FLAG]...", about: "have the next boot provision this machine or an image again",
			manual: rearmManual, setup: setupRearm,
		},
	}
}
