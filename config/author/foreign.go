// SPDX-License-Identifier: Apache-2.0

package author

// foreignKeys are top-level keys of cloud-init that people carry over, with what to write instead.
var foreignKeys = map[string]string{
	"bootcmd":             runCommands,
	"disk_setup":          "this key is cloud-init's: write partitions below storage: disks:",
	"fqdn":                writeHostname,
	"fs_setup":            "this key is cloud-init's: write filesystems below storage: filesystems:",
	"hostname":            writeHostname,
	"mounts":              "this key is cloud-init's: write filesystems below storage: filesystems:, with with_mount_unit: true",
	"ntp":                 "this key is cloud-init's: write the file of the time service below storage: files:",
	"packages":            "this key is cloud-init's: install packages in the image, or from a unit below systemd: units:",
	"runcmd":              runCommands,
	"ssh_authorized_keys": "write it into a user below passwd: users:",
	"timezone":            "this key is cloud-init's: write a link /etc/localtime below storage: links:",
	"write_files":         "this key is cloud-init's: write the files below storage: files:",
}

const (
	runCommands   = "this key is cloud-init's: write a unit that runs the commands below systemd: units:"
	writeHostname = "this key is cloud-init's: write the file /etc/hostname below storage: files:"
)
