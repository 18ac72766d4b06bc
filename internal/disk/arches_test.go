// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
)

// TestCompilesElsewhere type-checks the codecs for the other machines that the engine is built for: on some of them, the
// size of a disk does not fit an int.
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
