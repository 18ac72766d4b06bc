// SPDX-License-Identifier: Apache-2.0

package plan

import "testing"

// TestMissingUnits: enabled units that nothing has yet are warnings that say what may bring them, never errors.
func TestMissingUnits(t *testing.T) {
	const quadlet = `"files":[{"path":"/etc/containers/systemd/web.container","contents":{"source":"data:,"}},{"path":"/etc/fstab","contents":{"source":"data:,"}}],
		"links":[{"path":"/etc/extensions/kube.raw","target":"/opt/kube.raw"},{"path":"/etc/systemd/system/linked.service","target":"/opt/l.service"}]`
	for _, c := range []struct{ unit, storage, hint string }{
		{"web.service", quadlet, "the quadlet /etc/containers/systemd/web.container may bring it; the preset takes effect then"},
		{"srv-data.mount", quadlet, "a line of /etc/fstab may bring it; the preset takes effect then"},
		{"kubelet.service", quadlet, "a system extension in /etc/extensions may bring it; the preset takes effect then"},
		{"knwon.service", "", `did you mean "known.service"?`},
		{"legacy.service", "", "the preset takes effect when something brings the unit"},
	} {
		doc := document(t, `"storage":{`+c.storage+`},"systemd":{"units":[{"name":"`+c.unit+`","enabled":true}]}`)
		f := target()
		f.Units.Names = []string{"known.service"}
		r := Build("files", Files, doc, f, Inputs{})
		if r.Report.HasErrors() || len(r.Report) != 1 || r.Report[0].Hint != c.hint {
			t.Errorf("%s: %+v", c.unit, r.Report)
		}
	}
	for name, hint := range map[string]string{
		"knwon.service":  `did you mean "known.service"? a system extension may bring it; the preset takes effect then`,
		"legacy.service": "a system extension may bring it; the preset takes effect then",
	} {
		f := target()
		f.Units.Names, f.Units.Extended = []string{"known.service"}, true
		r := Build("files", Files, document(t, `"systemd":{"units":[{"name":"`+name+`","enabled":true}]}`), f, Inputs{})
		if len(r.Report) != 1 || r.Report[0].Hint != hint {
			t.Errorf("%s in a target with extensions: %+v", name, r.Report)
		}
		if got := outline(r.Plan.Steps); got != "$.systemd.units: enable "+name+"\n" {
			t.Errorf("the preset of %s: %s", name, got)
		}
	}
	doc := document(t, `"storage":{`+quadlet+`},"systemd":{"units":[{"name":"linked.service","enabled":true},{"name":"known.service","enabled":true}]}`)
	if r := Build("files", Files, doc, target(), Inputs{}); len(r.Report) > 0 {
		t.Errorf("units that are there: %+v", r.Report)
	}
}
