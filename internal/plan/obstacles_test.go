// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// TestObstacles: whatever is in the place of a file that firstlight itself needs is a conflict of the plan. No step has run then.
func TestObstacles(t *testing.T) {
	const luks = `"storage":{"luks":[{"name":"l","device":"/dev/vda1","keyFile":{"source":"data:,k"}}]}`
	dir, link := facts.Node{Type: "directory", Mode: 0o755}, facts.Node{Type: "link", Target: "elsewhere"}
	user := `"passwd":{"users":[{"name":"core"}]}`
	for _, c := range []struct {
		config, at string
		n          facts.Node
	}{
		{user, "/etc/passwd-", dir}, {user, "/etc/shadow-", dir}, {user, "/etc/group-", dir}, {user, "/etc/subuid.lock", dir}, {user, "/etc/.pwd.lock", link},
		{user, "/etc/.pwd.lock", dir}, {user, "/etc/skel", facts.Node{Type: "file"}}, {user, "/home", facts.Node{Type: "other"}},
		{`"systemd":{"units":[{"name":"known.service","enabled":true}]}`, "/etc/systemd/system-preset/20-ignition.preset", dir},
		{`"systemd":{"units":[{"name":"a.service","mask":true}]}`, "/etc/systemd", facts.Node{Type: "file"}},
		{luks, "/etc/crypttab", dir}, {luks, "/etc/crypttab", link}, {`"storage":{}`, "/etc/hostname", dir},
	} {
		f := target()
		f.Handover = &facts.Handover{Keys: []string{"l"}, PlatformFiles: []facts.PlatformFile{{Path: "/etc/hostname", Mode: 0o644}}}
		f.Block = &facts.Block{}
		f.Block.Prepare()
		f.Block.Add("/dev/vda1", facts.Device{Signatures: []probe.Signature{{Type: "crypto_LUKS", UUID: "u"}}})
		f.Tree.Nodes[c.at] = c.n
		f.Tree.Nodes["/etc/passwd"] = facts.Node{Type: "file", Mode: 0o644}
		var found []string
		for _, p := range []Planner{Accounts, Files} {
			for _, d := range Build("part", p, document(t, c.config), f, Inputs{}).Report.Errors() {
				found = append(found, d.Line())
			}
		}
		if len(found) != 1 || !strings.Contains(found[0], c.at) {
			t.Errorf("%s at %s: %q", c.n.Type, c.at, found)
		}
	}
}
