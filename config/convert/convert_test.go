// SPDX-License-Identifier: Apache-2.0

package convert_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/convert"
	"github.com/firstlight-boot/firstlight/config/diag"
)

func lines(report diag.List) string {
	out := ""
	for _, d := range report {
		out += fmt.Sprintf("%s %d:%d %s: %s\n", d.Severity, d.Span.Start.Line, d.Span.Start.Column, d.Path, d.Summary)
	}
	return out
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]convert.Form{
		`{"ignition":{"version":"3.4.0"}}`: convert.Ignition3, `{"ignition":{"version":"2.3.0"}}`: convert.Ignition2, `{`: convert.Ignition3,
		"#cloud-config\nx: y\n": convert.CloudConfig, "variant: fcos\nversion: 1.0.0\n": convert.Authored, "#!/bin/sh\n": convert.Unknown, "": convert.Unknown,
	} {
		if got := convert.Detect([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

// TestToYAML shows the YAML that people get.
func TestToYAML(t *testing.T) {
	const text = `{"ignition":{"version":"3.4.0"},"storage":{"filez":[],"files":[
  {"path":"/etc/motd","mode":420,"contents":{"source":"data:,hello%0Aworld%0A"}},
  {"path":"/bin","contents":{"source":"data:;base64,AAECAw=="}},
  {"path":"/yes","contents":{"source":"data:,yes"}}]},
  "systemd":{"units":[{"name":"a.service","enabled":true,"contents":"[Install]\nWantedBy=multi-user.target\n"}]}}`
	const want = `variant: fcos
version: 1.5.0
storage:
  files:
    - path: /etc/motd
      contents:
        inline: |
          hello
          world
      mode: 0644
    - path: /bin
      contents:
        source: data:;base64,AAECAw==
    - path: "/yes"
      contents:
        inline: "yes"
systemd:
  units:
    - contents: |
        [Install]
        WantedBy=multi-user.target
      enabled: true
      name: a.service
`
	got, report := convert.ToYAML(diag.NewSource("f", []byte(text)))
	if diff := cmp.Diff(strings.ReplaceAll(want, `"/yes"`, "/yes"), string(got)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("warning 1:44 $.storage.filez: unused key filez: left out\n", lines(report)); diff != "" {
		t.Error(diff)
	}
}

// TestIgnition2 converts everything that has a 3.x form, and reports the rest with its place.
func TestIgnition2(t *testing.T) {
	const text = `{
"ignition": {"version": "2.3.0", "config": {"append": [{"source": "https://h/a", "verification": {}}]}, "timeouts": {"httpTotal": 5}},
"networkd": {"units": [{"name": "a.network", "contents": "[Match]\n", "dropins": [{"name": "b.conf", "contents": "x"}]}]},
"passwd": {"users": [{"name": "core", "create": {"uid": 5, "groups": ["wheel"]}, "groups": ["adm"], "sshAuthorizedKeys": ["k"]}]},
"storage": {
  "disks": [{"device": "/dev/vdb", "wipeTable": true, "partitions": [{"label": "d", "size": 4096, "start": 2048}]}],
  "filesystems": [
    {"name": "data", "mount": {"device": "/dev/vdb1", "format": "ext4", "create": {"force": true, "options": ["-q"]}}},
    {"name": "var", "path": "/var"},
    {"name": "root", "mount": {"device": "/dev/vdc", "format": "ext4"}}],
  "files": [
    {"filesystem": "root", "path": "/a", "contents": {"source": "data:,1"}, "mode": 420},
    {"filesystem": "root", "path": "/a", "contents": {"source": "data:,2"}, "append": true},
    {"filesystem": "data", "path": "/x", "contents": {"source": "data:,3"}},
    {"filesystem": "var", "path": "/y", "overwrite": false},
    {"filesystem": "root", "path": "/o", "contents": {"source": "oem:///x"}}],
  "links": [{"filesystem": "root", "path": "/l", "target": "/a"}]
},
"systemd": {"units": [{"name": "data.mount", "enable": true, "dropins": [{"name": "a.conf", "contents": "x"}]}, {"name": "data.mount", "contents": "[Mount]\nWhat=/dev/vdb1\nWhere=/data\n"}]},
"foo": 1
}`
	const want = `{"ignition":{"config":{"merge":[{"source":"https://h/a"}]},"timeouts":{"httpTotal":5},"version":"3.0.0"},
"passwd":{"users":[{"groups":["adm","wheel"],"name":"core","sshAuthorizedKeys":["k"],"uid":5}]},
"storage":{"disks":[{"device":"/dev/vdb","partitions":[{"label":"d","sizeMiB":2,"startMiB":1}],"wipeTable":true}],
"files":[{"overwrite":true,"path":"/a","append":[{"source":"data:,2"}],"contents":{"source":"data:,1"},"mode":420},
{"overwrite":true,"path":"/data/x","contents":{"source":"data:,3"}},{"overwrite":false,"path":"/var/y","contents":{"source":""}},
{"overwrite":true,"path":"/etc/systemd/network/a.network","contents":{"source":"data:,%5BMatch%5D%0A"},"mode":420},
{"overwrite":true,"path":"/etc/systemd/network/a.network.d/b.conf","contents":{"source":"data:,x"},"mode":420}],
"filesystems":[{"device":"/dev/vdb1","format":"ext4","options":["-q"],"path":"/data","wipeFilesystem":true},{"device":"/dev/vdc","format":"ext4","path":"/"}],
"links":[{"path":"/l","target":"/a"}]},
"systemd":{"units":[{"dropins":[{"contents":"x","name":"a.conf"}],"contents":"[Mount]\nWhat=/dev/vdb1\nWhere=/data\n","enabled":true,"name":"data.mount"}]}}`
	out, report := convert.FromIgnition2(diag.NewSource("f", []byte(text)))
	if diff := cmp.Diff(value(t, []byte(want)), value(t, out)); diff != "" {
		t.Errorf("%s\n%s", diff, lines(report))
	}
	const losses = `warning 20:1 $.foo: unused key foo: left out
info 2:45 $.ignition.config: referenced configs must be of version 3.x too
warning 16:65 $.storage.files.4.contents.source: 3.x has no oem: sources
`
	if diff := cmp.Diff(losses, lines(report)); diff != "" {
		t.Error(diff)
	}
	if _, report := config.Parse(diag.NewSource("out", out)); report.HasErrors() {
		t.Error(lines(report))
	}
}

// TestIgnition2Impossible reports what 3.x cannot express.
func TestIgnition2Impossible(t *testing.T) {
	for text, want := range map[string]string{
		`{"ignition":{"version":"2.0.0"},"storage":{"disks":[{"device":"/dev/a","partitions":[{"number":1,"size":3}]}]}}`:                                                                               "3.x counts in MiB",
		`{"ignition":{"version":"2.0.0"},"storage":{"filesystems":[{"name":"d","mount":{"device":"/dev/a","format":"ext4"}}],"files":[{"filesystem":"d","path":"/x","contents":{"source":"data:,"}}]}}`: "has files but no mount point",
		`{"ignition":{"version":"2.0.0"},"storage":{"files":[{"filesystem":"d","path":"/x","contents":{"source":"data:,"}}]}}`:                                                                          "unknown filesystem d",
		`{"ignition":{"version":"2.0.0"},"storage":3}`:                                                                                                   "must be an object",
		`{"ignition":{"version":"2.0.0","config":{"replace":{"source":"data:,","verification":{"hash":"sha512-00"}}}}}`:                                  "error 1:94 $.ignition.config.replace.verification.hash: version 3.6.0: the digest has 2",
		`{"ignition":{"version":"2.0.0"},"storage":{"files":[{"filesystem":"root","path":"/a"},{"filesystem":"root","path":"/a","mode":99999}]}}`:        "error 1:127 $.storage.files.0.mode: ",
		`{"ignition":{"version":"2.0.0"},"systemd":{"units":[{"name":"a.service","contents":"[Unit"},{"name":"a.service"},{"name":"b","enable":true}]}}`: "error 1:122 $.systemd.units.1.name: ",
	} {
		if _, report := convert.FromIgnition2(diag.NewSource("f", []byte(text))); !report.HasErrors() || !strings.Contains(lines(report), want) {
			t.Errorf("%s:\n%s", text, lines(report))
		}
	}
}

const cloudConfig = `#cloud-config
users:
  - default
  - name: alice
    groups: wheel, adm
    sudo: ALL=(ALL) NOPASSWD:ALL
    plain_text_passwd: x
ssh_authorized_keys: [ssh-rsa BBBB]
hostname: web
write_files:
  - {path: /etc/a, content: "x\n", permissions: '0600', owner: root:adm}
  - {path: /etc/b, encoding: b64, content: aGk=, append: true}
ntp: {servers: [a.example.com]}
disk_setup: {vdb: {table_type: gpt, layout: true, overwrite: true}, vdc: {layout: [50, 50]}}
fs_setup: [{label: data, filesystem: ext4, device: vdb, partition: 1}]
mounts: [[LABEL=data, /srv/data, ext4, noatime], [vdd, none, swap], [vde, none]]
packages: [vim]
runcmd: [echo hi, [ls, "it's"]]
`

func TestCloudConfig(t *testing.T) {
	out, report := convert.FromCloudConfig(diag.NewSource("f", []byte(cloudConfig)))
	const losses = `warning 7:5 $.users.1.plain_text_passwd: a password in plain text has no counterpart: left out
warning 14:83 $.disk_setup.vdc.layout: percentages need the size of the disk, which is not known here: left out
warning 16:69 $.mounts.2: only swap and mounts with a mount point are converted: left out
warning 17:1 $.packages: packages has no counterpart: left out
`
	if diff := cmp.Diff(losses, lines(report)); diff != "" {
		t.Error(diff)
	}
	_, d, report := config.Build(diag.NewSource("out", out), author.Options{})
	if report.HasErrors() {
		t.Fatalf("%s\n%s", lines(report), out)
	}
	c := &d.Config
	if len(c.Passwd.Users) != 2 || len(c.Storage.Files) != 6 || len(c.Systemd.Units) != 3 || len(c.Storage.Disks) != 1 || *c.Storage.Filesystems[0].Path != "/srv/data" {
		t.Errorf("%s", out)
	}
}

// TestCloudMembers converts one member after the other.
func TestCloudMembers(t *testing.T) {
	for _, c := range []struct{ text, want, losses string }{
		{"groups: [web, {db: [alice, bob]}, {x: alice}]\nusers: [{name: alice}]\n",
			`{"passwd":{"groups":[{"name":"web"},{"name":"db"},{"name":"x"}],"users":[{"groups":["db","x"],"name":"alice"}]}}`,
			"warning 2:20 $.groups.1.db: the member bob is not a user of this config: left out\n"},
		{"groups: a, b\n", `{"passwd":{"groups":[{"name":"a"},{"name":"b"}]}}`, ""},
		{"groups: {a: [core]}\nusers: [{name: core, groups: a}]\n", `{"passwd":{"groups":[{"name":"a"}],"users":[{"groups":["a"],"name":"core"}]}}`, ""},
		{"users: [{name: a, passwd: $6$a$b}]\n", `{"passwd":{"users":[{"name":"a","passwordHash":"!$6$a$b"}]}}`,
			"info 2:19 $.users.0.passwd: cloud-init locks this password, since lock_passwd is not false: it stays locked\n"},
		{"users: [{name: a, hashed_passwd: $6$a$b, lock_passwd: no}]\n", `{"passwd":{"users":[{"name":"a","passwordHash":"$6$a$b"}]}}`, ""},
		{"ntp: {enabled: false, servers: [a]}\n", `{}`, ""},
		{"write_files: [{path: /a, source: {uri: 'https://h/x'}}, {path: /b, append: yes, content: x}]\n",
			`{"storage":{"files":[{"contents":{"source":"https://h/x"},"overwrite":true,"path":"/a"},{"append":[{"compression":"","source":"data:,x"}],"path":"/b"}]}}`, ""},
		{"fs_setup: [{device: sda, filesystem: xfs, partition: auto, overwrite: yes}]\n", `{"storage":{"filesystems":[{"device":"/dev/sda1","format":"xfs","wipeFilesystem":true}]}}`,
			"info 2:54 $.fs_setup.0.partition: cloud-init would choose the partition; this is the first one\n"},
	} {
		out, report := convert.FromCloudConfig(diag.NewSource("f", []byte("#cloud-config\n"+c.text)))
		if diff := cmp.Diff(c.losses, lines(report)); diff != "" {
			t.Errorf("%s%s", c.text, diff)
		}
		r, _, report := config.Build(diag.NewSource("out", out), author.Options{})
		if r == nil {
			t.Fatalf("%s\n%s", lines(report), out)
		}
		var built strings.Builder
		if err := r.WriteJSON(&built, r.Variant.Spec, false); err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(c.want, "{", `{"ignition":{"version":"3.4.0"},`, 1)
		if diff := cmp.Diff(value(t, []byte(strings.Replace(want, ",}", "}", 1))), value(t, []byte(built.String()))); diff != "" {
			t.Errorf("%s%s", c.text, diff)
		}
	}
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func FuzzConvert(f *testing.F) {
	f.Add([]byte(cloudConfig))
	f.Add([]byte("#cloud-config\nusers: &a [*a, x]\nmounts: [[a]]\nfs_setup: [{device: '', filesystem: x, partition: 1}]\n"))
	f.Add([]byte(`{"ignition":{"version":"2.3.0"},"storage":{"files":[{"path":"a","append":true}]}}`))
	f.Add([]byte(`{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"/a","contents":{"source":"data:,a%0A%20b"}}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		src := diag.NewSource("f", text)
		switch convert.Detect(text) {
		case convert.CloudConfig:
			convert.FromCloudConfig(src)
		case convert.Ignition2:
			convert.FromIgnition2(src)
		case convert.Ignition3:
			out, report := convert.ToYAML(src)
			if report.HasErrors() {
				return
			}
			before, _ := config.ParseWith(src, config.Options{JSONOnly: true})
			_, after, report := config.Build(diag.NewSource("out", out), author.Options{})
			if report.HasErrors() {
				t.Fatalf("the result is invalid: %s\n%s", lines(report), out)
			}
			if diff := cmp.Diff(before.Config.Systemd, after.Config.Systemd); diff != "" {
				t.Errorf("%s\n%s", diff, out)
			}
		}
	})
}

// TestCloudConfigBounds converts documents made to take memory or time.
func TestCloudConfigBounds(t *testing.T) {
	bomb := "#cloud-config\na0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	const tooMuch = "not well-formed YAML: aliases repeat more than 64 MiB of text"
	for name, c := range map[string]struct{ text, want string }{
		"aliases":  {bomb + "runcmd: *a12\n", tooMuch},
		"text":     {"#cloud-config\nt: &t " + strings.Repeat("y", 1<<18) + "\nwrite_files:\n" + strings.Repeat("  - {path: /a, content: *t}\n", 1<<10), tooMuch},
		"itself":   {"#cloud-config\nruncmd: &a [*a]\n", ""},
		"commands": {"#cloud-config\nruncmd:\n" + strings.Repeat("  - [a, b]\n", 1<<17), ""},
	} {
		began := time.Now()
		_, report := convert.FromCloudConfig(diag.NewSource("f", []byte(c.text)))
		if took := time.Since(began); took > 30*time.Second { // a second or two, unless it is quadratic
			t.Errorf("%s: it took %v", name, took)
		}
		if got := report.HasErrors(); got != (c.want != "") || got && report[0].Summary != c.want {
			t.Errorf("%s: %.300v", name, report)
		}
	}
}
