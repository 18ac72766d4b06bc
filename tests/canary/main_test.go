// SPDX-License-Identifier: Apache-2.0

// Package canary plants a distinct text in every place of a config that may be secret, runs engine and tool to success and
// to many failures, and searches all their output.
//
// The shipped engine runs in a network namespace and a mount namespace with the test's own console, syslog, journal and
// kernel log. That needs root. The disk stages run on a modeled machine.
package canary

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// inside is set in the environment of the process in the namespaces; its value is the directory of the programs.
const inside = "FIRSTLIGHT_TEST_PROGRAMS"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
			fmt.Printf("%v: %s\n", err, out)
			os.Exit(1)
		}
	}
	if os.Getenv(inside) != "" || os.Geteuid() != 0 {
		os.Exit(m.Run()) // without root, the tests that need it skip
	}
	os.Exit(enter())
}

// enter compiles the programs and runs the tests again in namespaces.
func enter() int {
	dir, err := os.MkdirTemp("", "canary-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	for name, source := range map[string]string{"ignition": "engine", "firstlight": "firstlight"} {
		build := exec.Command("go", "build", "-tags", "nethttpomithttp2", "-o", filepath.Join(dir, name), "../../internal/cmd/"+source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Printf("build %s: %v\n%s", name, err, out)
			return 1
		}
	}
	again := exec.Command(os.Args[0], os.Args[1:]...)
	again.Env = append(os.Environ(), inside+"="+dir)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := again.Run(); err != nil {
		fmt.Println("tests in namespaces:", err)
		return 1
	}
	return 0
}
