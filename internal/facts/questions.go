// SPDX-License-Identifier: Apache-2.0

package facts

import "github.com/firstlight-boot/firstlight/internal/disk/gpt"

// Questions are what planning needs to know about the machine and the facts do not say yet. Package ask asks them, package
// observe answers them; neither knows the other. Every question gets an answer in the facts, even "there is none", so that it is
// not asked twice.
type Questions struct {
	// Programs are helper programs; the answers are in Facts.Programs.
	Programs []string
	// Await are device paths to wait for, Look device paths to look at as they are now, Resolve paths of which only the node
	// matters. The answers are in Block.Paths, Block.Absent and, except for Resolve, Block.Devices.
	Await, Look, Resolve []string
	// Tables are nodes of disks whose partition tables and partitions are read; the answers are in Block.Disks.
	Tables []string
	// Regions are places on disks to look for signatures in; the answers are in the Regions of the disks.
	Regions []Place
	// Mounts asks what is mounted below the target root; the answer is in Block.Mounts.
	Mounts bool
	// Nodes are places in the target root, Trees directories that are asked for with everything below them. The answers are in
	// Tree.
	Nodes []NodeQuestion
	Trees []string
	// Accounts asks for the account files; the answers are in Facts.Accounts.
	Accounts bool
	// Units are names of units to look for; UnitNames asks for the names of all units. The answers are in Units.
	Units     []string
	UnitNames bool
	// Policy asks for the SELinux policy of the target; the answer is in Facts.SELinux.
	Policy bool
	// Handover asks what earlier stages have left; the answer is in Facts.Handover.
	Handover bool
}

// A Place is the place of a future partition on a disk.
type Place struct {
	Node       string // of the disk
	Partition  gpt.Partition
	SectorSize int // bytes
}

// A NodeQuestion asks for one place of the target root.
type NodeQuestion struct {
	Path    string // absolute and clean, as the config has it
	Content bool   // ask for the size and digest of a file, too: it is going to be appended to
}

// Empty reports whether nothing is asked.
func (q *Questions) Empty() bool {
	return len(q.Programs)+len(q.Await)+len(q.Look)+len(q.Resolve)+len(q.Tables)+len(q.Regions)+len(q.Nodes)+len(q.Trees)+len(q.Units) == 0 &&
		!q.Mounts && !q.Accounts && !q.UnitNames && !q.Policy && !q.Handover
}
