// SPDX-License-Identifier: Apache-2.0

package spec

import "github.com/firstlight-boot/firstlight/config/types"

// specialBits are set-user-id, set-group-id and the sticky bit.
const specialBits = 0o7000

// Raise turns a config of an older version into the newest form. In 3.2.0 a custom binding could be present but empty,
// which the types of the newest form cannot express; hasCustom reports it for a LUKS volume.
func Raise(c *types.Config, from Version, hasCustom func(luks int) bool) {
	if from < V3_3 {
		raiseTo33(c, hasCustom)
	}
	if from < V3_6 {
		clearSpecialBits(c)
	}
	c.Ignition.Version = Newest.String()
}

// raiseTo33 sets what were plain strings before 3.3.0, empty if absent.
func raiseTo33(c *types.Config, hasCustom func(luks int) bool) {
	for i := range c.Storage.Raid {
		set(&c.Storage.Raid[i].Level)
	}
	for i := range c.Storage.Links {
		set(&c.Storage.Links[i].Target)
	}
	for i := range c.Storage.Luks {
		if hasCustom(i) {
			set(&c.Storage.Luks[i].Clevis.Custom.Pin)
			set(&c.Storage.Luks[i].Clevis.Custom.Config)
		}
	}
}

func set(s **string) {
	if *s == nil {
		*s = new(string)
	}
}

// clearSpecialBits drops mode bits that had no effect before 3.6.0.
func clearSpecialBits(c *types.Config) {
	for i := range c.Storage.Files {
		c.Storage.Files[i].Mode = plain(c.Storage.Files[i].Mode)
	}
	for i := range c.Storage.Directories {
		c.Storage.Directories[i].Mode = plain(c.Storage.Directories[i].Mode)
	}
}

func plain(mode *int) *int {
	if mode == nil || *mode&specialBits == 0 {
		return mode
	}
	m := *mode &^ specialBits
	return &m
}
