// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"slices"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/ask"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// The stages that have parts.
const (
	Kargs  = "kargs"
	Disks  = "disks"
	Mount  = "mount"
	Files  = "files"
	Umount = "umount"
)

// JournalPlace is where the journal of a part is kept.
type JournalPlace int

// The places. Mounts are observed rather than recorded, so the parts that mount are always planned again.
const (
	NotResumed JournalPlace = iota // only during the run
	InRun                          // in /run: after a power cut the machine is observed again
	OnRoot                         // on the target root, which the journal describes
)

// A Part is what is planned as a whole. What it works on exists only after the part before it.
type Part struct {
	Name  string
	Stage string
	Ask   ask.Func // what must be known to plan it
	// Ahead asks what must be known to plan the part before the parts ahead of it are done; the rest is predicted.
	Ahead ask.Func
	Plan  plan.Planner
	// Root says that the part works on the target root.
	Root    bool
	Journal JournalPlace
	// Wants lists what the part fetches; nil: nothing.
	Wants func(*types.Config) []plan.Want
	// Live says that the part is also applied to the tree of a container image.
	Live bool
}

// Parts is the table of all parts, in the order in which a boot applies them.
func Parts() []Part {
	return []Part{
		{Name: "kargs", Stage: Kargs, Ask: ask.Nothing, Ahead: ask.Nothing, Plan: plan.KernelArguments, Journal: InRun},
		{Name: "partitions", Stage: Disks, Ask: ask.Partitions, Ahead: ask.Partitions, Plan: plan.Partitions, Journal: InRun},
		{Name: "raid", Stage: Disks, Ask: ask.RAID, Ahead: ask.Nothing, Plan: plan.RAID, Journal: InRun},
		{Name: "luks", Stage: Disks, Ask: ask.LUKS, Ahead: ask.Nothing, Plan: plan.LUKS, Journal: InRun, Wants: plan.KeyWants},
		{Name: "filesystems", Stage: Disks, Ask: ask.Filesystems, Ahead: ask.Nothing, Plan: plan.Filesystems, Journal: InRun},
		{Name: "mount", Stage: Mount, Ask: ask.Mount, Ahead: ask.MountPoints, Plan: plan.Mount, Root: true},
		{Name: "accounts", Stage: Files, Ask: ask.Accounts, Ahead: ask.Accounts, Plan: plan.Accounts, Root: true, Journal: OnRoot},
		{
			Name: "files", Stage: Files, Ask: ask.Files, Ahead: ask.FilesAhead, Plan: plan.Files,
			Root: true, Journal: OnRoot, Wants: plan.FileWants, Live: true,
		},
		{Name: "umount", Stage: Umount, Ask: ask.Unmount, Ahead: ask.Nothing, Plan: plan.Unmount, Root: true},
	}
}

// Of returns the parts of a stage.
func Of(stage string) []Part {
	return slices.DeleteFunc(Parts(), func(p Part) bool { return p.Stage != stage })
}

// After returns the parts that follow a stage until the machine is provisioned.
func After(stage string) []Part {
	all := Boot()
	last := -1
	for i, p := range all {
		if p.Stage == stage {
			last = i
		}
	}
	return all[last+1:]
}

// Boot returns the parts that provision a machine.
func Boot() []Part {
	return slices.DeleteFunc(Parts(), func(p Part) bool { return p.Stage == Umount })
}

// Live returns the parts that are applied to the tree of a container image.
func Live() []Part {
	return slices.DeleteFunc(Parts(), func(p Part) bool { return !p.Live })
}

// names returns the names of parts.
func names(parts []Part) []string {
	var all []string
	for _, p := range parts {
		all = append(all, p.Name)
	}
	return all
}
