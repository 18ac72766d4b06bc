// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestHelp checks that the help of every program goes to standard output and fits a terminal of 80 by 24.
func TestHelp(t *testing.T) {
	lines := [][]string{
		{"firstlight", "--help"}, {"firstlight", "-h"}, {"firstlight", "help"}, {"ignition-validate", "--help"}, {"ignition-validate", "-h"}, {"butane", "--help"}, {"butane", "-h"},
	}
	for _, c := range commands() {
		lines = append(lines, []string{"firstlight", "help", c.name}, []string{"firstlight", c.name, "--help"}, []string{"firstlight", c.name, "-h"})
	}
	for _, args := range lines {
		out, err, code := run(t, "", args...)
		if code != exitOK || err != "" || !strings.Contains(out, "Usage: ") {
			t.Errorf("%q: exit code %d, standard error %q, standard output:\n%s", args, code, err, out)
		}
		if n := strings.Count(out, "\n"); n > 24 {
			t.Errorf("%q: the help has %d lines", args, n)
		}
		for line := range strings.Lines(out) {
			if utf8.RuneCountInString(line) > 81 {
				t.Errorf("%q: a line has more than 80 columns: %s", args, line)
			}
		}
	}
}

// TestWrongCommandLines checks that a wrong command line has exit code 2 and a reason on standard error.
func TestWrongCommandLines(t *testing.T) {
	for _, c := range []struct {
		line, want string
	}{
		{"", "Usage: firstlight COMMAND"},
		{"validat", `unknown command "validat"; did you mean validate?`},
		{"valid", `unknown command "valid"; did you mean validate?`},
		{"nonsense", `unknown command "nonsense"` + "\n"},
		{"help validte", "did you mean validate?"},
		{"help validate version", "one command at a time"},
		{"version x", "firstlight version: it takes no arguments"},
		{"validate", "firstlight validate: name a config"},
		{"validate --fromat json x", "firstlight validate: unknown flag --fromat; did you mean --format?"},
		{"validate --zzz x", "unknown flag --zzz\n"},
		{"validate x --format", "--format needs a value: --format=FORM"},
		{"validate x --format jsn", `"jsn" is not one of text, line, json, sarif, github; did you mean json?`},
	} {
		out, err, code := run(t, "", append([]string{"firstlight"}, strings.Fields(c.line)...)...)
		if code != exitUsage || out != "" || !strings.Contains(err, c.want) {
			t.Errorf("%q: exit code %d, standard output %q, standard error %q", c.line, code, out, err)
		}
	}
}

func TestFlagsAfterFiles(t *testing.T) {
	for _, args := range [][]string{{"-", "--format", "json"}, {"-", "--format=json"}, {"--format=json", "-"}, {"-format", "json", "--", "-"}} {
		out, err, code := run(t, valid, append([]string{"firstlight", "validate"}, args...)...)
		if code != exitOK || err != "" || !strings.HasPrefix(out, "{") {
			t.Errorf("%q: exit code %d, standard output %q, standard error %q", args, code, out, err)
		}
	}
}
