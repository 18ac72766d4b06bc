// SPDX-License-Identifier: Apache-2.0

package author_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

const head = "variant: fcos\nversion: 1.5.0\n"

func build(text string, o author.Options) (*author.Result, string) {
	r, _, report := config.Build(diag.NewSource("f", []byte(text)), o)
	out := ""
	for _, d := range report {
		out += fmt.Sprintf("%d:%d %s: %s; %s\n", d.Span.Start.Line, d.Span.Start.Column, d.Path, d.Summary, d.Hint)
	}
	return r, out
}

func output(t *testing.T, r *author.Result) string {
	t.Helper()
	var b bytes.Buffer
	if r == nil {
		t.Fatal("there is no result")
	}
	if err := r.WriteJSON(&b, r.Variant.Spec, false); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}

// TestSyntax shows the usual mistakes, with their places and what to do about them.
func TestSyntax(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"tab":               {"storage:\n\tfiles:\n", "4:1 $: not well-formed YAML: the line is indented with a tab; replace the tab with spaces\n"},
		"no space":          {"storage:\n  files:\n    - path:/etc/x\n      mode: 0644\n", "5:11 $: not well-formed YAML: the colon needs a space after it; write NAME: VALUE\n"},
		"second colon":      {"storage:\n  files:\n    - path: a: b\n", "5:14 $: not well-formed YAML: the line has a second colon, or is indented too far; quote the value if the colon belongs to it; otherwise align the line with the lines around it\n"},
		"short items":       {"storage: {}\n- a\n- b\n- c\n", "4:1 $: not well-formed YAML: the list item is indented differently from the items around it; align its dash with the other dashes of the list\n"},
		"item depth":        {"storage:\n  files:\n    - path: /a\n   - path: /b\n", "6:4 $: not well-formed YAML: the list item is indented differently from the items around it; align its dash with the other dashes of the list\n"},
		"reserved":          {"storage:\n  files:\n    - path: @x\n", "5:13 $: not well-formed YAML: the value starts with a character that YAML reserves; put the value in quotes\n"},
		"open text":         {"storage:\n  files:\n    - path: \"/etc\n\n\n      mode: 0644\n# it's open\n", "5:13 $: not well-formed YAML: a quotation mark is not closed; close it; a value that starts with a quotation mark must end with one\n"},
		"not UTF-8":         {"storage:\n  files:\n    - path: /a\xe9\n", "5:15 $: not well-formed YAML: incomplete UTF-8 octet sequence; save the file as UTF-8 without control characters\n"},
		"control character": {"storage:\n  files:\n    - path: /a\x1b[1m\n", "5:15 $: not well-formed YAML: control characters are not allowed; save the file as UTF-8 without control characters\n"},
		"depth":             {"storage:\n  files:\n    - path: /a\n      inline: x\n", "6:7 $.storage.files.0.inline: unused key inline; it belongs to contents: write it below contents:, indented further\n"},
		"spec version":      {"ignition: {version: 3.4.0}\n", "3:12 $.ignition.version: unused key version; remove it: the spec version follows from the version of the document, at its top\n"},
		"bracket":           {"storage: [\n", "3:10 $: not well-formed YAML: a bracket is not closed; close it, or write the list with dashes on the next lines\n"},
		"quote":             {"storage:\n  files:\n    - path: \"/etc\n", "5:13 $: not well-formed YAML: a quotation mark is not closed; close it; a value that starts with a quotation mark must end with one\n"},
		"octal as text":     {"storage:\n  files:\n    - path: /x\n      mode: \"0644\"\n", "6:13 $: $.storage.files.0.mode must be an integer, not a text; write the number without quotes\n"},
		"key twice":         {"storage: {}\nstorage: {}\n", "4:1 $: duplicate key storage; line 3 has the first; merge the two, or remove one\n"},
		"mapping for list":  {"storage:\n  files:\n    path: /x\n", "5:5 $: $.storage.files must be a list, not a mapping; begin each item with a dash, or put the list in square brackets\n"},
		"anchor in itself":  {"storage: &a\n  files: *a\n", "3:10 $: $.storage.files must be a list, not a mapping; begin each item with a dash, or put the list in square brackets\n"},
		"unknown anchor":    {"storage: *a\n", "3:10 $: not well-formed YAML: the alias names an anchor that the lines before do not have; define the anchor with & before it is used, or put the value in quotes\n"},
		"later member":      {"storage:\n  trees:\n    - local: x\n      file_mode: 0644\n", "6:7 $.storage.trees.0.file_mode: unused key file_mode; remove it; the members here are local, path\n5:7 $.storage.trees.0: copy the tree x: no files directory is given; name the directory with --files-dir; at boot there are no local files\n"},
		"open block":        {"storage:\n  files:\n    - path: /a\n      contents:\n        inline: |\n        text\n", "8:9 $: not well-formed YAML: the text of the block above is not indented; indent the lines of the text further than the key of the block\n"},
		"open block of two": {"systemd:\n  units:\n    - name: a.service\n      contents: |\n      [Unit]\n      Description=a\n", "7:7 $: not well-formed YAML: the text of the block above is not indented; indent the lines of the text further than the key of the block\n"},
		"tab below":         {"storage:\n  files:\n    - path: /a\n      mode: 0644\n\t  user: {name: a}\n", "7:1 $: not well-formed YAML: the line is indented with a tab; replace the tab with spaces\n"},
		"star":              {"storage:\n  links:\n    - path: /a\n      target: *.conf\n", "6:15 $: not well-formed YAML: the value starts with a character that begins an alias or anchor; put the value in quotes\n"},
		"apostrophe":        {"passwd:\n  users:\n    - name: a\n      gecos: 'It's me'\n", "6:18 $: not well-formed YAML: text follows the closing quotation mark; write a quotation mark within the value twice, or quote the value with the other kind\n"},
		"escape":            {"passwd:\n  users:\n    - name: a\n      gecos: \"C:\\path\"\n", "6:17 $: not well-formed YAML: the backslash in double quotes begins an escape that YAML does not have; use single quotes, or write \\\\ for a backslash\n"},
		"beside members":    {"storage:\n  files:\n  - path: /a\n   mode: 0644\n", "6:4 $: not well-formed YAML: the line is not aligned with the members of its list item; align it with the first member, which follows the dash\n"},
		"alias in a line":   {"storage:\n  files:\n    - {<<: *base, path: /a}\n", "5:12 $: not well-formed YAML: the alias names an anchor that the lines before do not have; define the anchor with & before it is used, or put the value in quotes\n"},
		"mode of letters":   {"storage:\n  files:\n    - {path: /a, mode: u=rw}\n", "5:24 $: $.storage.files.0.mode must be an integer, not a text; write the mode in octal digits, 0 to 7, such as 0644\n"},
		"mode not octal":    {"storage:\n  files:\n    - {path: /a, mode: 0o888}\n", "5:24 $: $.storage.files.0.mode must be an integer, not a text; write the mode in octal digits, 0 to 7, such as 0644\n"},
		"size with unit":    {"storage:\n  disks:\n    - {device: /dev/a, partitions: [{size_mib: 10G}]}\n", "5:48 $: $.storage.disks.0.partitions.0.size_mib must be an integer, not a text; write 10240: the number is in MiB\n"},
		"size of nothing":   {"storage:\n  disks:\n    - {device: /dev/a, partitions: [{size_mib: all}]}\n", "5:48 $: $.storage.disks.0.partitions.0.size_mib must be an integer, not a text; write the number of MiB, without a unit\n"},
		"id is a name":      {"passwd:\n  users:\n    - {name: a, uid: a}\n", "5:22 $: $.passwd.users.0.uid must be an integer, not a text; write the number, or remove uid to have one chosen\n"},
		"owner is a name":   {"storage:\n  files:\n    - {path: /a, user: a}\n", "5:24 $: $.storage.files.0.user must be a mapping, not a text; write its members in the lines below, indented: id, name\n"},
		"list of arguments": {"kernel_arguments: [quiet]\n", "3:19 $: $.kernel_arguments must be a mapping, not a list; remove the dash or bracket; the members are should_exist, should_not_exist\n"},
		"lines in a list":   {"systemd:\n  units:\n    - name: a.service\n      contents:\n        - a\n", "7:9 $: $.systemd.units.0.contents must be a text, not a list; write contents: | and the text in the lines below, indented further\n"},
		"bracket at start":  {"systemd:\n  units:\n    - {name: a.service, contents: [Unit]}\n", "5:35 $: $.systemd.units.0.contents must be a text, not a list; put the value in quotes: a bracket or brace at its start begins a list\n"},
		"colon in an item":  {"passwd:\n  users:\n    - name: a\n      ssh_authorized_keys:\n        - ssh-ed25519 A a: b\n", "7:11 $: $.passwd.users.0.ssh_authorized_keys.0 must be a text, not a mapping; write one value in this line; put it in quotes if it has a colon followed by a space\n"},
		"wide space":        {"storage:\n\u00a0\u00a0files:\n", "4:1 $.\u00a0\u00a0files: unused key ··files; replace the wide or non-breaking spaces of this line with ordinary ones\n"},
		"config's spelling": {"kernelArguments: {}\n", "3:1 $.kernelArguments: unused key kernelArguments; did you mean kernel_arguments?\n"},
	} {
		t.Run(name, func(t *testing.T) {
			_, got := build(head+c.text, author.Options{})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestVariant checks the messages about a missing or wrong variant and version.
func TestVariant(t *testing.T) {
	for text, want := range map[string]string{
		"version: 1.5.0\nx: {variant: y}\n":                          "1:1 $: the document has no variant; start it with two lines such as `variant: fcos` and `version: 1.6.0`\n",
		"variant: fcos\n":                                            "1:10 $: the document has no version; write version: 1.7.0, the newest final version of fcos, or an older one\n",
		"variant: fcos\nversion: 1.5\n":                              "2:10 $: \"1.5\" is not a version: it needs three numbers; write version: 1.7.0, the newest final version of fcos, or an older one\n",
		"variant: fcso\nversion: 1.5.0\n":                            "1:10 $: unknown variant: fcso; did you mean fcos? Its newest final version is 1.7.0\n",
		"variant: fcos\nversion: 3.4.0\n":                            "2:10 $: unknown version of the variant fcos: 3.4.0; 3.4.0 is the spec version that fcos 1.5.0 becomes; write version: 1.5.0\n",
		"variant: rhcos\nversion: 0.1.0\n":                           "1:10 $: the variant rhcos was replaced by openshift; write variant: openshift and version: 4.22.0\n",
		"variant: FCOS\nversion: 1.5.0\n":                            "1:10 $: unknown variant: FCOS; did you mean fcos? Its newest final version is 1.7.0\n",
		"variant: fcos\nversion: \"1.5.0\"\n":                        "",
		"{variant: fcos, version: 1.5.0}":                            "",
		`{"variant": "fcos", "version": "1.5.0"}`:                    "",
		"# c\n---\nvariant: fcos\nversion: 1.5.0\n---\nvariant: [\n": "5:1 $: what follows this line is ignored: only the first YAML document is read; remove the line, or what follows it\n",
		"\xef\xbb\xbfvariant: fcos\nversion: 1.5.0\n":                "",
	} {
		if _, got := build(text, author.Options{}); got != want {
			t.Errorf("%q:\n%s", text, cmp.Diff(want, got))
		}
		if !author.IsAuthored([]byte(text)) {
			t.Errorf("%q is not taken for YAML", text)
		}
	}
	for _, text := range []string{`{"ignition":{"version":"3.4.0"},"variant":"x"}`, `{"ignition":{"version":"3.4.0"}}`, "", "garbage", "#cloud-config\n", `{"version":"3.6.0","storage":{}}`,
		"<!DOCTYPE html>\n<p>a variant: none", "#!/bin/sh\necho variant: $1\n"} {
		if author.IsAuthored([]byte(text)) {
			t.Errorf("%q is taken for YAML", text)
		}
	}
}

// TestUTF16 reads a document in another encoding.
func TestUTF16(t *testing.T) {
	text := []byte("\xff\xfe")
	for _, c := range []byte(head) {
		text = append(text, c, 0)
	}
	if _, got := build(string(text), author.Options{}); got != "" {
		t.Error(got)
	}
	if _, got := build("\xff\xfex", author.Options{}); got == "" {
		t.Error("half a character is accepted")
	}
}

// TestLaxness checks how lax the language is about YAML.
func TestLaxness(t *testing.T) {
	for text, want := range map[string]string{
		"storage:\n  files:\n    - {path: /a, mode: 0644, overwrite: yes, contents: {source: ''}}\n":                   `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"overwrite":true,"path":"/a","contents":{"source":""},"mode":420}]}}`,
		"storage:\n  files:\n    - {path: /a, mode: 0o644, overwrite: off}\n":                                          `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"overwrite":false,"path":"/a","mode":420}]}}`,
		"passwd:\n  users:\n    - {name: 12, uid: ~, gecos: 1.50, shell: true}\n":                                      `{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"gecos":"1.50","name":"12","shell":"true"}]}}`,
		"storage: ~\npasswd: {}\nsystemd:\n":                                                                           `{"ignition":{"version":"3.4.0"}}`,
		"a: &a {path: /a}\nb: &b {mode: 0600, path: /b}\nstorage:\n  files:\n    - {<<: [*a, *b], overwrite: false}\n": `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"overwrite":false,"path":"/a","mode":384}]}}`,
		"systemd:\n  units:\n    - &u {name: a.service, mask: true}\n    - {<<: *u, name: b.service}\n":                `{"ignition":{"version":"3.4.0"},"systemd":{"units":[{"mask":true,"name":"a.service"},{"mask":true,"name":"b.service"}]}}`,
		"storage:\n  luks:\n    - {device: /dev/vdb}\n":                                                                `{"ignition":{"version":"3.4.0"},"storage":{"luks":[{"device":"/dev/vdb","name":""}]}}`,
	} {
		r, report := build(head+text, author.Options{})
		if r == nil {
			t.Errorf("%s: %s", text, report)
			continue
		}
		if diff := cmp.Diff(want, output(t, r)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// TestNull checks that an absent value, null, and an empty value with an anchor or a tag all count as absent, and which of them are
// reported: those that are the start of a text without quotes.
func TestNull(t *testing.T) {
	for value, reported := range map[string]bool{
		"": false, "~": false, "null": false, "!!null": false, "# a comment": false, "#": false, "## a comment": false, "&a !!null": false,
		"&a": true, "! ": true, "#a": true, "&a # a comment": true, "&a #a": true,
	} {
		r, report := build(head+"passwd:\n  users:\n    - name: a\n      gecos: "+value+"\n", author.Options{})
		if r == nil {
			t.Errorf("%q: %s", value, report)
			continue
		}
		if diff := cmp.Diff(`{"ignition":{"version":"3.4.0"},"passwd":{"users":[{"name":"a"}]}}`, output(t, r)); diff != "" {
			t.Errorf("%q: %s", value, diff)
		}
		if got := strings.Count(report, "has no value") == 1; got != reported || !got && report != "" {
			t.Errorf("%q: %s", value, report)
		}
	}
}

// TestEveryVariant builds the empty document of every variant, and checks that the output is valid in the stated version.
func TestEveryVariant(t *testing.T) {
	for _, v := range author.Variants() {
		text := "variant: " + v.Name + "\nversion: " + v.Version + "\n"
		if v.MachineConfig() {
			text += "metadata:\n  name: a\n  labels: {machineconfiguration.openshift.io/role: worker}\n"
		}
		r, report := build(text, author.Options{})
		if report != "" {
			t.Errorf("%s: %s", v.String(), report)
			continue
		}
		if got := output(t, r); got != `{"ignition":{"version":"`+v.Spec.String()+`"}}` {
			t.Errorf("%s: %s", v.String(), got)
		}
	}
}

// TestLabels merges labels, which have keys of the author's own.
func TestLabels(t *testing.T) {
	r, report := build("variant: openshift\nversion: 4.18.0\nx-l: &l {machineconfiguration.openshift.io/role: worker, a: 1}\nmetadata:\n  name: n\n  labels: {<<: *l, a: 2}\n", author.Options{})
	if r == nil {
		t.Fatal(report)
	}
	var b strings.Builder
	if err := r.WriteMachineConfig(&b, r.Variant.Spec); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "  labels:\n    a: \"2\"\n    machineconfiguration.openshift.io/role: worker\n") {
		t.Error(b.String())
	}
}

// TestSugarPointsToItsCause checks that findings about generated parts point to the YAML that asked for them.
func TestSugarPointsToItsCause(t *testing.T) {
	files := fstest.MapFS{"t/a b": {Data: []byte("x")}, "u": {Data: []byte("[Unit\n")}}
	for name, c := range map[string]struct{ text, want string }{
		"inline":        {"storage:\n  files:\n    - path: /a\n      contents:\n        inline: x\n        verification: {hash: sha512-zz}\n", "8:30 $.storage.files.0.contents.verification.hash"},
		"tree":          {"storage:\n  trees:\n    - local: t\n      path: relative\n", "5:7 $.storage.trees.0"},
		"unit":          {"systemd:\n  units:\n    - name: a.service\n      contents_local: u\n", "6:23 $.systemd.units.0.contents_local"},
		"mirror":        {"boot_device:\n  layout: x86_64\n  mirror:\n    devices: [/dev/vda, vdb]\n", "6:25 $.boot_device.mirror.devices.1"},
		"tang":          {"boot_device:\n  luks:\n    tang:\n      - url: ftp://x\n        thumbprint: y\n", "6:14 $.boot_device.luks.tang.0.url"},
		"merged member": {"x-a: &a\n  mode: 99999\nstorage:\n  files:\n    - {path: /a, <<: *a}\n", "4:9 $.storage.files.0.mode"},
		"mount unit":    {"storage:\n  filesystems:\n    - {device: /dev/vdb, path: relative, format: ext4, with_mount_unit: true}\n", "5:32 $.storage.filesystems.0.path"},
	} {
		t.Run(name, func(t *testing.T) {
			r, got := build(head+c.text, author.Options{Files: files})
			if r != nil {
				t.Fatalf("it is accepted: %s", output(t, r))
			}
			for line := range strings.SplitSeq(got, "\n") {
				if strings.HasPrefix(line, c.want+":") {
					return
				}
			}
			t.Errorf("there is no finding at %s:\n%s", c.want, got)
		})
	}
}

// TestBounds feeds texts made to take memory or time.
func TestBounds(t *testing.T) {
	bomb := "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := range 12 {
		bomb += fmt.Sprintf("a%d: &a%d [%s]\n", i+1, i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i), 10), ","))
	}
	merges := "m0: &m0 {path: /a}\n"
	for i := range 24 {
		merges += fmt.Sprintf("m%d: &m%d {<<: [*m%d, *m%d]}\n", i+1, i+1, i, i)
	}
	for name, text := range map[string]string{
		"labels":        "variant: openshift\nversion: 4.18.0\n" + merges + "metadata: {name: a, labels: *m24}\n",
		"aliases":       head + bomb + "kernel_arguments: {should_exist: *a12}\nstorage: {files: *a12, disks: *a12}\n",
		"merges":        head + merges + "storage: {files: [*m24]}\n",
		"deep flow":     head + "storage: " + strings.Repeat("[", 100000) + "\n",
		"deep block":    head + "x:\n" + strings.Repeat("- ", 100000) + "a\n",
		"many values":   head + "x: [" + strings.Repeat("a,", 4<<20) + "]\n",
		"many keys":     head + strings.Repeat("a: b\n", 1<<16),
		"unused keys":   head + manyKeys(1<<15),
		"invalid UTF-8": head + "x: \xff\xfe\n",
		"control":       head + "x: \x00\n",
		"comments":      head + strings.Repeat("# x\n", 1<<16),
		"garbage":       "variant" + strings.Repeat("\x80:-? \"'\n", 1<<17),
		"repeated text": head + "t: &t |\n" + strings.Repeat("  some text, with: commas\n", 1<<14) + "storage:\n  files:\n" + strings.Repeat("    - {path: /a, contents: {inline: *t}}\n", 1<<14),
		"repeated keys": head + "m: &m {" + strings.ReplaceAll(manyKeys(1<<15), "\n", ", ") + "}\nstorage:\n  files:\n" + strings.Repeat("    - {<<: *m}\n", 1<<14),
		"repeated maps": head + "m: &m {" + strings.ReplaceAll(manyKeys(1<<15), "\n", ", ") + "}\nstorage:\n  files:\n" + strings.Repeat("    - *m\n", 1<<14),
		"labels of one": "variant: openshift\nversion: 4.18.0\nmetadata: {name: a, labels: {" + strings.ReplaceAll(manyKeys(1<<18), "\n", ", ") + "}}\n",
		"one line":      head + "storage: {files: [" + strings.Repeat("{path: a}, ", 1<<16) + "]}\n",
		"one wide line": head + "storage: {files: [" + strings.Repeat("{path: ä}, ", 1<<16) + "]}\n",
		"inline config": head + "ignition: {config: {merge: [" + strings.Repeat("{inline: '{\"ignition\":{\"version\":\"3.4.0\"}}'}, ", 1<<11) + "]}}\n",
		"long text":     head + "x: |\n" + strings.Repeat("  some text, with: commas\n", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			began := time.Now()
			runtime.ReadMemStats(&before)
			config.Build(diag.NewSource("f", []byte(text)), author.Options{})
			runtime.ReadMemStats(&after)
			if took := time.Since(began); took > 30*time.Second { // a second or two, unless it is quadratic
				t.Errorf("it took %v", took)
			}
			const perByte, expansion = 100, 128 << 20 // bytes allocated in all, garbage included
			used := after.TotalAlloc - before.TotalAlloc
			t.Logf("%d kB of text took %d MB", len(text)>>10, used>>20)
			if used > uint64(len(text))*perByte+expansion {
				t.Error("that is too much")
			}
		})
	}
}

// TestGarbage feeds 100 MB that are not a document. They must be refused within a few times their size.
func TestGarbage(t *testing.T) {
	const size = 100 << 20
	noise := make([]byte, size)
	for i, x := 0, uint32(1); i < size; i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	for name, text := range map[string][]byte{
		"noise":     noise,
		"bad UTF-8": bytes.Repeat([]byte{0xff}, size),
		"brackets":  bytes.Repeat([]byte{'['}, size),
	} {
		t.Run(name, func(t *testing.T) {
			text := append([]byte(head+"x: "), text...)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r, _, report := config.Build(diag.NewSource("f", text), author.Options{})
			runtime.ReadMemStats(&after)
			if r != nil || len(report) != 1 || report[0].Code != author.CodeSyntax {
				t.Errorf("%d findings", len(report))
			}
			const mostPerByte = 10
			if used := after.TotalAlloc - before.TotalAlloc; used > mostPerByte*size {
				t.Errorf("it took %d MB", used>>20)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: x\n", i)
	}
	return b.String()
}

// TestForms checks the choice between escapes, base64 and gzip, for contents in memory and for those that are not.
func TestForms(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	noise := make([]byte, 2<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	files := fstest.MapFS{"large": {Data: large}, "noise": {Data: noise}, "letters": {Data: letters(noise)}}
	for name, want := range map[string]string{"large": "gzip", "noise": "base64", "letters": "gzip"} {
		text := head + "storage:\n  files:\n    - path: /a\n      contents: {local: " + name + "}\n"
		r, report := build(text, author.Options{Files: files})
		if r == nil {
			t.Fatal(report)
		}
		got := output(t, r)
		isZip, isBase := strings.Contains(got, `"compression":"gzip"`), strings.Contains(got, `data:;base64,`)
		if isZip != (want == "gzip") || isBase != (want != "plain") {
			t.Errorf("%s: %.200s", name, got)
		}
		inline := author.Options{Files: fstest.MapFS{name: {Data: files[name].Data[:1<<20]}}}
		if r, report = build(text, inline); r == nil {
			t.Fatal(report)
		}
		d, report2 := config.Parse(diag.NewSource("x", []byte(output(t, r))))
		if report2.HasErrors() || len(d.Config.Storage.Files) != 1 {
			t.Error(report2)
		}
	}
}

func letters(noise []byte) []byte {
	out := make([]byte, len(noise))
	for i, c := range noise {
		out[i] = 'a' + c%26
	}
	return out
}

// TestChildConfigs checks configs that are merged: the machine would refuse them later.
func TestChildConfigs(t *testing.T) {
	files := fstest.MapFS{
		"good": {Data: []byte(`{"ignition":{"version":"3.0.0"}}`)}, "bad": {Data: []byte(`{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"x"}]}}`)},
		"yaml": {Data: []byte(head)},
	}
	for child, want := range map[string]string{
		"local: good": "", "local: yaml": "",
		"local: bad":  "7:16 $.ignition.config.merge.0.local: the machine will refuse this config: line 1: the path \"x\" is not absolute",
		"local: none": "7:16 $.ignition.config.merge.0.local: read local file none: file does not exist",
		`inline: '{"ignition":{"version":"3.4.0"}}'`:                                    "",
		`inline: '{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"x"}]}}'`: "1:1 $.storage.files.0.path: inline config, line 1: ",
		`inline: '{"ignition":{"version":"3.0.0"},"storage":{"files":[{"path":"x"}]}}'`: "7:9 $.ignition.config.merge.0.version: ",
		`inline: nonsense`:                           "7:17 $.ignition.config.merge.0.inline: the inline config cannot be read",
		`inline: '{"ignition":{"version":"2.2.0"}}'`: "7:9 $.ignition.config.merge.0.version: ",
	} {
		_, got := build(head+"# a line\nignition:\n  config:\n    merge:\n      - "+child+"\n", author.Options{Files: files})
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %s", child, got)
		}
	}
}

// TestSugarIsMerged checks that sugar and the author's own sections join as two configs merge, with the generated part as the parent.
func TestSugarIsMerged(t *testing.T) {
	sugar := map[string]string{
		"mirror": "boot_device:\n  layout: ppc64le\n  mirror: {devices: [/dev/sda, /dev/sdb]}\n",
		"luks":   "boot_device: {luks: {tpm2: true, threshold: 1}}\n",
		"grub":   "grub: {users: [{name: a, password_hash: b}]}\n",
		"both":   "boot_device: {layout: x86_64, luks: {tpm2: true}, mirror: {devices: [/dev/sda, /dev/sdb]}}\ngrub: {users: [{name: a, password_hash: b}]}\n",
	}
	own := map[string]string{
		"disks":       "storage: {disks: [{device: /dev/sda, wipe_table: false, partitions: [{label: root-1, size_mib: 9000}, {label: var, number: 9}]}, {device: /dev/sdc}]}\n",
		"filesystems": "storage: {filesystems: [{device: /dev/mapper/root, format: ext4, options: [-q]}, {device: /dev/disk/by-label/boot, format: ext4, mount_options: [ro]}]}\n",
		"luks":        "storage: {luks: [{name: root, device: /dev/vdb, options: [a, b], clevis: {threshold: 2, tang: [{url: 'http://t', thumbprint: x}]}}]}\n",
		"files":       "storage: {files: [{path: /boot/grub2/user.cfg, append: [{inline: x}], mode: 0600}, {path: /b}]}\n",
		"sibling":     "storage: {links: [{path: /boot/grub2/user.cfg, target: x}]}\n",
		"raid":        "storage: {raid: [{name: md-root, level: raid1, devices: [/dev/disk/by-partlabel/root-1, /dev/vdx]}]}\n",
	}
	for a, parent := range sugar {
		for b, child := range own {
			_, first, report := config.Build(diag.NewSource("parent", []byte(head+parent)), author.Options{})
			if report.HasErrors() {
				t.Fatal(report)
			}
			_, second, report := config.Build(diag.NewSource("child", []byte(head+child)), author.Options{})
			if report.HasErrors() {
				t.Fatal(report)
			}
			_, joint, report := config.Build(diag.NewSource("joint", []byte(head+parent+child)), author.Options{})
			if report.HasErrors() {
				t.Errorf("%s and %s: %v", a, b, report)
				continue
			}
			if diff := cmp.Diff(config.Merge(first, second).Config, joint.Config); diff != "" {
				t.Errorf("%s and %s: %s", a, b, diff)
			}
		}
	}
}

// TestBlocks checks that a block of text ends where its text ends.
func TestBlocks(t *testing.T) {
	const text = head + "systemd:\n  units:\n    - name: a.service\n      contents: |\n        [Unit]\n\n        [Install]\n      enabled: true\n"
	r, report := build(text, author.Options{})
	if r == nil {
		t.Fatal(report)
	}
	n := r.Doc.Root.Member("systemd").Member("units").Kids[0].Member("contents")
	if got := text[n.Start:n.End]; got != "|\n        [Unit]\n\n        [Install]" {
		t.Errorf("%q", got)
	}
}

// TestTarget checks that findings about what a version cannot express point to the YAML.
func TestTarget(t *testing.T) {
	text := head + "systemd:\n  units: []\nkernel_arguments:\n  should_exist: [quiet]\n"
	r, d, report := config.Build(diag.NewSource("f", []byte(text)), author.Options{})
	if report.HasErrors() {
		t.Fatal(report)
	}
	_, found := config.MarshalVersion(d, spec.V3_2)
	if found = r.Relocate(found); len(found) != 1 || found[0].Path.String() != "$.kernel_arguments" || found[0].Span.Start.Line != 6 {
		t.Errorf("%+v", found)
	}
}

func FuzzBuild(f *testing.F) {
	f.Add([]byte(head+"storage:\n  files:\n    - path: /a\n      contents: {inline: x}\n"), uint8(5))
	f.Add([]byte("storage: &a {files: [*a]}\n"), uint8(0))
	f.Add([]byte("boot_device: {layout: x86_64, mirror: {devices: [/dev/a, /dev/b]}, luks: {tpm2: yes}}\ngrub: {users: [{name: a, password_hash: b}]}\n"), uint8(8))
	f.Add([]byte("storage:\n  filesystems:\n    - {device: /dev/a, path: /var/b, format: xfs, with_mount_unit: true}\n"), uint8(6))
	f.Add([]byte("systemd: {quadlets: [{name: a@b.container, dropins: [{name: c}]}]}\n"), uint8(8))
	f.Add([]byte("x: \"a\n\t- b: c:d\n"), uint8(1))
	f.Add([]byte("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\nkernel_arguments: {should_exist: *c}\nstorage: {files: [{<<: [*c], path: /a}]}\n"), uint8(5))
	f.Add([]byte("x: [[[[[[[[{a: [{b: [\n"), uint8(3))
	f.Add([]byte("x: \xff\xfe\x00\nstorage:\n  files:\n    - path: /\xe9\n"), uint8(2))
	f.Add([]byte("\xff\xfev\x00a\x00"), uint8(2))
	f.Add([]byte("ignition: {config: {merge: [{inline: '{\"ignition\":{\"version\":\"3.4.0\"}}'}, {local: a}]}}\n"), uint8(5))
	files := fstest.MapFS{"a": {Data: []byte("x")}, "t/b": {Data: []byte("y")}}
	all := author.Variants()
	f.Fuzz(func(t *testing.T, text []byte, row uint8) {
		v := all[int(row)%len(all)]
		for _, text := range [][]byte{text, append([]byte("variant: "+v.Name+"\nversion: "+v.Version+"\n"), text...)} {
			src := diag.NewSource("f", text)
			r, d, report := config.Build(src, author.Options{Files: files})
			for _, d := range report {
				if s := d.Span; s.Source != nil && (s.Start.Offset > len(s.Source.Text) || s.End.Offset < s.Start.Offset) {
					t.Errorf("%v is not a place", d)
				}
			}
			if r == nil {
				continue
			}
			var b bytes.Buffer
			if err := r.WriteJSON(&b, r.Variant.Spec, true); err != nil {
				t.Fatal(err)
			}
			again, report := config.Parse(diag.NewSource("out", b.Bytes()))
			if report.HasErrors() {
				t.Fatalf("the output is invalid: %v\n%s", report, b.String())
			}
			if diff := cmp.Diff(d.Config, again.Config); diff != "" {
				t.Errorf("the output means something else: %s", diff)
			}
		}
	})
}
