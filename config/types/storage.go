// SPDX-License-Identifier: Apache-2.0

package types

// Storage holds disks, what is made on them, and the nodes of the file tree.
type Storage struct {
	// Directories. Keyed by path, which is unique over directories, files and links.
	Directories []Directory `json:"directories,omitempty" since:"3.0"`
	// Disks and their partitions. Keyed by device.
	Disks []Disk `json:"disks,omitempty" since:"3.0"`
	// Files. Keyed by path, which is unique over directories, files and links.
	Files []File `json:"files,omitempty" since:"3.0"`
	// Filesystems. Keyed by device.
	Filesystems []Filesystem `json:"filesystems,omitempty" since:"3.0"`
	// Links. Keyed by path, which is unique over directories, files and links.
	Links []Link `json:"links,omitempty" since:"3.0"`
	// Encrypted volumes. Keyed by name.
	Luks []Luks `json:"luks,omitempty" since:"3.2"`
	// Software RAID arrays. Keyed by name.
	Raid []Raid `json:"raid,omitempty" since:"3.0"`
}

// Filesystem is a filesystem on a block device, or a virtiofs share.
type Filesystem struct {
	// Block device, absolute and clean; for `virtiofs` the mount tag, 1 to 36 bytes.
	Device string `json:"device" since:"3.0" need:"3.0"`
	// `ext4`, `btrfs`, `xfs`, `vfat`, `swap`, from 3.3.0 `none`, from 3.7.0 `virtiofs`. Unset: the entry does nothing.
	Format *string `json:"format,omitempty" since:"3.0"`
	// Label; bytes: ext4 16, btrfs 256, xfs 12, swap 15, vfat 11. Unset: do not care.
	Label *string `json:"label,omitempty" since:"3.0"`
	// Options of the engine's own mount. Repeats are allowed.
	MountOptions []string `json:"mountOptions,omitempty" since:"3.1" list:"append"`
	// Additional arguments of mkfs. Repeats are allowed.
	Options []string `json:"options,omitempty" since:"3.0" list:"append"`
	// Where it is mounted below the target root while the engine runs. Unset: not mounted.
	Path *string `json:"path,omitempty" since:"3.0"`
	// UUID. Unset: do not care.
	UUID *string `json:"uuid,omitempty" since:"3.0"`
	// Whether to recreate the filesystem even if the device has data.
	WipeFilesystem *bool `json:"wipeFilesystem,omitempty" since:"3.0"`
}

// Key identifies a filesystem: its device.
func (f Filesystem) Key() string { return f.Device }

// Raid is a software RAID array.
type Raid struct {
	// Members, spares included: absolute clean paths.
	Devices []string `json:"devices,omitempty" since:"3.0" need:"3.0"`
	// `linear`, `raid0`, `raid1`, `raid4`, `raid5`, `raid6`, `raid10`, or one of mdadm's other words for them (`0`, `stripe`, `1`, `mirror`, `4`, `5`, `6`, `10`).
	Level *string `json:"level,omitempty" since:"3.0" need:"3.0"`
	// Name of the array, or device path.
	Name string `json:"name" since:"3.0"`
	// Additional arguments of mdadm. Repeats are allowed.
	Options []string `json:"options,omitempty" since:"3.0" list:"append"`
	// How many of the devices are spares.
	Spares *int `json:"spares,omitempty" since:"3.0"`
}

// Key identifies an array: its name.
func (r Raid) Key() string { return r.Name }
