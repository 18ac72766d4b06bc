// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// Shown is what a boot would do, as shown to people and programs.
type Shown struct {
	Sealed   string   `json:"sealed,omitempty"`   // when the machine was provisioned: then nothing is done
	Destroys []string `json:"destroys,omitempty"` // what gets lost: device, label, filesystem, size
	Forecast
}

// Show plans a whole boot for people. The report has warnings and conflicts; with a conflict the error is a PlanError.
func Show(doc config.Document, f facts.Facts, in plan.Inputs) (p Shown, report diag.List, err error) {
	if p.Sealed = f.Sealed; p.Sealed != "" {
		return p, nil, nil
	}
	p.Forecast, err = Foresee(Boot(), doc, f, in)
	if n := len(doc.Config.Ignition.Config.Merge); n > 0 || doc.Config.Ignition.Config.Replace.Source != nil {
		p.Unknown = append(p.Unknown, "the configs that this one refers to, which only a boot fetches")
	}
	for _, part := range p.Plans {
		for _, step := range part.Steps {
			if d, ok := step.Op.(op.Destroyer); ok {
				p.Destroys = append(p.Destroys, d.Destroys()...)
			}
		}
	}
	return p, p.Report, err
}

// changes counts the steps that change something.
func (p Shown) changes() int {
	n := 0
	for _, part := range p.Plans {
		for _, step := range part.Steps {
			if !op.ChangesNothing(step.Op) {
				n++
			}
		}
	}
	return n
}

// Nothing reports whether the boot changes nothing.
func (p Shown) Nothing() bool { return p.changes() == 0 && len(p.Unknown) == 0 }

// Text is the plan for people.
func (p Shown) Text() string {
	var b strings.Builder
	if p.Sealed != "" {
		return "The machine was provisioned on " + p.Sealed + ": a boot changes nothing.\n"
	}
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			b.WriteString(title + "\n")
			for _, l := range lines {
				b.WriteString("  " + l + "\n")
			}
			b.WriteString("\n")
		}
	}
	list("Destroyed:", p.Destroys)
	n := 0
	for _, part := range p.Plans {
		if len(part.Steps) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s:\n", part.Part)
		for _, step := range part.Steps {
			n++
			fmt.Fprintf(&b, "%5d  %s%s\n", n, step.Op.Describe(), because(step))
		}
		b.WriteString("\n")
	}
	list("Not known before it is done:", p.Unknown)
	if p.Nothing() {
		b.WriteString("Nothing to do.\n")
	} else {
		fmt.Fprintf(&b, "%s, %s.\n", plural(n, "step"), destroyed(len(p.Destroys)))
	}
	return b.String()
}

func destroyed(n int) string {
	if n == 0 {
		return "nothing destroyed"
	}
	return plural(n, "thing") + " destroyed"
}

// because returns where the config asks for a step, and why the step is needed.
func because(step op.Step) string {
	var words []string
	if step.Origin != (diag.Place{}) {
		words = append(words, step.Origin.String())
	}
	if step.Reason != "" {
		words = append(words, step.Reason)
	}
	if len(words) == 0 {
		return ""
	}
	return "  (" + strings.Join(words, "; ") + ")"
}

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
