// SPDX-License-Identifier: Apache-2.0

package repo

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSkipped: ./build test ends with a list of the skipped tests and their reasons: of a test, a subtest, parallel tests,
// and a package.
func TestSkipped(t *testing.T) {
	const output = `=== RUN   TestA
    a_test.go:1: nothing of interest
--- PASS: TestA (0.00s)
=== RUN   TestB
    b_test.go:12: program x: not installed
--- SKIP: TestB (0.00s)
=== RUN   TestC
=== RUN   TestC/one
=== PAUSE TestC/one
=== RUN   TestC/two
=== PAUSE TestC/two
=== CONT  TestC/one
    c_test.go:3: no root
=== CONT  TestC/two
    c_test.go:4: no loop devices
--- PASS: TestC (0.01s)
    --- SKIP: TestC/one (0.00s)
    --- SKIP: TestC/two (0.00s)
ok  	example/a	0.1s
skipped: namespaces need root
ok  	example/b	0.1s
=== RUN   TestB
--- SKIP: TestB (0.00s)
ok  	example/c	0.1s
`
	const want = `   TestB: b_test.go:12: program x: not installed
   TestC/one: c_test.go:3: no root
   TestC/two: c_test.go:4: no loop devices
   a package: namespaces need root
   TestB: no reason given
`
	file := filepath.Join(t.TempDir(), "results")
	if err := os.WriteFile(file, []byte(output), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := exec.Command("bash", "-c", `. "$1"; skipped "$2"`, "bash", filepath.Join(top, "build"), file).CombinedOutput()
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, got, want)
	}
}
