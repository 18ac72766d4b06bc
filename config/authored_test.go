// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
)

const authored = `variant: fcos
version: 1.5.0
storage:
  links:
    - path: /etc/a
      target: b
  filesystems:
    - device: /dev/vdb
      path: /var/b
      format: ext4
      with_mount_unit: true
`

// TestParseYAML reads YAML wherever JSON is read, unless that is turned off.
func TestParseYAML(t *testing.T) {
	src := diag.NewSource("a.bu", []byte(authored))
	d, report := config.Parse(src)
	if report.HasErrors() || len(d.Config.Systemd.Units) != 1 || *d.Config.Storage.Links[0].Target != "b" {
		t.Fatalf("%v %+v", report, d.Config)
	}
	if at := d.Origins.At("$.systemd.units.0.contents").String(); at != "a.bu:11:24" {
		t.Errorf("the unit is at %s", at)
	}
	if _, report := config.ParseWith(src, config.Options{JSONOnly: true}); !report.HasErrors() || report[0].Code != "V002" {
		t.Errorf("YAML is read: %v", report)
	}
}

// TestYAMLByName: a text that is neither JSON nor YAML with a variant is judged by the name of its file, unless it is known for
// something else.
func TestYAMLByName(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"web.bu", "hello world\n", "must be a mapping, not a text"},
		{"web.yaml", "- a\n- b\n", "must be a mapping, not a list"},
		{"web.ign", "hello world\n", "not well-formed JSON"},
		{"web.yaml", "#cloud-config\nusers: []\n", "cloud-config"},
		{"web.bu", `{"ignition": }`, "has no variant"},
		{"web.ign", `{"ignition": }`, "JSON"},
	} {
		_, report := config.Parse(diag.NewSource(c.name, []byte(c.text)))
		if len(report) == 0 || !strings.Contains(report[0].Summary, c.want) {
			t.Errorf("%s: %q: %v, want %q", c.name, c.text, report, c.want)
		}
	}
}

// TestMergeYAML merges YAML over JSON and JSON over YAML: errors of the result point to where they were written.
func TestMergeYAML(t *testing.T) {
	yaml, report := config.Parse(diag.NewSource("a.bu", []byte(authored)))
	if report.HasErrors() {
		t.Fatal(report)
	}
	json, report := config.Parse(diag.NewSource("b.ign", []byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/a/c"}]}}`)))
	if report.HasErrors() {
		t.Fatal(report)
	}
	for name, merged := range map[string]config.Document{"YAML below": config.Merge(yaml, json), "JSON below": config.Merge(json, yaml)} {
		found := false
		for _, d := range config.Validate(merged) {
			p := d.Place()
			found = found || p.File == "b.ign" || p.File == "a.bu" && p.Line == 5
		}
		if !found {
			t.Errorf("%s: a file below a link is not found: %v", name, config.Validate(merged))
		}
		if at := merged.Origins.At("$.storage.links.0.target").String(); at != "a.bu:6:15" {
			t.Errorf("%s: the target is at %s", name, at)
		}
	}
}
