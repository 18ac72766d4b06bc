// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"fmt"
	"os"
	"testing/fstest"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

func ExampleParse() {
	const text = `{
  "ignition": {"version": "3.6.0"},
  "storage": {"files": [{"path": "/etc/motd", "mode": 644}], "filesystem": []}
}`
	doc, report := config.Parse(diag.NewSource("motd.ign", []byte(text)))
	if err := diag.Text(os.Stdout, report, true); err != nil {
		fmt.Println(err)
	}
	fmt.Println(report.Outcome(), doc.Config.Storage.Files[0].Path, doc.Origins.At("$.storage.files.0.mode"))
	// Output:
	// motd.ign:3:62: warning: unused key filesystem [V007]
	//   1 | {
	//   2 |   "ignition": {"version": "3.6.0"},
	//   3 |   "storage": {"files": [{"path": "/etc/motd", "mode": 644}], "filesystem": []}
	//     |                                                              ^^^^^^^^^^^^
	//   4 | }
	// help: did you mean filesystems?
	// warning /etc/motd motd.ign:3:55
}

func ExampleMerge() {
	parse := func(name, text string) config.Document {
		doc, _ := config.Parse(diag.NewSource(name, []byte(text)))
		return doc
	}
	base := parse("base.ign", `{"ignition":{"version":"3.2.0"},"storage":{"links":[{"path":"/var/lib","target":"/data"}]}}`)
	child := parse("child.ign", "{\"ignition\":{\"version\":\"3.4.0\"},\n\"storage\":{\"files\":[{\"path\":\"/var/lib/x\"}]}}")
	for _, d := range config.Validate(config.Merge(base, child)) {
		fmt.Printf("%s: %s\n", d.Place(), d.Summary)
	}
	// Output:
	// child.ign:2:22: the path is below "/var/lib", which is a link (base.ign:1:54)
}

func ExampleMarshalVersion() {
	doc, _ := config.Parse(diag.NewSource("c.ign", []byte(`{"ignition":{"version":"3.6.0"},"kernelArguments":{"shouldExist":["quiet"]}}`)))
	text, _ := config.MarshalVersion(doc, spec.V3_3)
	fmt.Println(string(text))
	_, report := config.MarshalVersion(doc, spec.V3_2)
	fmt.Println(report[0].Place(), report[0].Summary)
	// Output:
	// {"ignition":{"version":"3.3.0"},"kernelArguments":{"shouldExist":["quiet"]}}
	// c.ign:1:52 version 3.2.0 does not know kernelArguments
}

func ExampleParse_error() {
	_, report := config.Parse(diag.NewSource("web.ign", []byte(`{"ignition": {"version": "3.6.0"}, "storage": {"files": [{"path": "etc/motd"}]}}`)))
	if err := report.Err(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// web.ign:1:67: error: the path "etc/motd" is not absolute [V202]
}

func ExampleParseUpTo() {
	src := diag.NewSource("web.ign", []byte(`{"ignition": {"version": "3.6.0"}}`))
	_, report := config.ParseUpTo(src, spec.V3_4)
	fmt.Println(report.Err())
	doc, _ := config.ParseUpTo(src, spec.Stable)
	fmt.Println(doc.Version)
	// Output:
	// web.ign:1:26: error: config version 3.6.0 is newer than 3.4.0, the newest that is accepted here [V005]
	// 3.6.0
}

func ExampleBuild() {
	files := fstest.MapFS{"motd": {Data: []byte("hello\n")}} // os.DirFS or os.OpenRoot in a program
	src := diag.NewSource("web.bu", []byte(`variant: fcos
version: 1.5.0
storage:
  files:
    - path: /etc/motd
      contents:
        local: motd
`))
	result, _, report := config.Build(src, author.Options{Files: files})
	if err := report.Err(); err != nil {
		fmt.Println(err)
		return
	}
	if err := result.WriteJSON(os.Stdout, result.Variant.Spec, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/motd","contents":{"compression":"","source":"data:,hello%0A"}}]}}
}

func ExampleParse_yaml() {
	doc, report := config.Parse(diag.NewSource("web.bu", []byte(`variant: fcos
version: 1.5.0
storage:
  filesystems:
    - device: /dev/vdb
      path: srv
      format: ext4
      with_mount_unit: true
`)))
	fmt.Println(report.Err())
	fmt.Println(doc.Origins.At("$.systemd.units.0.contents")) // the unit is generated: this is what asked for it
	// Output:
	// web.bu:6:13: error: the path "srv" is not absolute [V404]
	// web.bu:8:24
}
