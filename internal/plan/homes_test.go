// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// homesOf is a root with two users, "gone" with a home directory by some name and "other"; whatever there is belongs to "gone".
func homesOf(home string) facts.Facts {
	owned := facts.Node{Type: "directory", Mode: 0o755, UID: 1000, GID: 1000}
	f := facts.Facts{
		Tree: &facts.Tree{Nodes: map[string]facts.Node{
			"/home": owned, "/home/gone": owned, "/home/other": owned, "/home/other/x": owned, "/srv": owned, "/srv/team": owned,
		}, Resolved: map[string]string{"/link/other": "/home/other", "/link/x": "/home/other/x", "/link/gone": "/home/gone"}},
		Accounts: &facts.Accounts{Texts: account.Texts{
			"/etc/passwd": "root:x:0:0::/root:/bin/sh\ngone:x:1000:1000::" + home + ":/bin/sh\nother:x:1001:1001::/home/other:/bin/sh\nteam:x:1002:1001::/srv/team:/bin/sh\n",
			"/etc/group":  "root:x:0:\ngone:x:1000:\nother:x:1001:\n", "/etc/shadow": "root:x:1::::::\ngone:x:1::::::\nother:x:1::::::\n",
		}},
	}
	f.Tree.Prepare()
	return f
}

// A home directory goes with its user, or moves, only if nobody else's goes with it, by whatever name it is reached.
func TestHomesOfOthersStay(t *testing.T) {
	removed := document(t, `"passwd":{"users":[{"name":"gone","shouldExist":false}]}`)
	moved := document(t, `"passwd":{"users":[{"name":"gone","homeDir":"/var/gone"}]}`)
	for home, why := range map[string]string{
		"/home/gone":         "",
		"/home/gone/":        "",
		"/link/gone":         "",
		"/home/other":        "user other is in it",
		"/home":              "user other is in it",
		"/srv":               "user team is in it",
		"/link/other":        "user other is in it",
		"/home/gone/..":      `through ".."`,
		"/home/other/x/..":   `through ".."`,
		"/home/x/../gone":    `through ".."`,
		"/srv/../home/gone/": `through ".."`,
	} {
		for verb, doc := range map[string]config.Document{"remove": removed, "move": moved} {
			f := homesOf(home)
			r := Build("accounts", Accounts, doc, f, Inputs{Today: 20000})
			said := ""
			for _, d := range r.Report {
				said += d.Summary + "\n"
			}
			if why != "" && !strings.Contains(said, why) || why == "" && said != "" {
				t.Errorf("%s %s: %q, want %q", verb, home, said, why)
			}
			plan := outline(r.Plan.Steps)
			if acts := strings.Contains(plan, "users.0: remove ") || strings.Contains(plan, "users.0: move "); acts != (why == "") {
				t.Errorf("%s %s: the plan is\n%s", verb, home, plan)
			}
			if asked, _ := HomePaths(&doc.Config, f.Accounts); !slices.Contains(asked, "/home/other") || !slices.Contains(asked, "/srv/team") {
				t.Errorf("%s %s: the places of all home directories must be known; asked %q", verb, home, asked)
			}
		}
	}
}
