// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
)

// notes are warnings about merged configs that Ignition does not give: about what is valid, but hardly what anyone
// wants.
var notes = []Rule{
	{ID: "W001", Kind: Reading, Severity: diag.Warning,
		About: "A config that replaces a source sets its hash and compression too. Otherwise those of the replaced source stay in force."},
	{ID: "W002", Severity: diag.Warning, Check: leftoverHeader,
		About: "A header without a value removes a header of the config it is merged over. If there is none, it stays, and fetching fails."},
	{ID: "W003", Severity: diag.Warning, Check: emptyFragment,
		About: "A fragment that is appended to a file has a source. Without one it adds nothing."},
}

// Notes returns the rules of these warnings.
func Notes() []Rule { return append([]Rule{}, notes...) }

func leftoverHeader(c *Context, config *types.Config) {
	eachHeader(config, func(h *types.HTTPHeader, at where, i int) {
		if h.Value == nil && h.Name != "" {
			c.Report("the header has no value, and there was none to remove: fetching will fail", "give a value, or remove the header; letter case counts",
				at.steps("httpHeaders", i)...)
		}
	})
}

func emptyFragment(c *Context, config *types.Config) {
	for i := range config.Storage.Files {
		for j, r := range config.Storage.Files[i].Append {
			if r.Source == nil {
				c.Report("the fragment has no source and adds nothing", "give a source, or remove the fragment",
					"storage", "files", i, "append", j)
			}
		}
	}
}
