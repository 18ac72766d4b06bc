// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

// packTool puts the people's tool on a disk, so that the guest can report the remaining plan.
func packTool(t *testing.T, dir string, guest Guest) string {
	t.Helper()
	tool, err := os.ReadFile(filepath.Join(filepath.Dir(guest.engine), "firstlight"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "firstlight", Mode: 0o755, Size: int64(len(tool))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(tool); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "files.tar")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// checkPlan plans a boot from the facts that its stages captured before they changed anything, and compares the plan with
// the steps that the boot reported. If the guest had the tool, it must then report an empty plan.
func checkPlan(t *testing.T, said string, looked bool) {
	t.Helper()
	text := captured(t, said, "ignition")
	if text == nil {
		return // a boot without a config
	}
	doc, report := config.Parse(diag.NewSource("ignition.json", text))
	if report.HasErrors() {
		t.Fatal(report)
	}
	planned := func(name string, parts []provision.Part) ([]string, bool) {
		var f facts.Facts
		text := captured(t, said, name)
		if text == nil {
			return nil, false
		}
		if err := json.Unmarshal(text, &f); err != nil {
			t.Fatal(err)
		}
		forecast, err := provision.Foresee(parts, doc, f, plan.Inputs{Seed: "seed", Today: 20000, KeyFragment: true, Relabel: true})
		if err != nil {
			t.Fatal(err)
		}
		var steps []string
		for _, p := range forecast.Plans {
			for _, s := range p.Steps {
				steps = append(steps, s.Op.Describe())
			}
		}
		return steps, len(forecast.Unknown) == 0
	}
	compare := func(what string, want []string, stages ...string) {
		got := reported(said, stages)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: the plan and what the boot did (-plan +boot):\n%s", what, diff)
		}
	}
	later := append(provision.Of(provision.Disks), provision.After(provision.Disks)...)
	if whole, known := planned("facts-disks", later); known {
		compare("the whole boot", whole, provision.Disks, provision.Mount, provision.Files)
	}
	if disks, _ := planned("facts-disks", provision.Of(provision.Disks)); disks != nil {
		compare("the disks stage", disks, provision.Disks)
	}
	if files, known := planned("facts-files", provision.Of(provision.Files)); known {
		compare("the files stage", files, provision.Files)
	}
	if looked && !strings.Contains(said, "\nleft exit=0 ") {
		t.Errorf("something is left to do, or nobody looked: %s", lines(said)[max(0, slices.IndexFunc(lines(said), func(l string) bool {
			return strings.HasPrefix(l, "left ")
		}))])
	}
}

// captured returns a file that the guest has delivered, or nil.
func captured(t *testing.T, said, name string) []byte {
	t.Helper()
	for _, l := range lines(said) {
		packed, ok := strings.CutPrefix(l, "captured "+name+" ")
		if !ok {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(packed)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return nil
}

// reported returns the steps whose start the stages have logged.
func reported(said string, stages []string) []string {
	var steps []string
	for _, l := range lines(said) {
		stage, rest, _ := strings.Cut(strings.TrimPrefix(l, "log "), ": op(")
		if _, step, ok := strings.Cut(rest, "[started]  "); ok && slices.Contains(stages, stage) {
			steps = append(steps, step)
		}
	}
	return steps
}
