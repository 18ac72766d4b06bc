// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// TestCompilesElsewhere type-checks the codecs for the other machines that the engine is built for: sizes of disks are larger than an
// int is on some of them.
func TestCompilesElsewhere(t *testing.T) {
	for _, arch := range []string{"arm", "arm64", "s390x", "ppc64le", "riscv64"} {
		if arch == runtime.GOARCH {
			continue
		}
		t.Run(arch, func(t *testing.T) {
			cmd := exec.Command("go", "build", "./internal/disk/...")
			cmd.Dir = "../.."
			cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
