// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// Formats of reports.
const (
	formatLine   = "line"   // one line for each finding, as Ignition prints them
	formatText   = "text"   // for people: with lines of the config, and what to do
	formatJSON   = "json"   // for programs
	formatSARIF  = "sarif"  // for code scanning
	formatGitHub = "github" // for GitHub Actions
)

// reportFormats are the formats of all commands that report findings.
var reportFormats = []string{formatText, formatLine, formatJSON, formatSARIF, formatGitHub}

// fullFindings is how many findings a report for people shows in full. The rest have a line each.
const fullFindings = 20

// writeFindings writes findings in one of the formats.
func writeFindings(w io.Writer, format string, list diag.List) error {
	switch format {
	case formatLine:
		return diag.Lines(w, list)
	case formatJSON:
		return diag.JSON(w, list)
	case formatSARIF:
		return diag.SARIF(w, list, tool())
	case formatGitHub:
		return diag.GitHub(w, list)
	}
	return diag.Style{Excerpts: true, Color: isTerminal(w), Full: fullFindings}.Write(w, list)
}

// isTerminal reports whether output goes to a terminal that has colors and a person who wants them (no-color.org).
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// count says how many findings there are: "2 errors, 1 warning".
func count(list diag.List) string {
	var n [diag.Info + 1]int
	for _, d := range list {
		n[d.Severity]++
	}
	var parts []string
	for severity, one := range []string{"error", "warning", "info"} {
		if n[severity] > 0 {
			parts = append(parts, plural(n[severity], one))
		}
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.Join(parts, ", ")
}

func plural(n int, one string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %ss", n, one)
}
