// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"strings"
	"testing"
)

// TestAuthoringPage builds every document that docs/authoring.md shows.
func TestAuthoringPage(t *testing.T) {
	text, err := os.ReadFile("../../../docs/authoring.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(text), "```")
	count := 0
	for i := 1; i < len(parts); i += 2 {
		document, ok := strings.CutPrefix(parts[i], "yaml\n")
		if !ok {
			continue
		}
		count++
		if out, report, code := run(t, document, "firstlight", "build", "--strict", "--pretty"); code != exitOK {
			t.Errorf("%s%s", out, report)
		}
	}
	if count < 2 {
		t.Errorf("the page has %d documents", count)
	}
}
