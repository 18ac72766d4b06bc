// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestImports checks that the library does nothing but turn bytes into configs.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	refused := []string{"os", "os/exec", "net", "net/http", "time", "math/rand", "math/rand/v2", "crypto/rand", "log", "log/slog", "text/template", "html/template"}
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		for _, p := range words[1:] {
			if slices.Contains(refused, p) || strings.Contains(p, "/firstlight/internal/") {
				t.Errorf("%s imports %s: the library has no I/O, no network and no clock", words[0], p)
			}
		}
	}
	deps, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(strings.Fields(string(deps)), "net/http") {
		t.Error("the library links net/http")
	}
}

// TestSize checks that a program which only validates stays small.
func TestSize(t *testing.T) {
	const most = 5_000_000
	file := filepath.Join(t.TempDir(), "validator")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, "./testdata/validator")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("a program that only validates has %.2f MB", float64(info.Size())/1e6)
	if info.Size() > most {
		t.Errorf("it has %d bytes, more than %d", info.Size(), most)
	}
}
