// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"encoding/json"
	"io"
)

// Outcome says in one word what findings mean: "ok", "warning" or "error".
func (l List) Outcome() string {
	outcome := "ok"
	for _, d := range l {
		switch d.Severity {
		case Error:
			return "error"
		case Warning:
			outcome = "warning"
		}
	}
	return outcome
}

// finding is the JSON form of a Diagnostic.
type finding struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Path     string `json:"path"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
	Hint     string `json:"hint"`
}

// JSON writes findings as one object, without any text of the document:
//
//	{"outcome": "ok"|"warning"|"error", "findings": [{"severity", "code", "path", "file", "line", "column", "message", "hint"}]}
//
// Line and column count from 1, columns in bytes; both are 0 where there is no place. A failure of the document as a
// whole has the path "$".
func JSON(w io.Writer, l List) error {
	report := struct {
		Outcome  string    `json:"outcome"`
		Findings []finding `json:"findings"`
	}{l.Outcome(), []finding{}}
	for _, d := range l {
		p := d.Place()
		report.Findings = append(report.Findings, finding{
			Severity: d.Severity.String(), Code: d.Code, Path: d.Path.String(), File: p.File, Line: p.Line, Column: p.Column,
			Message: d.Summary, Hint: d.Hint,
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}
