// SPDX-License-Identifier: Apache-2.0

package diag

import (
	"fmt"
	"io"
	"strings"
)

// GitHub writes findings as workflow commands of GitHub Actions, which shows them beside the lines of a change. They
// contain no text of the document.
func GitHub(w io.Writer, l List) error {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	commands := [...]string{Error: "error", Warning: "warning", Info: "notice"}
	for _, d := range l {
		where := ""
		if p := d.Exact().Place(); p.File != "" {
			where = "file=" + property.Replace(p.File) + ","
			if p.Line > 0 {
				where += fmt.Sprintf("line=%d,col=%d,", p.Line, p.Column)
			}
		}
		text := message(d)
		if r := d.Related; r != nil {
			text += " (" + r.Text + ": " + r.Span.bracket().Place().String() + ")"
		}
		if _, err := fmt.Fprintf(w, "::%s %stitle=%s::%s\n", commands[d.Severity], where, property.Replace(d.Code), data.Replace(text)); err != nil {
			return err
		}
	}
	return nil
}
