// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// toolCases are the cases of the people's tool.
func toolCases() []bench {
	return []bench{
		{"build-lines", "build of 200 lines", buildLines},
		{"build-local", "build of 2,000 local files of 10 kB", buildLocal},
		{"build-tree", "build of a tree of 1 GiB in files of 8 MiB", buildTree},
		{"yaml", "validate 20,000 inline files", yamlAndJSON},
		{"validate", "validate 100 configs of 200 files and 20 units each", validateMany},
	}
}

const head = "variant: fcos\nversion: 1.5.0\n"

func running(name string, args ...string) contender {
	return contender{name: name, run: func(int) cost { return command(nil, tool, args...) }}
}

func nothing() {}

// inlineFiles is a document with n files of four lines.
func inlineFiles(n int) string {
	var b strings.Builder
	b.WriteString(head + "storage:\n  files:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - path: /etc/d/%d\n      mode: 0644\n      contents:\n        inline: |\n", i)
		b.WriteString(strings.Repeat("          a line of some file, forty characters.\n", 4))
	}
	return b.String()
}

func buildLines(dir string) ([]contender, func(), error) {
	name := filepath.Join(dir, "lines.bu")
	err := os.WriteFile(name, []byte(inlineFiles(25)), 0o644)
	return []contender{running("build", "build", name)}, nothing, err
}

func buildLocal(dir string) ([]contender, func(), error) {
	var doc strings.Builder
	doc.WriteString(head + "storage:\n  files:\n")
	for i := range 2000 {
		file := fmt.Sprintf("f%d", i)
		text := bytes.Repeat(fmt.Appendf(nil, "line %d of some configuration\n", i), 350)
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			return nil, nil, err
		}
		fmt.Fprintf(&doc, "    - path: /etc/%s\n      contents: {local: %s}\n", file, file)
	}
	name := filepath.Join(dir, "local.bu")
	err := os.WriteFile(name, []byte(doc.String()), 0o644)
	return []contender{running("build", "build", "--files-dir", dir, name)}, nothing, err
}

func buildTree(dir string) ([]contender, func(), error) {
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return nil, nil, err
	}
	image := filepath.Join(dir, "large")
	if _, err := makeLarge(image); err != nil {
		return nil, nil, err
	}
	if c := shell(`split -b 8M "$1" "$2/part" && rm "$1"`, image, tree); c.err != nil {
		return nil, nil, c.err
	}
	name := filepath.Join(dir, "tree.bu")
	err := os.WriteFile(name, []byte(head+"storage:\n  trees:\n    - local: tree\n"), 0o644)
	return []contender{
		running("build", "build", "--files-dir", dir, name),
		{name: "gzip -9 of its files", run: func(int) cost { return shell(`cat "$1"/* | gzip -9`, tree) }},
	}, nothing, err
}

func yamlAndJSON(dir string) ([]contender, func(), error) {
	yaml, json := filepath.Join(dir, "20000.bu"), filepath.Join(dir, "20000.ign")
	if err := os.WriteFile(yaml, []byte(inlineFiles(20000)), 0o644); err != nil {
		return nil, nil, err
	}
	c := shell(`"$1" build "$2" >"$3"`, tool, yaml, json)
	return []contender{running("as YAML", "validate", yaml), running("as JSON", "validate", json)}, nothing, c.err
}

func validateMany(dir string) ([]contender, func(), error) {
	args := []string{"validate"}
	for n := range 100 {
		var files, units []string
		for i := range 200 {
			files = append(files, fmt.Sprintf(`{"path":"/var/lib/app%d/f%d","mode":420,"contents":{"source":"data:,%s"}}`, n, i, strings.Repeat("0123456789", 60)))
		}
		for i := range 20 {
			units = append(units, fmt.Sprintf(`{"name":"u%d.service","enabled":true,"contents":"[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"}`, i))
		}
		name := filepath.Join(dir, fmt.Sprintf("%d.ign", n))
		text := fmt.Sprintf(`{"ignition":{"version":"3.4.0"},"storage":{"files":[%s]},"systemd":{"units":[%s]}}`, strings.Join(files, ","), strings.Join(units, ","))
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return nil, nil, err
		}
		args = append(args, name)
	}
	return []contender{running("validate", args...)}, nothing, nil
}
