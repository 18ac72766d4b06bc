// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

const planManual = `
Show what a first boot with CONFIG would do to a machine, in order: first what
it would destroy, then every step with the line of the config that asks for it.
Nothing is changed. The machine is this one (--live), or one whose facts were
captured (--facts FILE) by "firstlight facts", or by a boot, which leaves them
in /run/ignition/facts-STAGE.json.

The exit code is 0 if there is nothing to do, 2 if there are changes, 3 if
something would be destroyed, and 1 on errors: an invalid config, a conflict
between config and machine, a wrong command line.

  firstlight plan web.ign --live
  firstlight plan web.bu --facts machine.json --json`

// Exit codes of "firstlight plan".
const (
	planNothing  = 0
	planError    = 1
	planChanges  = 2
	planDestroys = 3
)

// setupPlan is "firstlight plan".
func setupPlan(flags *flag.FlagSet) runner {
	file := flags.String("facts", "", "`file` with the facts of a machine; - for standard input")
	live := flags.Bool("live", false, "plan for this machine")
	root := flags.String("root", "/", "`dir` of the target root, with --live")
	asJSON := flags.Bool("json", false, "print the plan as JSON")
	return func(args []string, s streams) int {
		if len(args) != 1 || *live == (*file != "") {
			usageError(s, "plan", "name one config, and the machine: --live or --facts FILE")
			return planError
		}
		doc, ok := readConfig(args[0], "plan", s)
		if !ok {
			return planError
		}
		var f facts.Facts
		var err error
		if *live {
			f, err = lookAtMachine(*root, doc, s.err)
		} else {
			f, err = readFacts(*file, s.in)
		}
		if err != nil {
			fmt.Fprintf(s.err, "firstlight plan: %v\n", err)
			return planError
		}
		return showPlan(s, doc, f, *asJSON, rand.Text())
	}
}

// readFacts reads captured facts.
func readFacts(name string, in io.Reader) (f facts.Facts, err error) {
	text, err := read(name, in)
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read facts: %w", err)
	}
	return f, nil
}

// showPlan plans and prints, and returns the exit code. Handles are made with seed.
func showPlan(s streams, doc config.Document, f facts.Facts, asJSON bool, seed string) int {
	p, report, err := provision.Show(doc, f, plan.Inputs{
		Seed: seed, Today: int(time.Now().Unix() / (24 * 60 * 60)), KeyFragment: true, Relabel: true,
	})
	if err := writeFindings(s.err, formatText, report); err != nil {
		fmt.Fprintf(s.err, "firstlight plan: %v\n", err)
		return planError
	}
	if err != nil {
		var conflict *provision.PlanError
		if !errors.As(err, &conflict) {
			fmt.Fprintf(s.err, "firstlight plan: %v\n", err)
		}
		return planError
	}
	if asJSON {
		err = writeJSON(s.out, p)
	} else {
		_, err = io.WriteString(s.out, p.Text())
	}
	if err != nil {
		fmt.Fprintf(s.err, "firstlight plan: %v\n", err)
		return planError
	}
	switch {
	case len(p.Destroys) > 0:
		return planDestroys
	case !p.Nothing():
		return planChanges
	}
	return planNothing
}
