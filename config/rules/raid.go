// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"slices"

	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// raidRules are about software RAID.
var raidRules = []Rule{
	{ID: "V320", Since: from33, Check: raidLevel, About: "An array has a level."},
	{ID: "V321", Check: raidLevel, About: "The level of an array is one that mdadm knows."},
	{ID: "V322", Check: raidSpares, About: "An array without redundancy has no spares."},
	{ID: "V323", Check: raidDevices, About: "An array has devices."},
	{ID: "V324", Check: raidDevices, About: "The devices of an array are absolute paths in their simplest form."},
	{ID: "V325", Kind: Accepts, About: "Names of arrays, and spares as against devices, are not checked."},
}

// levels are the words for RAID levels; those before simple can have spares.
var levels = []string{
	"raid1", "raid4", "raid5", "raid6", "raid10", "1", "4", "5", "6", "10", "mirror",
	"linear", "raid0", "0", "stripe",
}

// simple are the levels without redundancy.
var simple = []string{"linear", "raid0", "0", "stripe"}

// raidLevel reports levels that break the running rule. Before 3.3.0 a missing level counts as an unknown one.
func raidLevel(c *Context, config *types.Config) {
	for i := range config.Storage.Raid {
		level := config.Storage.Raid[i].Level
		missing := c.Version >= spec.V3_3 && !set(level)
		if missing != (c.rule.ID == "V320") {
			continue
		}
		switch {
		case !set(level):
			c.Report("the array has no level", nearest("", levels), "storage", "raid", i, "level")
		case !slices.Contains(levels, *level):
			c.Report("the level "+shown(*level)+" is not known", nearest(*level, levels), "storage", "raid", i, "level")
		}
	}
}

func raidSpares(c *Context, config *types.Config) {
	for i := range config.Storage.Raid {
		r := &config.Storage.Raid[i]
		if r.Level != nil && slices.Contains(simple, *r.Level) && r.Spares != nil && *r.Spares != 0 {
			c.Report("an array of level "+*r.Level+" cannot have spares", "remove spares, or use another level",
				"storage", "raid", i, "level")
		}
	}
}

// raidDevices reports devices that break the running rule.
func raidDevices(c *Context, config *types.Config) {
	for i := range config.Storage.Raid {
		devices := config.Storage.Raid[i].Devices
		if c.rule.ID == "V323" {
			if len(devices) == 0 {
				c.Report("the array has no devices", "add devices: the paths of its members", "storage", "raid", i, "devices")
			}
			continue
		}
		for j := range devices {
			if summary, hint := uncleanDevice(devices[j]); summary != "" {
				c.Report(summary, hint, "storage", "raid", i, "devices", j)
			}
		}
	}
}

// Levels returns the words for RAID levels.
func Levels() []string { return slices.Clone(levels) }
