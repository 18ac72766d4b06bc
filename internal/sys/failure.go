// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// A CommandError is the failure of a helper program: it could not be run, or its exit status was not 0.
type CommandError struct {
	Name   string
	Stderr string // its last lines, shortened, without control characters and secrets
	Err    error
}

func (e *CommandError) Error() string {
	text := e.Name + ": " + e.Err.Error()
	if e.Stderr != "" {
		text += ": " + e.Stderr
	}
	return text
}

func (e *CommandError) Unwrap() error { return e.Err }

// What an error shows of a program's standard error output.
const (
	mostLines = 4
	mostRead  = 4096 // bytes of a line in which secrets are looked for
	mostShown = 400  // bytes of a line
	leastPart = 6    // bytes of a secret that are not shown
)

// Failed returns the error of a run of the command: program is what ran, stderr its standard error output, err its end. Programs
// quote what they do not understand, so whatever is also in a secret of the command is left out.
func (c *Command) Failed(program, stderr string, err error) *CommandError {
	secrets := append([]string{string(c.Secret), string(c.Stdin)}, c.Hide...)
	if c.Quiet {
		secrets = append(secrets, c.Args...)
	}
	lines := lastLines(stderr, mostLines)
	for i, l := range lines {
		lines[i] = diag.Shown(mask(l[:min(len(l), mostRead)], secrets), mostShown)
	}
	return &CommandError{Name: program, Stderr: strings.Join(lines, "; "), Err: err}
}

// lastLines returns the last n lines that are not blank.
func lastLines(text string, n int) []string {
	var lines []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	return lines[max(0, len(lines)-n):]
}

// mask replaces the parts of a text that are also part of a secret, from leastPart bytes on. A shorter secret is replaced as a
// whole.
func mask(text string, secrets []string) string {
	hidden := make([]bool, len(text))
	for _, s := range secrets {
		s = strings.TrimSpace(s)
		size := min(len(s), leastPart)
		if size == 0 || size > len(text) {
			continue
		}
		places := map[string][]int{} // of each part of the text
		for i := range len(text) - size + 1 {
			places[text[i:i+size]] = append(places[text[i:i+size]], i)
		}
		for i := range len(s) - size + 1 {
			for _, at := range places[s[i:i+size]] {
				for j := range size {
					hidden[at+j] = true
				}
			}
			delete(places, s[i:i+size])
		}
	}
	return strike(text, hidden)
}

// strike writes a word in place of each run of hidden bytes.
func strike(text string, hidden []bool) string {
	var b strings.Builder
	for i := range len(text) {
		switch {
		case !hidden[i]:
			b.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			b.WriteString(redacted)
		}
	}
	return b.String()
}

const redacted = "redacted"
