// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"fmt"
	"slices"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/ask"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// mostRounds bounds how many rounds of questions answers may lead to. A path may lead through 40 links, as for the kernel, and the
// answer on each shows the next one.
const mostRounds = 64

// answer asks until no questions remain.
func answer(ctx context.Context, m observe.Machine, question ask.Func, c *types.Config, f *facts.Facts) error {
	for range mostRounds {
		var q facts.Questions
		question(c, f, &q)
		if q.Empty() {
			return nil
		}
		if err := observe.Answer(ctx, m, &q, f); err != nil {
			return err
		}
	}
	return fmt.Errorf("observe the machine: questions remain after %d rounds (report this as a bug of firstlight)", mostRounds)
}

// A Peek gives access to the root filesystem before it is mounted. It calls use with the tree, or returns, for people, why it
// cannot. device is the path of the root device.
type Peek func(ctx context.Context, use func(*rootfs.Root) error) (device, unknown string, err error)

// Capture adds the facts that planning parts ahead of time needs. It observes parts on the target root through the mounted root
// or, before it is mounted, through peek. With neither, nothing is known of the tree.
func Capture(ctx context.Context, m observe.Machine, peek Peek, parts []Part, doc config.Document, f *facts.Facts) error {
	var now, onRoot []ask.Func
	mounted := !slices.ContainsFunc(parts, func(p Part) bool { return !p.Root }) // nothing comes before that would change the disks
	for _, p := range parts {
		switch {
		case !p.Root:
			now = append(now, p.Ahead)
		case mounted:
			onRoot = append(onRoot, p.Ask)
		default:
			onRoot = append(onRoot, p.Ahead)
		}
	}
	c := &doc.Config
	if err := answer(ctx, m, ask.All(now...), c, f); err != nil || len(onRoot) == 0 {
		return err
	}
	look := func(root *rootfs.Root) error {
		m.Root = root
		return answer(ctx, m, ask.All(onRoot...), c, f)
	}
	if m.Root != nil {
		return look(m.Root)
	}
	f.Root = &facts.Root{Unknown: "it is not mounted yet"}
	if peek == nil {
		return nil
	}
	var err error
	f.Root.Device, f.Root.Unknown, err = peek(ctx, look)
	return err
}

// A Forecast is what a boot would do, as far as it can be known.
type Forecast struct {
	Plans   []op.Plan `json:"plans"`             // of the parts that can be planned, in order
	Unknown []string  `json:"unknown,omitempty"` // what cannot be known yet, for people
	// Report holds warnings and, if it ends early, the conflicts of the part at which it ends.
	Report diag.List `json:"-"`
}

// Foresee plans parts on facts and on the predicted effects of earlier parts. It reads nothing: the same values give the same
// forecast. The error is a PlanError.
func Foresee(parts []Part, doc config.Document, f facts.Facts, in plan.Inputs) (Forecast, error) {
	var all Forecast
	now := f
	for i, p := range parts {
		if p.Root {
			if why := rootUnknown(f, now, &doc.Config); why != "" {
				all.postpone(doc, f, parts[i:], why)
				break
			}
		}
		r := plan.Build(p.Name, p.Plan, doc, now, in)
		all.Report = append(all.Report, r.Report...)
		if r.Report.HasErrors() {
			return all, &PlanError{Part: p.Name, Report: r.Report}
		}
		all.Plans = append(all.Plans, r.Plan)
		for _, u := range r.Unknown {
			all.Unknown = append(all.Unknown, p.Name+": "+u)
		}
		now = r.After
	}
	return all, nil
}

// postpone notes the parts that cannot be planned at all yet, if the config has something for them.
func (all *Forecast) postpone(doc config.Document, f facts.Facts, parts []Part, why string) {
	// Facts about a root that is going to be recreated are void. A part that would only set labels has nothing to do.
	f.Tree, f.Accounts, f.Units, f.SELinux = nil, nil, nil, &facts.SELinux{}
	if f.Handover == nil {
		f.Handover = &facts.Handover{}
	}
	var waiting []string
	for _, p := range parts {
		var q facts.Questions
		if p.Ahead(&doc.Config, &f, &q); !q.Empty() {
			waiting = append(waiting, p.Name)
		}
	}
	for _, w := range waiting {
		all.Unknown = append(all.Unknown, w+": "+why)
	}
}

// rootUnknown returns why the tree that the parts on the target root will see is not known; empty: it is known.
func rootUnknown(seen, now facts.Facts, c *types.Config) string {
	if seen.Root == nil {
		return ""
	}
	if seen.Root.Unknown != "" {
		return "the root filesystem: " + seen.Root.Unknown
	}
	const remade = "the root filesystem: the config makes it"
	if slices.ContainsFunc(plan.Mountables(c), func(m plan.Mountable) bool { return *m.Path == "/" }) {
		return remade
	}
	before, was, known := seen.Block.Lookup(seen.Root.Device)
	after, will, stays := now.Block.Lookup(seen.Root.Device)
	if known && (!stays || before != after || will.Blank || len(was.Signatures) != len(will.Signatures)) {
		return remade
	}
	return ""
}

// PlanError reports a part that cannot be planned on this machine.
type PlanError struct {
	Part   string
	Report diag.List
}

func (e *PlanError) Error() string {
	text := "plan " + e.Part
	for _, d := range e.Report.Errors() {
		text += "\n" + d.Line()
	}
	return text
}
