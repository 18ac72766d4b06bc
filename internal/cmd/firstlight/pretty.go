// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firstlight-boot/firstlight/config/diag"
)

// Colors of terminals.
const (
	boldRed    = "\x1b[1;31m"
	boldYellow = "\x1b[1;33m"
	boldCyan   = "\x1b[1;36m"
	boldBlue   = "\x1b[1;34m"
	reset      = "\x1b[0m"
)

// byCharacter returns a finding whose column counts characters, as Butane's do; ours count bytes.
func byCharacter(d diag.Diagnostic) diag.Diagnostic {
	if d.Span.Source == nil || d.Span.Start.Line == 0 {
		return d
	}
	line := d.Span.Source.Line(d.Span.Start.Line)
	d.Span.Start.Column = utf8.RuneCountInString(line[:min(d.Span.Start.Column-1, len(line))]) + 1
	return d
}

// prettyEntry writes a finding with the lines around it, in Butane's form. Columns count characters.
func prettyEntry(w io.Writer, masks diag.Masker, d diag.Diagnostic, color bool) {
	src, line, column := d.Span.Source, d.Span.Start.Line, d.Span.Start.Column
	if src == nil || line == 0 {
		fmt.Fprintln(w, d.Line())
		return
	}
	last := bytes.Count(src.Text, []byte("\n")) + 1
	first, end := max(1, line-2), min(last, line+2)
	width := len(strconv.Itoa(end))
	paint := func(code, text string) string {
		if !color || text == "" {
			return text
		}
		return code + text + reset
	}
	path := ""
	if d.Path.Len() > 0 {
		path = "[" + d.Path.String() + "]"
	}
	kind := [...]string{diag.Error: boldRed, diag.Warning: boldYellow, diag.Info: boldCyan}[d.Severity]
	margin := strings.Repeat(" ", width)
	fmt.Fprintf(w, "%s%s:\n", paint(kind, d.Severity.String()), path)
	fmt.Fprintf(w, "%s %s %s:%d:%d\n", margin, paint(boldBlue, "-->"), src.Name, line, column)
	gutter := func(number string) string { return " " + paint(boldBlue, number) + " " + paint(boldBlue, "|") }
	fmt.Fprintln(w, gutter(margin))
	for n := first; n <= end; n++ {
		text := masked(masks, src, n)
		fmt.Fprintln(w, gutter(fmt.Sprintf("%*d", width, n))+" "+text)
		if n == line {
			pad, carets := underline(text, column)
			fmt.Fprintln(w, gutter(margin)+" "+pad+paint(boldBlue, carets)+" "+d.Summary)
		}
	}
	fmt.Fprintln(w, gutter(margin))
}

// underline returns the text before the carets, and the carets, which reach to the next white space.
func underline(line string, column int) (pad, carets string) {
	runes := []rune(line)
	at := min(column-1, len(runes))
	for _, r := range runes[:at] {
		if r == '\t' {
			pad += "\t"
		} else {
			pad += " "
		}
	}
	n := 0
	for _, r := range runes[at:] {
		if r == ' ' || r == '\t' {
			break
		}
		n++
	}
	return pad, strings.Repeat("^", max(1, n))
}

// masked returns a line with dots for the characters of secrets, so that columns stay.
func masked(masks diag.Masker, src *diag.Source, n int) string {
	line, mask := src.Line(n), masks.Line(src, n)
	var b strings.Builder
	for i, r := range line {
		if mask[i] == '*' && r != '*' {
			r = '·'
		}
		b.WriteRune(r)
	}
	return b.String()
}
