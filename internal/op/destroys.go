// SPDX-License-Identifier: Apache-2.0

package op

// A Destroyer is an operation that may destroy data.
type Destroyer interface {
	Op
	// Destroys lists what is lost, for people: device, label, filesystem, size. It is empty if nothing is lost.
	Destroys() []string
}

func one(what, on string) []string {
	if what == "" {
		return nil
	}
	return []string{on + ": " + what}
}

// Destroys implements Destroyer.
func (o WritePartitionTable) Destroys() []string { return o.Losses }

// Destroys implements Destroyer.
func (o CreateArray) Destroys() []string { return one(o.Destroy, "members of "+o.Name) }

// Destroys implements Destroyer.
func (o MakeVolume) Destroys() []string { return one(o.Destroy, o.Device) }

// Destroys implements Destroyer.
func (o MakeFilesystem) Destroys() []string { return one(o.Destroy, o.Device) }

// Destroys implements Destroyer.
func (o EraseSignatures) Destroys() []string { return one(o.Destroy, o.Device) }

// Destroys implements Destroyer.
func (o RemoveHome) Destroys() []string { return []string{o.Home + " of user " + o.Name} }

// ChangesNothing reports whether an operation only prepares others.
func ChangesNothing(o Op) bool {
	switch o.(type) {
	case NameDevices, FetchKey, CheckVolume:
		return true
	}
	return false
}
