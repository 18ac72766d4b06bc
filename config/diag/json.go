// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"encoding/json"
	"io"
)

// Outcome says in one word what findings mean: "ok", or the worst severity, "info", "warning" or "error".
func (l List) Outcome() string {
	if len(l) == 0 {
		return "ok"
	}
	worst := Info
	for _, d := range l {
		worst = min(worst, d.Severity)
	}
	return worst.String()
}

// finding is the JSON form of a Diagnostic.
type finding struct {
	Severity  string    `json:"severity"`
	Code      string    `json:"code"`
	Path      string    `json:"path"`
	File      string    `json:"file"`
	Line      int       `json:"line"`
	Column    int       `json:"column"`
	EndLine   int       `json:"endLine,omitempty"`
	EndColumn int       `json:"endColumn,omitempty"`
	Message   string    `json:"message"`
	Hint      string    `json:"hint"`
	Related   []related `json:"related,omitempty"`
}

// related is the JSON form of a Related.
type related struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

// JSON writes findings as one object, without any text of the document:
//
//	{"outcome": "ok"|"info"|"warning"|"error", "findings": [{"severity", "code", "path", "file", "line", "column",
//	 "endLine", "endColumn", "message", "hint", "related": [{"file", "line", "column", "message"}]}]}
//
// The place is the exact one. Line and column count from 1, columns in bytes; both are 0 if there is no place. The end
// is exclusive, and left out if it is not known. A failure of the document as a whole has the path "$".
func JSON(w io.Writer, l List) error {
	report := struct {
		Outcome  string    `json:"outcome"`
		Findings []finding `json:"findings"`
	}{l.Outcome(), []finding{}}
	for _, d := range l {
		report.Findings = append(report.Findings, d.json())
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(report)
}

func (d Diagnostic) json() finding {
	span := d.Exact()
	p := span.Place()
	f := finding{
		Severity: d.Severity.String(), Code: d.Code, Path: pathText(d.About()), File: p.File, Line: p.Line, Column: p.Column,
		Message: d.Summary, Hint: d.Hint,
	}
	if span.End.Offset > span.Start.Offset {
		f.EndLine, f.EndColumn = span.End.Line, span.End.Column
	}
	if r := d.Related; r != nil {
		if p := r.Span.bracket().Place(); p != (Place{}) {
			f.Related = append(f.Related, related{p.File, p.Line, p.Column, r.Text})
		}
	}
	return f
}
