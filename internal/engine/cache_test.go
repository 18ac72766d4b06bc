// SPDX-License-Identifier: Apache-2.0

package engine

import (
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
		b := newBoot(t)
		b.write("config.ign", user)
		if base != "" {
			b.write("lib/base.d/10-b.ign", base)
		}
		for _, stage := range []string{"fetch", "files"} {
			if exit := b.stage("run", stage); exit != ExitOK {
				t.Fatalf("%s: exit %d:\n%s", stage, exit, &b.out)
			}
		}
		want, err := os.ReadFile(filepath.Join(b.dir, "run/ignition.json"))
		if err != nil {
			t.Fatal(err)
		}
		if base != "" {
			below, _ := config.Parse(diag.NewSource("base", []byte(base)))
			above, _ := config.Parse(diag.NewSource("cache", want))
			want = config.Marshal(config.Merge(below, above).Config)
		}
		var result struct {
			Firstlight struct {
				ConfigSHA256 string
			}
		}
		text, err := os.ReadFile(filepath.Join(b.root, "etc/.ignition-result.json"))
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
			if text, err := os.ReadFile(filepath.Join(b.root, name)); err != nil || string(text) != name {
				t.Errorf("with base config %q the file %s is %q, %v", base, name, text, err)
			}
		}
	}
}
