// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"github.com/coreos/vcontext/report"
	"github.com/coreos/vcontext/tree"
)

// Report returns the findings in the form that programs around Ignition share. That form has no field for hints.
func (l List) Report() report.Report {
	var r report.Report
	for _, d := range l {
		r.Entries = append(r.Entries, report.Entry{
			Kind: kinds[d.Severity], Message: d.Summary, Context: d.Path.Copy(), Marker: marker(d.Span),
		})
	}
	return r
}

// kinds are the severities in that form.
var kinds = [...]report.Kind{Error: report.Error, Warning: report.Warn, Info: report.Info}

func marker(s Span) tree.Marker {
	if s.Source == nil || s.Start.Line == 0 {
		return tree.Marker{}
	}
	return tree.Marker{StartP: position(s.Start), EndP: position(s.End)}
}

func position(p Pos) *tree.Pos {
	return &tree.Pos{Index: int64(p.Offset), Line: int64(p.Line), Column: int64(p.Column)}
}
