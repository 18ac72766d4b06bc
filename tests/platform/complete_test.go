// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/platform"
)

// others has the platforms without cases in a table of this package, with the tests that cover them. Channels that only a
// hypervisor has are modeled in internal/platform.
var others = map[string]string{
	"applehv":         "TestAppleHV of internal/platform; TestElsewhere",
	"azurestack":      "TestProvisioningDisc of internal/platform; TestElsewhere",
	"file":            "TestFile",
	"hyperv":          "TestHyperV, here and of internal/platform; TestElsewhere",
	"metal":           "TestMetal, TestCommandLine",
	"nvidiabluefield": "TestBlueField",
	"packet":          "TestPacket",
	"qemu":            "TestFirmware",
	"virtualbox":      "TestVirtualBox of internal/platform; TestElsewhere, TestDelete",
	"vmware":          "TestVMware of internal/platform; TestElsewhere, TestDelete",
	"zvm":             "TestZVM",
}

// TestComplete fails for a platform without cases.
func TestComplete(t *testing.T) {
	var covered []string
	for _, c := range clouds {
		covered = append(covered, c.id)
		if len(c.requests) == 0 {
			t.Errorf("%s: its requests are not compared with the contract", c.id)
		}
	}
	for _, d := range configDrives {
		covered = append(covered, d.id)
	}
	for id := range others {
		covered = append(covered, id)
	}
	for _, id := range platform.IDs() {
		if !slices.Contains(covered, id) {
			t.Errorf("platform %s has no cases: add it to clouds or configDrives, or name its tests in others", id)
		}
	}
	for _, id := range covered {
		if _, known := platform.Find(id); !known {
			t.Errorf("%s has cases and is not a platform", id)
		}
	}
}

// TestModules checks that the kernel modules of all platforms are in the initramfs.
func TestModules(t *testing.T) {
	var words []string
	for _, name := range []string{"module-setup.sh", "filesystems.sh"} { // the first sources the second
		text, err := os.ReadFile("../../dracut/30ignition/" + name)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune(" \n\\()=", r) })...)
	}
	for _, p := range platform.All() {
		for _, m := range p.Modules {
			if !slices.Contains(words, m) {
				t.Errorf("platform %s needs the module %s, which the dracut module does not install", p.ID, m)
			}
		}
	}
}
