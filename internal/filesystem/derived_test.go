// SPDX-License-Identifier: Apache-2.0

package filesystem

import (
	"bytes"
	"flag"
	"fmt"
	"go/format"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/spec"
)

var update = flag.Bool("update", false, "rewrite what derives from the table")

const by = "go test ./internal/filesystem -update"

// derived are the files that derive from the table.
var derived = map[string]func() string{
	"../../config/rules/formats.go":          validation,
	"../../dracut/30ignition/filesystems.sh": lists,
	"testdata/mkfs.txt":                      commands,
}

// TestDerived: what derives from the table is up to date.
func TestDerived(t *testing.T) {
	for name, generate := range derived {
		want := generate()
		if *update {
			if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s is out of date; run %s\n%v\n%s", name, by, err, cmp.Diff(string(got), want))
		}
	}
}

// validation is what the rules know of formats.
func validation() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "// SPDX-License-Identifier: Apache-2.0\n\n// Code generated from internal/filesystem/table.go by %s. DO NOT EDIT.\n\n", by)
	b.WriteString("package rules\n\nimport \"github.com/firstlight-boot/firstlight/config/spec\"\n\n")
	b.WriteString("// formats are the formats of filesystems. The order is that of messages.\nvar formats = []format{\n")
	for _, f := range rows {
		fmt.Fprintf(&b, "\t{name: %q, since: spec.%s, label: %d},\n", f.Name, constant(f.Since), f.LabelBytes)
	}
	b.WriteString("}\n")
	text, err := format.Source(b.Bytes())
	if err != nil {
		panic(err)
	}
	return string(text)
}

// constant returns the name of a version in package spec: V3_0 for 3.0.0.
func constant(v spec.Version) string {
	parts := strings.Split(v.String(), ".")
	return "V" + parts[0] + "_" + parts[1]
}

// lists are the arrays of the dracut module and of ./build.
func lists() string {
	var programs, modules, packages []string
	for _, f := range rows {
		if f.Program != "" {
			programs = append(programs, f.Program)
			packages = append(packages, f.Package)
		}
		modules = append(modules, f.Modules...)
	}
	return fmt.Sprintf("# SPDX-License-Identifier: Apache-2.0\n# shellcheck shell=bash disable=SC2034\n"+
		"# Generated from internal/filesystem/table.go by %s.\n\n"+
		"# Programs that make filesystems, kernel modules that mount them, and the Debian packages of the programs.\n"+
		"filesystem_programs=(%s)\nfilesystem_modules=(%s)\nfilesystem_packages=(%s)\n",
		by, strings.Join(programs, " "), strings.Join(modules, " "), strings.Join(packages, " "))
}

// commands are the command lines of each format: plain, with everything, and with label and UUID set to nothing.
func commands() string {
	var b strings.Builder
	label, uuid, nothing := "data", "A1B2-C3D4", ""
	for _, f := range rows {
		if f.Program == "" {
			continue
		}
		for _, args := range [][]string{
			append(f.Args(nil, nil, nil), "DEVICE"), append(f.Args([]string{"OPTION", "TWO WORDS"}, &label, &uuid), "DEVICE"),
			append(f.Args(nil, &nothing, &nothing), "DEVICE"),
		} {
			fmt.Fprintf(&b, "%s %q\n", f.Program, args)
		}
	}
	return b.String()
}

// TestRows: each row is complete.
func TestRows(t *testing.T) {
	for _, f := range rows {
		made := f.Program != ""
		if made != (f.Label != "" && f.UUID != "" && f.Package != "") || f.LabelBytes == 0 || !made && f.Fixed != nil {
			t.Errorf("the row of %s is not complete: %+v", f.Name, f)
		}
		if f.Mounts != (len(f.Modules) > 0) {
			t.Errorf("%s can be mounted: %v, by modules %q", f.Name, f.Mounts, f.Modules)
		}
	}
}

// TestTypes: the comments of the config's types, which the reference is made of, name each format and each limit.
func TestTypes(t *testing.T) {
	data, err := os.ReadFile("../../config/types/storage.go")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for _, f := range rows {
		if !strings.Contains(text, "`"+f.Name+"`") {
			t.Errorf("config/types/storage.go does not name the format %s", f.Name)
		}
		if limit := fmt.Sprintf("%s %d", f.Name, f.LabelBytes); f.LabelBytes != Unlimited && !strings.Contains(text, limit) {
			t.Errorf("config/types/storage.go does not say that the longest label is: %s", limit)
		}
	}
}

// TestDracut: the dracut module takes along what the table names.
func TestDracut(t *testing.T) {
	const script = `
moddir=../../dracut/30ignition initdir=$1 systemdsystemunitdir= systemdutildir=
. "$moddir/module-setup.sh"
instmods() { printf '%s\n' "$@"; }
inst_multiple() { printf '%s\n' "$@"; }
inst_simple() { :; }; inst_script() { :; }; inst_rules() { :; }; requires() { :; }
installkernel && install`
	out, err := exec.Command("bash", "-euc", script, "dracut", t.TempDir()).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	taken := strings.Fields(string(out))
	for _, f := range rows {
		for _, need := range append(slices.Clone(f.Modules), f.Program) {
			if need != "" && !slices.Contains(taken, need) {
				t.Errorf("%s needs %s, which the initramfs does not get", f.Name, need)
			}
		}
	}
}
