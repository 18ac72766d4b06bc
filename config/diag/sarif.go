// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"
	"unicode/utf8"
)

// A Tool is the program whose findings SARIF describes.
type Tool struct {
	Name, Version string
	Rules         []ToolRule
}

// A ToolRule describes what findings with a code are about.
type ToolRule struct {
	Code, About string
	Severity    Severity
}

// The objects of SARIF 2.1.0 (OASIS standard, section 3) that we write.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID            string       `json:"id"`
		Description   sarifText    `json:"shortDescription"`
		Configuration sarifDefault `json:"defaultConfiguration"`
	}
	sarifDefault struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex *int            `json:"ruleIndex,omitempty"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations,omitempty"`
		Related   []sarifLocation `json:"relatedLocations,omitempty"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
		Message  *sarifText     `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
)

// SARIF writes findings as a log of SARIF 2.1.0, for code scanning and editors. It has no text of the document.
func SARIF(w io.Writer, l List, t Tool) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: t.Name, Version: t.Version, Rules: []sarifRule{}}
	index := map[string]int{}
	for i, r := range t.Rules {
		index[r.Code] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{r.Code, sarifText{r.About}, sarifDefault{level(r.Severity)}})
	}
	for _, d := range l {
		result := sarifResult{RuleID: d.Code, Level: level(d.Severity), Message: sarifText{message(d)}}
		if i, ok := index[d.Code]; ok {
			result.RuleIndex = &i
		}
		if at := location(d.Exact()); at != nil {
			if about := d.About(); about.Len() > 0 {
				at.Logical = []sarifLogical{{pathText(about)}}
			}
			result.Locations = []sarifLocation{*at}
		}
		if r := d.Related; r != nil {
			if at := location(r.Span.bracket()); at != nil {
				at.Message = &sarifText{r.Text}
				result.Related = append(result.Related, *at)
			}
		}
		run.Results = append(run.Results, result)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func level(s Severity) string { return [...]string{"error", "warning", "note"}[s] }

func message(d Diagnostic) string {
	if d.Hint == "" {
		return d.Summary
	}
	return d.Summary + "; " + d.Hint
}

func location(span Span) *sarifLocation {
	if span.Source == nil {
		return nil
	}
	at := &sarifLocation{Physical: &sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: span.Source.Name}).String()}}}
	if span.Start.Line > 0 {
		r := &sarifRegion{StartLine: span.Start.Line, StartColumn: column(span.Source, span.Start)}
		if span.End.Offset > span.Start.Offset {
			r.EndLine, r.EndColumn = span.End.Line, column(span.Source, span.End)
		}
		at.Physical.Region = r
	}
	return at
}

// column counts in characters, as SARIF does; positions count bytes.
func column(s *Source, p Pos) int {
	if len(s.Text) == 0 {
		return p.Column
	}
	line := s.Line(p.Line)
	return utf8.RuneCountInString(strings.ToValidUTF8(line[:min(p.Column-1, len(line))], "?")) + 1
}
