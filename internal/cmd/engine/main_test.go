// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

// TestFlags has every command line with which the programs end before they do anything.
func TestFlags(t *testing.T) {
	apply := func(args []string, stdout, stderr io.Writer) int {
		return live(args, strings.NewReader(""), stdout, stderr)
	}
	for _, c := range []struct {
		name           string
		program        func([]string, io.Writer, io.Writer) int
		args           string
		code           int
		stdout, stderr string
	}{
		{"version", stage, "-version", 0, "Ignition ", ""},
		{"version comes first", stage, "--version -platform nowhere", 0, "Ignition ", ""},
		{"help", stage, "-h", 0, "[disks fetch fetch-offline files kargs mount umount]", ""},
		{"unknown flag", stage, "-nonsense", 2, "", "nonsense"},
		{"no platform", stage, "-stage disks", 2, "", "-platform is required"},
		{"unknown platform", stage, "-stage disks -platform ec2", 2, "", `"ec2" is not known`},
		{"no stage", stage, "-platform qemu", 2, "", "-stage is required"},
		{"unknown stage", stage, "-platform qemu -stage boot", 2, "", `"boot" is not known`},
		{"apply: version", apply, "--version", 0, "Ignition ", ""},
		{"apply: help", apply, "--help", 0, "-ignore-unsupported", ""},
		{"rmcfg: help", remove, "--help", 0, "-log-to-stdout", ""},
		{"apply: no config", apply, "", 1, "", "Usage"},
		{"apply: two configs", apply, "a b", 1, "", "Usage"},
		{"apply: unknown flag", apply, "--nonsense", 2, "", "nonsense"},
		{"apply: flag behind the config", apply, "a --version", 0, "Ignition ", ""},
		{"apply: no flag behind --", apply, "-- a --version", 1, "", "Usage"},
		{"rmcfg: version", remove, "--version", 0, "Ignition ", ""},
		{"rmcfg: no platform", remove, "", 2, "", "--platform is required"},
		{"rmcfg: unknown platform", remove, "--platform ec2", 2, "", `"ec2" is not known`},
		{"rmcfg: argument", remove, "--platform qemu x", 2, "", "Usage"},
		{"rmcfg: no deletion", remove, "--platform qemu --log-to-stdout", 1, "CRITICAL : cannot delete the config on platform qemu", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := c.program(strings.Fields(c.args), &stdout, &stderr); code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("stdout:\n%s\nstderr:\n%s", &stdout, &stderr)
			}
			if strings.Contains(c.name, "help") {
				checkScreen(t, stdout.String(), stderr.String())
			}
		})
	}
}

// checkScreen: a help text fits a screen of 80 columns and 24 lines, on standard output.
func checkScreen(t *testing.T, stdout, stderr string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	if len(lines) > 24 || stderr != "" {
		t.Errorf("%d lines, and on the other stream: %q", len(lines), stderr)
	}
	for _, l := range lines {
		if width := len(strings.ReplaceAll(l, "    \t", "        ")); width > 80 {
			t.Errorf("%d columns: %s", width, l)
		}
	}
}

// TestConsole: if the output of the stages is discarded, the console gets nothing either.
func TestConsole(t *testing.T) {
	for name, want := range map[string]string{os.DevNull: "", "/dev/zero": "/dev/console", t.TempDir() + "/file": "/dev/console"} {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if got := console(f); got != want {
			t.Errorf("with output to %s the console is %q, want %q", name, got, want)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := console(&bytes.Buffer{}); got != "/dev/console" {
		t.Errorf("the console is %q", got)
	}
}
