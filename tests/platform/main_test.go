// SPDX-License-Identifier: Apache-2.0

// Package platform runs the shipped engine on every platform: against servers at the addresses of the clouds, and with
// config drives made by the usual tools.
//
// The tests run in a network namespace and a mount namespace, where they use the addresses and files of clouds without
// effect on the machine. That needs root.
package platform

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// inside is set in the environment of the process in the namespaces; its value is the path of the engine.
const inside = "FIRSTLIGHT_TEST_ENGINE"

func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		if err := furnish(); err != nil {
			fmt.Println("furnish the namespaces:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	os.Exit(enter())
}

// enter builds the engine and runs the tests again in namespaces.
func enter() int {
	if os.Geteuid() != 0 {
		fmt.Println("skipped: namespaces need root")
		return 0
	}
	dir, err := os.MkdirTemp("", "platform-")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	engine := filepath.Join(dir, "ignition")
	build := exec.Command("go", "build", "-tags", "nethttpomithttp2", "-o", engine, "../../internal/cmd/engine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("build the engine: %v\n%s", err, out)
		return 1
	}
	again := exec.Command(os.Args[0], os.Args[1:]...)
	again.Env = append(os.Environ(), inside+"="+engine)
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if err := again.Run(); err != nil {
		fmt.Println("tests in namespaces:", err)
		return 1
	}
	return 0
}

// addresses are those of all metadata services.
var addresses = []string{
	"169.254.169.254/32", "100.100.100.200/32", "169.254.42.42/32", "192.0.2.1/32",
	"fd00:ec2::254/128", "fd00:a9fe:a9fe::1/128", "fd00:42::42/128", "fd20:ce::254/128", "fd00:c1::a9fe:a9fe/128",
}

// furnish makes the namespaces look like a machine in a cloud.
func furnish() error {
	commands := []string{
		"mount --make-rprivate /",
		"ip link set lo up",
		"ip link add cloud0 type bridge",
		"ip link set cloud0 up",
		"ip address add fe80::a9fe:a9fe/64 dev cloud0 nodad",
		"mount -t tmpfs tmpfs /run",
		"mkdir -p /run/ignition",
		"mount -t tmpfs tmpfs /dev/disk",
		"mkdir -p /dev/disk/by-label /dev/disk/by-id /dev/disk/vmbus",
		"mount --bind /dev/disk/vmbus /dev/vmbus",
		"mount -t tmpfs tmpfs /sys/firmware",
		"mount -t tmpfs tmpfs /sys/bus/platform/devices",
	}
	for _, a := range addresses {
		commands = append(commands, "ip address add "+a+" dev lo nodad")
	}
	for _, dir := range []string{"/dev/disk", "/dev/vmbus"} { // mount points; all their contents are ours
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	for _, c := range commands {
		words := strings.Fields(c)
		if strings.HasPrefix(c, "ip address add") && strings.Contains(c, ".") {
			words = words[:len(words)-1] // nodad is of IPv6
		}
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c, err, out)
		}
	}
	return nil
}

// A run is one stage of the engine.
type run struct {
	code  int
	log   string
	net   bool   // it asked for the network
	cache string // the config in the cache, or ""
}

// engine runs a stage in a directory.
func engine(t *testing.T, dir, platform, stage string, env []string, flags ...string) run {
	t.Helper()
	args := append([]string{
		"-platform", platform, "-stage", stage, "-root", dir, "-config-cache", dir + "/cache", "-neednet", dir + "/net",
		"-state-file", dir + "/state", "-log-to-stdout",
	}, flags...)
	cmd := exec.Command(os.Getenv(inside), args...)
	cmd.Dir = dir
	cmdline := filepath.Join(dir, "cmdline")
	if _, err := os.Stat(cmdline); err != nil {
		write(t, cmdline, "ignition.firstboot")
	}
	cmd.Env = append(os.Environ(), "IGNITION_KERNEL_CMDLINE_PATH="+cmdline, "PATH="+dir+"/bin:"+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	r := run{code: cmd.ProcessState.ExitCode(), log: out.String()}
	_, err = os.Stat(dir + "/net")
	r.net = err == nil
	if text, err := os.ReadFile(dir + "/cache"); err == nil {
		r.cache = string(text)
	}
	return r
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// script puts a test's program into the search path of the engine.
func script(t *testing.T, dir, name, text string) {
	t.Helper()
	write(t, filepath.Join(dir, "bin", name), "#!/bin/sh\n"+text+"\n")
	if err := os.Chmod(filepath.Join(dir, "bin", name), 0o755); err != nil {
		t.Fatal(err)
	}
}
