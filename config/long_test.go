// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
)

// TestLongValues: findings show values cut, whatever is in them.
func TestLongValues(t *testing.T) {
	const most = 1200 // bytes of a summary with its hint
	long, digits := strings.Repeat("x\u0007", 1<<14), strings.Repeat("7", 1<<15)
	quoted := `"` + strings.ReplaceAll(long, "\u0007", `\u0007`) + `"`
	for _, text := range []string{
		`{"ignition":{"version":` + quoted + `}}`,
		`{"ignition":{"version":"3.6.0"},` + quoted + `:1}`,
		`{"ignition":{"version":"3.6.0",` + quoted + `:1}}`,
		`{"ignition":{"version":"3.6.0","timeouts":{"httpTotal":` + digits + `}}}`,
		`{"ignition":{"version":"3.6.0","timeouts":{"httpTotal":"0` + digits + `"}}}`,
		`{"ignition":{"version":"3.6.0","proxy":{"httpProxy":` + quoted + `}}}`,
		`{"ignition":{"version":"3.6.0","config":{"merge":[{"source":` + quoted + `}]}}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":` + quoted + `}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/` + long[:1000] + `"},{"path":"/` + long[:1000] + `"}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/a","mode":` + digits + `}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/a","contents":{"compression":` + quoted + `}}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"files":[{"path":"/a","contents":{"source":"data:,","verification":{"hash":` + quoted + `}}}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"disks":[{"device":` + quoted + `,"partitions":[{"label":` + quoted + `,"typeGuid":` + quoted + `,"guid":` + quoted + `}]}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"raid":[{"name":` + quoted + `,"level":` + quoted + `,"devices":[` + quoted + `]}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"filesystems":[{"device":` + quoted + `,"format":` + quoted + `,"label":` + quoted + `,"path":` + quoted + `}]}}`,
		`{"ignition":{"version":"3.6.0"},"storage":{"luks":[{"name":` + quoted + `,"device":` + quoted + `,"clevis":{"custom":{"pin":` + quoted + `}}}]}}`,
		`{"ignition":{"version":"3.6.0"},"systemd":{"units":[{"name":` + quoted + `}]}}`,
		`{"ignition":{"version":"3.6.0"},"passwd":{"users":[{"name":` + quoted + `},{"name":` + quoted + `}]}}`,
		`{"ignition":{"version":"3.6.0"},"kernelArguments":{"shouldExist":[` + quoted + `],"shouldNotExist":[` + quoted + `]}}`,
		"variant: " + long[:1] + digits + "\nversion: 1.0.0\n",
		"variant: fcos\nversion: " + digits + "\n",
		"variant: fcos\nversion: 1.6.0\n" + digits + ": 1\n",
	} {
		_, report := config.Parse(diag.NewSource("test.ign", []byte(text)))
		for _, d := range report {
			if shown := d.Line() + d.Hint; len(shown) > most || strings.Contains(shown, "\a") {
				t.Errorf("%.90s…: a finding of %d bytes: %.300q", text, len(shown), shown)
			}
		}
	}
}
