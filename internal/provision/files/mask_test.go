// SPDX-License-Identifier: Apache-2.0

package files

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const maskStart = base + `
f /usr/lib/systemd/system/plain.service [Install]\nWantedBy=multi-user.target\n
f /usr/lib/systemd/system/other.socket [Install]\nWantedBy=sockets.target\n
f /usr/lib/systemd/system/t@.service [Install]\nWantedBy=multi-user.target\n
f /usr/lib/systemd/system/static.target [Unit]\n
l /usr/lib/systemd/system/alias.service plain.service
d /etc/systemd/system
l /etc/systemd/system/shut.service /dev/null
l /etc/systemd/system/multi-user.target.wants/plain.service /usr/lib/systemd/system/plain.service
f /etc/systemd/system/own.service [Install]\nWantedBy=multi-user.target\n
l /etc/systemd/system/linked.service /opt/linked.service
`

// TestMask compares the links of masked and unmasked units with those that systemctl makes in the same tree. Only firstlight
// masks units whose path in /etc exists; systemctl refuses.
func TestMask(t *testing.T) {
	if _, err := exec.LookPath("systemctl"); err != nil {
		t.Skip("comparing with systemctl needs systemctl")
	}
	for _, set := range []string{
		"mask plain.service", "mask other.socket", "mask t@.service", "mask t@one.service", "mask static.target", "mask alias.service",
		"mask nowhere.service", "mask shut.service", "mask plain.service other.socket", "mask t@a.service t@b.service t@.service",
		"mask a-b.mount", "mask x.timer y.path", "unmask shut.service", "unmask plain.service", "unmask own.service", "unmask linked.service",
		"unmask nowhere.service", "unmask shut.service t@.service",
	} {
		t.Run(set, func(t *testing.T) {
			verb, names, _ := strings.Cut(set, " ")
			theirs, ours := newMachine(t), newMachine(t)
			theirs.grow(t, maskStart)
			ours.grow(t, maskStart)
			var units []string
			for _, name := range strings.Fields(names) {
				if out, err := exec.Command("systemctl", "--root", theirs.dir, verb, name).CombinedOutput(); err != nil {
					t.Fatalf("systemctl: %v\n%s", err, out)
				}
				units = append(units, fmt.Sprintf(`{"name":%q,"mask":%v}`, name, verb == "mask"))
			}
			doc, err := parse(`{"systemd":{"units":[` + strings.Join(units, ",") + `]}}`)
			if err != nil {
				t.Fatal(err)
			}
			if err := ours.run(doc); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(linksBelow(tree(t, theirs.dir)), linksBelow(tree(t, ours.dir))); diff != "" {
				t.Errorf("-systemctl +ours:\n%s", diff)
			}
		})
	}
}

// linksBelow returns the links of a tree.
func linksBelow(lines []string) []string {
	var links []string
	for _, l := range lines {
		if strings.HasPrefix(l, "l ") {
			links = append(links, l)
		}
	}
	return links
}
