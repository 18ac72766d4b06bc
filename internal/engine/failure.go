// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/logx"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

// A finding is one thing that went wrong, in the words of the block that the console ends with.
type finding struct {
	what  string // the step or subject
	place string // file:line:column and path in the config, where there is one
	cause string
	do    string
}

// fail reports the error of a run in the log and on the console, and returns the exit code.
func (r *run) fail(err error, code int) int {
	found := logFailure(r.log, err)
	fmt.Fprintf(r.o.Stderr, "%s failed\n", r.o.Stage)
	block := r.block(found)
	if err := handover.WriteFile(r.failureFile(), []byte(block), 0o600, 0o755); err != nil {
		r.log.Error(err.Error())
	}
	r.say(block)
	return code
}

// logFailure logs an error with the places in the config that it comes from, and returns its findings.
func logFailure(log *slog.Logger, err error) []finding {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		log.Log(context.Background(), logx.Critical, "Ignition failed: "+line)
	}
	found := findings(err)
	for _, f := range found[:min(len(found), mostFindings)] {
		if f.place != "" {
			log.Log(context.Background(), logx.Critical, "Ignition failed at "+f.place)
		}
	}
	return found
}

// failureFile is what the emergency console shows last.
func (r *run) failureFile() string { return filepath.Join(filepath.Dir(r.o.StateFile), "failure") }

// findings splits an error into problems that people can act on.
func findings(err error) []finding {
	var invalid *acquire.InvalidError
	var unplanned *provision.PlanError
	var step *apply.StepError
	switch {
	case errors.As(err, &invalid):
		return fromReport("read the config "+invalid.Source, invalid.Report)
	case errors.As(err, &unplanned):
		return fromReport("plan "+unplanned.Part, unplanned.Report)
	case errors.As(err, &step):
		f := finding{what: step.Step.Op.Describe(), cause: step.Cause(), do: hint(step.Err)}
		f.place = step.Step.Origin.With(step.Step.Path)
		return []finding{f}
	}
	f := finding{cause: err.Error(), do: hint(err)}
	var located interface{ Origin() (diag.Place, string) }
	if errors.As(err, &located) {
		f.place = diag.Place.With(located.Origin())
	}
	return []finding{f}
}

// hint returns the advice that an error carries.
func hint(err error) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) {
		return h.Hint()
	}
	return ""
}

// mostFindings bounds the block: the first problems are the first to fix.
const mostFindings = 5

func fromReport(what string, report diag.List) []finding {
	var list []finding
	for _, d := range report.Errors() {
		list = append(list, finding{
			what: what, place: d.Place().With(d.Path.String()), cause: d.Summary, do: d.Hint,
		})
	}
	return list
}

// block is the text that the console of a failed boot ends with.
func (r *run) block(list []finding) string {
	const rule = "------------------------------------------------------------------------"
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\nfirstlight: THIS MACHINE WAS NOT PROVISIONED (stage %s)\n", rule, r.o.Stage)
	for i, f := range list {
		if i == mostFindings {
			fmt.Fprintf(&b, "\n  and %d more: see the log (journalctl -t ignition)\n", len(list)-i)
			break
		}
		b.WriteString("\n")
		for _, row := range []struct{ name, text string }{
			{"what", f.what}, {"where", f.place}, {"cause", f.cause}, {"do", f.do},
		} {
			if row.text != "" {
				fmt.Fprintf(&b, "  %-6s %s\n", row.name, strings.ReplaceAll(row.text, "\n", "\n         "))
			}
		}
	}
	if r.progress.Touched {
		b.WriteString("\nThe machine has been changed up to this point; the next boot goes on from here.\n")
	} else {
		b.WriteString("\nNothing was written to any disk. Fix the cause, then reset the machine.\n")
	}
	b.WriteString(rule + "\n")
	return b.String()
}
