// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
)

// TestDigest checks the digest of the merged config in the result: that of the cache or, with base configs, of both merged.
func TestDigest(t *testing.T) {
	needRoot(t, "setting owners")
	const user = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a","contents":{"source":"data:,a"}}]}}`
	for base, files := range map[string][]string{
		"": {"a"},
		`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/b","contents":{"source":"data:,b"}}]}}`: {"a", "b"},
	} {
		dir := t.TempDir()
		write := func(name, text string) {
			t.Helper()
			name = filepath.Join(dir, name)
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("cmdline", "quiet")
		write("config.ign", user)
		write("root/etc/hostname", "x\n")
		if base != "" {
			write("lib/base.d/10-b.ign", base)
		}
		for _, stage := range []string{"fetch", "files"} {
			var out bytes.Buffer
			code := Run(context.Background(), Options{
				Platform: "file", Stage: stage, Root: filepath.Join(dir, "root"), ConfigCache: filepath.Join(dir, "run/ignition.json"),
				StateFile: filepath.Join(dir, "run/state"), NeedNet: filepath.Join(dir, "run/neednet"), LogToStdout: true, Stdout: &out, Stderr: &out,
				Getenv: func(name string) string {
					return map[string]string{
						"IGNITION_CONFIG_FILE": filepath.Join(dir, "config.ign"), "IGNITION_KERNEL_CMDLINE_PATH": filepath.Join(dir, "cmdline"),
						"IGNITION_SYSTEM_CONFIG_DIR": filepath.Join(dir, "lib"),
					}[name]
				},
			})
			if code != ExitOK {
				t.Fatalf("%s: exit %d:\n%s", stage, code, &out)
			}
		}
		want, err := os.ReadFile(filepath.Join(dir, "run/ignition.json"))
		if err != nil {
			t.Fatal(err)
		}
		if base != "" {
			below, _ := config.Parse(diag.NewSource("base", []byte(base)))
			above, _ := config.Parse(diag.NewSource("cache", want))
			if want, err = config.Marshal(config.Merge(below, above).Config); err != nil {
				t.Fatal(err)
			}
		}
		var result struct {
			Firstlight struct {
				ConfigSHA256 string
			}
		}
		text, err := os.ReadFile(filepath.Join(dir, "root/etc/.ignition-result.json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &result); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(want); result.Firstlight.ConfigSHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("with base config %q the digest is %s, want %x", base, result.Firstlight.ConfigSHA256, sum)
		}
		for _, name := range files {
			if text, err := os.ReadFile(filepath.Join(dir, "root", name)); err != nil || string(text) != name {
				t.Errorf("with base config %q the file %s is %q, %v", base, name, text, err)
			}
		}
	}
}
