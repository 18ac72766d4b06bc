// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"strings"
)

// manPages returns the manual pages by their file names, made from the tables of commands and personalities.
func manPages() map[string]string {
	pages := map[string]string{"firstlight.1": overviewPage()}
	for _, c := range commands() {
		pages["firstlight-"+c.name+".1"] = c.page()
	}
	for _, p := range personalities() {
		pages[p.name+".1"] = p.page()
	}
	return pages
}

// roff escapes a text for man(7).
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}

const pageComment = `.\" Generated from the tables of programs in internal/cmd/firstlight; do not edit.` + "\n"

func overviewPage() string {
	var b strings.Builder
	b.WriteString(pageComment + ".TH FIRSTLIGHT 1 \"\" firstlight \"User commands\"\n.SH NAME\nfirstlight \\- " + tagline + "\n")
	b.WriteString(".SH SYNOPSIS\n.B firstlight\n.I COMMAND\n[\\fIFLAG\\fR]... [\\fIARGUMENT\\fR]...\n.SH COMMANDS\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, ".TP\n.BR firstlight\\-%s (1)\n%s\n", roff(c.name), roff(c.about))
	}
	b.WriteString(".SH OTHER NAMES\nInstalled as one of these, the program has the command line of the program that it replaces.\n")
	for _, p := range personalities() {
		fmt.Fprintf(&b, ".TP\n.BR %s (1)\n%s\n", roff(p.name), roff(p.about))
	}
	b.WriteString(exitStatus)
	return b.String()
}

// exitStatus is a section that all pages share.
const exitStatus = ".SH EXIT STATUS\n.TP\n0\nSuccess.\n.TP\n1\nFailure, or an invalid config.\n.TP\n2\nThe command line is wrong.\n"

// page is the manual page of a command.
func (c command) page() string {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.setup(flags)
	return page("firstlight-"+c.name, "firstlight "+c.name, c.synopsis, c.about, c.manual, flagOptions(flags), "firstlight")
}

// page is the manual page of a program under a name of its own.
func (p personality) page() string {
	return page(p.name, p.name, p.synopsis, p.about, p.manual, p.options(), p.counterpart)
}

// page writes a manual page. name is that of the page, call what one types.
func page(name, call, synopsis, about, manual string, options []option, related string) string {
	var b strings.Builder
	fmt.Fprintf(&b, pageComment+".TH %s 1 \"\" firstlight \"User commands\"\n.SH NAME\n%s \\- %s\n", roff(strings.ToUpper(name)), roff(name), roff(about))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", roff(call), roff(synopsis))
	if manual != "" {
		b.WriteString(".SH DESCRIPTION\n" + paragraphs(manual))
	}
	for i, o := range options {
		if i == 0 {
			b.WriteString(".SH OPTIONS\n")
		}
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(o.form), roff(sentence(o.usage)))
	}
	b.WriteString(exitStatus + ".SH SEE ALSO\n.BR " + roff(related) + " (1)\n")
	return b.String()
}

// paragraphs turns the text of a help page into paragraphs; indented lines are commands.
func paragraphs(text string) string {
	var b strings.Builder
	for i, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(p, "  ") {
			b.WriteString(".nf\n" + roff(p) + "\n.fi\n")
		} else {
			b.WriteString(roff(p) + "\n")
		}
	}
	return b.String()
}

// sentence makes a sentence of a flag's usage text.
func sentence(usage string) string { return strings.ToUpper(usage[:1]) + usage[1:] + "." }
