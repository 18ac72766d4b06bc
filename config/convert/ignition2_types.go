// SPDX-License-Identifier: Apache-2.0

package convert

import "github.com/firstlight-boot/firstlight/config/types"

// The form of Ignition 2.0 to 2.4. Members that 3.x has in the same form are of its types.
type (
	config2 struct {
		Ignition struct {
			Version string `json:"version" since:"3.0"`
			Config  struct {
				Append  []types.Resource `json:"append" since:"3.0"`
				Replace types.Resource   `json:"replace" since:"3.0"`
			} `json:"config" since:"3.0"`
			Proxy    types.Proxy    `json:"proxy" since:"3.0"`
			Security types.Security `json:"security" since:"3.0"`
			Timeouts types.Timeouts `json:"timeouts" since:"3.0"`
		} `json:"ignition" since:"3.0"`
		Networkd struct {
			Units []unit2 `json:"units" since:"3.0"`
		} `json:"networkd" since:"3.0"`
		Passwd struct {
			Groups []types.Group `json:"groups" since:"3.0"`
			Users  []user2       `json:"users" since:"3.0"`
		} `json:"passwd" since:"3.0"`
		Storage storage2 `json:"storage" since:"3.0"`
		Systemd struct {
			Units []unit2 `json:"units" since:"3.0"`
		} `json:"systemd" since:"3.0"`
	}
	unit2 struct {
		types.Unit
		Enable *bool `json:"enable" since:"3.0"`
	}
	user2 struct {
		types.User
		Create struct {
			GECOS        *string  `json:"gecos" since:"3.0"`
			Groups       []string `json:"groups" since:"3.0"`
			HomeDir      *string  `json:"homeDir" since:"3.0"`
			NoCreateHome *bool    `json:"noCreateHome" since:"3.0"`
			NoLogInit    *bool    `json:"noLogInit" since:"3.0"`
			NoUserGroup  *bool    `json:"noUserGroup" since:"3.0"`
			PrimaryGroup *string  `json:"primaryGroup" since:"3.0"`
			Shell        *string  `json:"shell" since:"3.0"`
			System       *bool    `json:"system" since:"3.0"`
			UID          *int     `json:"uid" since:"3.0"`
		} `json:"create" since:"3.0"`
	}
	storage2 struct {
		Directories []struct {
			types.Directory
			Filesystem string `json:"filesystem" since:"3.0"`
		} `json:"directories" since:"3.0"`
		Disks []struct {
			Device     string       `json:"device" since:"3.0"`
			Partitions []partition2 `json:"partitions" since:"3.0"`
			WipeTable  *bool        `json:"wipeTable" since:"3.0"`
		} `json:"disks" since:"3.0"`
		Files []struct {
			types.Node
			Append     *bool          `json:"append" since:"3.0"`
			Contents   types.Resource `json:"contents" since:"3.0"`
			Filesystem string         `json:"filesystem" since:"3.0"`
			Mode       *int           `json:"mode" since:"3.0"`
		} `json:"files" since:"3.0"`
		Filesystems []filesystem2 `json:"filesystems" since:"3.0"`
		Links       []struct {
			types.Link
			Filesystem string `json:"filesystem" since:"3.0"`
		} `json:"links" since:"3.0"`
		Raid []types.Raid `json:"raid" since:"3.0"`
	}
	partition2 struct {
		types.Partition
		Size  *int `json:"size" since:"3.0"`  // sectors of 512 bytes
		Start *int `json:"start" since:"3.0"` // sectors of 512 bytes
	}
	filesystem2 struct {
		Name  string  `json:"name" since:"3.0"`
		Path  *string `json:"path" since:"3.0"`
		Mount struct {
			Device         string   `json:"device" since:"3.0"`
			Format         *string  `json:"format" since:"3.0"`
			Label          *string  `json:"label" since:"3.0"`
			Options        []string `json:"options" since:"3.0"`
			UUID           *string  `json:"uuid" since:"3.0"`
			WipeFilesystem *bool    `json:"wipeFilesystem" since:"3.0"`
			Create         struct {
				Force   *bool    `json:"force" since:"3.0"`
				Options []string `json:"options" since:"3.0"`
			} `json:"create" since:"3.0"`
		} `json:"mount" since:"3.0"`
	}
)
