// SPDX-License-Identifier: Apache-2.0

package types

import "strconv"

// Storage is everything that concerns disks and what is on them.
type Storage struct {
	Directories []Directory  `json:"directories,omitempty" since:"3.0"`
	Disks       []Disk       `json:"disks,omitempty" since:"3.0"`
	Files       []File       `json:"files,omitempty" since:"3.0"`
	Filesystems []Filesystem `json:"filesystems,omitempty" since:"3.0"`
	Links       []Link       `json:"links,omitempty" since:"3.0"`
	Luks        []Luks       `json:"luks,omitempty" since:"3.2"`
	Raid        []Raid       `json:"raid,omitempty" since:"3.0"`
}

// Disk is a disk with its partition table.
type Disk struct {
	Device     string      `json:"device" since:"3.0"`
	Partitions []Partition `json:"partitions,omitempty" since:"3.0"`
	WipeTable  *bool       `json:"wipeTable,omitempty" since:"3.0"`
}

// Key identifies a disk.
func (d Disk) Key() string { return d.Device }

// Partition is an entry of a GUID partition table. Start and size in MiB: unset is "do not care", 0 is "choose".
type Partition struct {
	GUID               *string `json:"guid,omitempty" since:"3.0"`
	Label              *string `json:"label,omitempty" since:"3.0"`
	Number             int     `json:"number,omitempty" since:"3.0"` // 0: the next free one
	Resize             *bool   `json:"resize,omitempty" since:"3.2"`
	ShouldExist        *bool   `json:"shouldExist,omitempty" since:"3.0"`
	SizeMiB            *int    `json:"sizeMiB,omitempty" since:"3.0"`
	StartMiB           *int    `json:"startMiB,omitempty" since:"3.0"`
	TypeGUID           *string `json:"typeGuid,omitempty" since:"3.0"`
	WipePartitionEntry *bool   `json:"wipePartitionEntry,omitempty" since:"3.0"`
}

// Key identifies a partition of a disk: by number, or by label if the number is 0. The two never equal each other.
func (p Partition) Key() string {
	if p.Number != 0 {
		return "number:" + strconv.Itoa(p.Number)
	}
	if p.Label != nil {
		return "label:" + *p.Label
	}
	return ""
}

// Raid is a software RAID array.
type Raid struct {
	Devices []string `json:"devices,omitempty" since:"3.0"`
	Level   *string  `json:"level,omitempty" since:"3.0"`
	Name    string   `json:"name" since:"3.0"`
	Options []string `json:"options,omitempty" since:"3.0"`
	Spares  *int     `json:"spares,omitempty" since:"3.0"`
}

// Key identifies an array.
func (r Raid) Key() string { return r.Name }

// Luks is an encrypted volume.
type Luks struct {
	Cex         Cex      `json:"cex,omitempty" since:"3.5"`
	Clevis      Clevis   `json:"clevis,omitempty" since:"3.2"`
	Device      *string  `json:"device,omitempty" since:"3.2"`
	Discard     *bool    `json:"discard,omitempty" since:"3.4"`
	KeyFile     Resource `json:"keyFile,omitempty" since:"3.2"`
	Label       *string  `json:"label,omitempty" since:"3.2"`
	Name        string   `json:"name" since:"3.2"`
	OpenOptions []string `json:"openOptions,omitempty" since:"3.4"`
	Options     []string `json:"options,omitempty" since:"3.2"`
	UUID        *string  `json:"uuid,omitempty" since:"3.2"`
	WipeVolume  *bool    `json:"wipeVolume,omitempty" since:"3.2"`
}

// Key identifies a volume.
func (l Luks) Key() string { return l.Name }

// Cex binds a volume to a crypto card (s390x).
type Cex struct {
	Enabled *bool `json:"enabled,omitempty" since:"3.5"`
}

// Clevis binds a volume to Tang servers, a TPM, or a pin of one's own.
type Clevis struct {
	Custom    ClevisCustom `json:"custom,omitempty" since:"3.2"`
	Tang      []Tang       `json:"tang,omitempty" since:"3.2"`
	Threshold *int         `json:"threshold,omitempty" since:"3.2"`
	Tpm2      *bool        `json:"tpm2,omitempty" since:"3.2"`
}

// ClevisCustom is a pin with its configuration, handed to clevis as it is.
type ClevisCustom struct {
	Config       *string `json:"config,omitempty" since:"3.2"`
	NeedsNetwork *bool   `json:"needsNetwork,omitempty" since:"3.2"`
	Pin          *string `json:"pin,omitempty" since:"3.2"`
}

// Tang is a Tang server.
type Tang struct {
	Advertisement *string `json:"advertisement,omitempty" since:"3.4"` // JSON text
	Thumbprint    *string `json:"thumbprint,omitempty" since:"3.2"`
	URL           string  `json:"url,omitempty" since:"3.2"`
}

// Key identifies a server.
func (t Tang) Key() string { return t.URL }

// Filesystem is a filesystem on a device.
type Filesystem struct {
	Device         string   `json:"device" since:"3.0"` // of virtiofs: the mount tag
	Format         *string  `json:"format,omitempty" since:"3.0"`
	Label          *string  `json:"label,omitempty" since:"3.0"`
	MountOptions   []string `json:"mountOptions,omitempty" since:"3.1"`
	Options        []string `json:"options,omitempty" since:"3.0"`
	Path           *string  `json:"path,omitempty" since:"3.0"` // mounted there, below the target root, while provisioning
	UUID           *string  `json:"uuid,omitempty" since:"3.0"`
	WipeFilesystem *bool    `json:"wipeFilesystem,omitempty" since:"3.0"`
}

// Key identifies a filesystem.
func (f Filesystem) Key() string { return f.Device }

// Node is what files, directories and links have in common.
type Node struct {
	Group     Owner  `json:"group,omitempty" since:"3.0"`
	Overwrite *bool  `json:"overwrite,omitempty" since:"3.0"`
	Path      string `json:"path" since:"3.0"`
	User      Owner  `json:"user,omitempty" since:"3.0"`
}

// Key identifies a node; the three lists of nodes share one space of keys.
func (n Node) Key() string { return n.Path }

// Owner is a user or group, by id or by name.
type Owner struct {
	ID   *int    `json:"id,omitempty" since:"3.0"`
	Name *string `json:"name,omitempty" since:"3.0"`
}

// File is a regular file.
type File struct {
	Node
	Append   []Resource `json:"append,omitempty" since:"3.0"`
	Contents Resource   `json:"contents,omitempty" since:"3.0"`
	Mode     *int       `json:"mode,omitempty" since:"3.0"`
}

// Directory is a directory.
type Directory struct {
	Node
	Mode *int `json:"mode,omitempty" since:"3.0"`
}

// Link is a symbolic or hard link.
type Link struct {
	Node
	Hard   *bool   `json:"hard,omitempty" since:"3.0"`
	Target *string `json:"target,omitempty" since:"3.0"`
}
