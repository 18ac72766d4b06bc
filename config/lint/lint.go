// SPDX-License-Identifier: Apache-2.0

// Package lint checks configs for people. It reports what package config finds, with the exact place and what to do. It
// adds what is legal but cannot work, or is legal but never meant.
//
// It is for programs that a person runs, not for the boot. It changes nothing and fetches nothing. The invariants: every
// finding of package config is kept with its severity, except repeats; an added error fails on every machine; and no
// finding shows a password hash, a source, a header or a file's contents.
package lint

import (
	"slices"
	"sort"
	"strings"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/merge"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// Check reads a config, JSON or YAML, and returns its findings in the order of their places.
func Check(src *diag.Source) diag.List { return CheckWith(src, config.Options{}) }

// CheckWith is Check with options, such as the local files of YAML.
func CheckWith(src *diag.Source, o config.Options) diag.List {
	if o.JSONOnly || !author.IsAuthored(src.Text) {
		d, report := config.ParseWith(src, o)
		return Findings(src, d, report)
	}
	r, d, report := config.Translate(src, author.Options{Files: o.Files})
	return Authored(src, r, d, report)
}

// Authored is Findings for YAML; r, d and report are what config.Translate returned. Paths are those of the YAML.
func Authored(src *diag.Source, r *author.Result, d config.Document, report diag.List) diag.List {
	return check(&checker{result: r}, src, d, report)
}

// Findings is Check for a config that was read already; report is what reading it reported.
func Findings(src *diag.Source, d config.Document, report diag.List) diag.List {
	return check(&checker{}, src, d, report)
}

func check(c *checker, src *diag.Source, d config.Document, report diag.List) diag.List {
	c.origins, c.tree, c.version, c.config = d.Origins, d.Origins.Tree(), d.Version, &types.Config{}
	report = slices.DeleteFunc(slices.Clone(report), isMeant)
	if c.tree != nil {
		c.tree.Decode(c.config, spec.Config(), d.Version)
		context := &rules.Context{Version: d.Version, Doc: c.tree, Origins: d.Origins}
		report = append(report, rules.Apply(context, rules.Impossible(), c.config)...)
		if slices.ContainsFunc(report, isElsewhere) {
			c.adopt(report, rules.Check(context, c.config))
		}
	}
	for i := range report {
		c.sharpen(&report[i])
		if report[i].Related != nil {
			report[i].Summary = withoutOther(report[i].Summary)
		}
		advise(&report[i], src, d.Version)
	}
	if c.tree != nil {
		for i := range table {
			c.rule = &table[i]
			c.rule.check(c)
		}
	}
	report = append(report, c.found.List()...)
	c.relocate(report)
	report = withoutRepeats(report)
	sortByPlace(report)
	return report
}

func sortByPlace(report diag.List) {
	sort.SliceStable(report, func(i, j int) bool {
		return report[i].Exact().Start.Offset < report[j].Exact().Start.Offset
	})
}

// adopt copies the exact places of findings about the translated config to the same findings about the YAML, which have
// paths of the YAML.
func (c *checker) adopt(report, translated diag.List) {
	type key struct {
		code string
		from int
	}
	found := map[key]*diag.Diagnostic{}
	for i := range translated {
		d := &translated[i]
		c.sharpen(d)
		found[key{d.Code, d.Span.Start.Offset}] = d
	}
	for i := range report {
		if d := &report[i]; isElsewhere(*d) && d.Mark.Source == nil {
			if same := found[key{d.Code, d.Span.Start.Offset}]; same != nil {
				d.Mark, d.Related = same.Mark, same.Related
			}
		}
	}
}

// withoutOther removes the place of the other value from a summary, because the report shows it.
func withoutOther(summary string) string {
	for _, form := range []struct{ start, end, instead string }{
		{": $.", " has it too", ""}, {": entry ", " has it too", ""}, {" ($.", ")", ""}, {" of entry ", "", " of another partition"},
	} {
		if i := strings.LastIndex(summary, form.start); i > 0 && strings.HasSuffix(summary, form.end) {
			return summary[:i] + form.instead
		}
	}
	return summary
}

// isElsewhere reports whether the path of a finding is not one of JSON.
func isElsewhere(d diag.Diagnostic) bool { return d.Path.Len() > 0 && d.Path.Tag != jsonPath }

// jsonPath marks paths of JSON; paths of other front ends have other marks.
const jsonPath = "json"

// withoutRepeats drops findings that repeat another one about the same text: Ignition reports some twice, at two paths.
func withoutRepeats(list diag.List) diag.List {
	type key struct {
		code string
		from int
	}
	seen := map[key]bool{}
	for _, d := range list {
		switch d.Code {
		case "V303", "V305": // equal numbers or labels, which V020 reports as equal keys
			seen[key{"V020", d.Exact().Start.Offset}] = true
		case "V401": // no format, which V403 reports for a label
			seen[key{"V403", d.Exact().Start.Offset}] = true
		case "V131": // a proxy that is no URL, and so names no host
			seen[key{"E130", d.Exact().Start.Offset}] = true
		case "A013": // a decimal mode in YAML, which causes the other two
			seen[key{"I201", d.Exact().Start.Offset}] = true
			seen[key{"V211", d.Exact().Start.Offset}] = true
		}
	}
	return slices.DeleteFunc(list, func(d diag.Diagnostic) bool {
		k := key{d.Code, d.Exact().Start.Offset}
		repeated := seen[k] || d.Code == "V503" // a repeated finding about a source, at a path that no config has
		seen[k] = true
		return repeated
	})
}

// isMeant finds the warnings about unknown members that people write on purpose: $schema at the top, which editors want and
// Ignition ignores, and what author.IsMeant finds in YAML.
func isMeant(d diag.Diagnostic) bool {
	return d.Code == "V007" && d.Path.String() == "$.$schema" || author.IsMeant(d)
}

// Rules describes the rules of this package.
func Rules() []rules.Rule {
	var list []rules.Rule
	for _, r := range table {
		list = append(list, rules.Rule{ID: r.id, Severity: r.severity, About: r.about})
	}
	return list
}

// A rule is one thing that this package looks for.
type rule struct {
	id       string // E for what cannot work, I for what is never meant; the number is close to those of related rules of package rules
	severity diag.Severity
	about    string
	check    func(*checker)
}

// table is the list of all rules.
var table = []rule{
	{"E111", diag.Error, "The contents of a `data` URL match their hash and can be decompressed. A hash is that of the decompressed contents.", dataHash},
	{"E221", diag.Error, "No file, directory or link is below a file of the config.", belowFile},
	{"E601", diag.Error, "A mount, automount or swap unit is named after its `Where=` or `What=`.", mountUnitName},
	{"E704", diag.Error, "No group of the config has the name of a user who gets a group of their own.", userAndGroup},
	{"I001", diag.Info, "A member is given once.", repeatedMembers},
	{"I023", diag.Info, "Each kernel argument is an entry of its own.", joinedArguments},
	{"I101", diag.Info, "What is fetched without encryption has a hash.", plainHTTP},
	{"I201", diag.Info, "A mode is written in decimal: octal 0644 is 420.", decimalMode},
	{"I203", diag.Info, "Files are not below `/proc`, `/sys`, `/dev`, `/run` or `/tmp`, which are empty at every boot.", volatilePath},
	{"I401", diag.Info, "A swap area has no path.", swapPath},
	{"I402", diag.Info, "A filesystem with a path has a mount unit; the path only mounts it while the machine is provisioned.", mountWithoutUnit},
	{"I403", diag.Info, "Each argument of `options` is an entry of its own.", joinedOptions},
	{"I404", diag.Info, "Filesystems have different paths.", mountTwice},
	{"I601", diag.Info, "Sections of units are ones that systemd " + systemdVersion + " documents.", unitSections},
	{"I602", diag.Info, "Settings of units are ones that systemd " + systemdVersion + " documents, in their section.", unitSettings},
	{"I700", diag.Info, "An entry of `sshAuthorizedKeys` is a public key: neither the name of a file nor a private key.", notPublicKey},
	{"I701", diag.Info, "`passwordHash` is a hash, not the password.", plainPassword},
}

// checker holds the config and the findings about it.
type checker struct {
	origins merge.Origins
	tree    *doc.Document
	version spec.Version
	config  *types.Config  // as written, not raised to a newer version
	result  *author.Result // of YAML that became a config; otherwise nil
	rule    *rule
	found   diag.Collector

	sharpened int // how many findings have their exact place
}

// finding is what a rule reports.
type finding struct {
	summary, hint string
	steps         []any // the path of the value
	from, to      int   // the part of that value, a string, that the finding is about; both 0 for all of it
	other         []any // the path of another value that explains the finding; nil if there is none
	otherText     string
}

// add adds a finding of the running rule.
func (c *checker) add(f finding) {
	d := diag.Diagnostic{
		Severity: c.rule.severity, Code: c.rule.id, Path: path.New("json", slices.Clone(f.steps)...),
		Span: c.origins.SpanOf(f.steps), Summary: f.summary, Hint: f.hint,
	}
	if f.to > 0 {
		c.within(&d, f.steps, f.from, f.to)
	}
	d.Related = c.related(f.other, f.otherText)
	c.found.Add(d)
}

// related returns another place, if the config has it.
func (c *checker) related(steps []any, text string) *diag.Related {
	if steps == nil {
		return nil
	}
	at := c.origins.SpanOf(steps)
	if at.Source == nil {
		return nil
	}
	return &diag.Related{Span: at, Text: text}
}

// join returns a path and what follows it.
func join(steps []any, rest ...any) []any { return append(slices.Clone(steps), rest...) }

// at makes a path.
func at(steps ...any) []any { return steps }
