// SPDX-License-Identifier: Apache-2.0

// Package rules has the rules of a valid config.
//
// One rule is one entry of one table, with the versions that it holds for. Rules see a config and where its values stand;
// they change nothing and fetch nothing. The invariants: all findings are collected; their order depends only
// on the config; no rule takes more than linear time (one sort aside); and no finding repeats the text of a source, a file's
// contents or a password hash.
package rules

import (
	"slices"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/merge"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// Kind says when a rule is applied.
type Kind int

// The kinds of rules.
const (
	Object  Kind = iota // to the values of a config, and once more to the merged one
	Keys                // about unique keys: to a config as it was written
	Reading             // while the text is read: package doc and the version check report it
	Accepts             // never: the rule is that something is accepted
)

// A Rule is one thing that a valid config obeys.
type Rule struct {
	ID       string // "V401"
	Kind     Kind
	Since    spec.Version
	Until    spec.Version // the last version it holds for; zero if it holds for all that follow
	Severity diag.Severity
	About    string // for people: what the rule asks
	Check    func(*Context, *types.Config)
}

// Holds reports whether the rule holds in a version.
func (r *Rule) Holds(v spec.Version) bool { return v >= r.Since && (r.Until == 0 || v <= r.Until) }

// Context is what rules know besides the config.
type Context struct {
	Version spec.Version
	Doc     *doc.Document // nil for a merged config; for rules about mere presence
	Merged  bool          // the final check at run time: object rules only
	Origins merge.Origins

	config  *types.Config
	rule    *Rule
	report  *diag.Collector
	sources []sourceFlaw // found once, since several rules are about them
	scanned bool
	units   map[string]unitFlaw
}

// full reports whether another finding of the running rule would be dropped, and counts it if so. Rules that compose long
// findings ask first.
func (c *Context) full() bool {
	if !c.report.Full(c.rule.Severity) {
		return false
	}
	c.report.Add(diag.Diagnostic{Severity: c.rule.Severity})
	return true
}

// Report adds a finding of the running rule at a path: names and indexes.
func (c *Context) Report(summary, hint string, steps ...any) {
	if c.full() {
		return
	}
	c.report.Add(diag.Diagnostic{
		Severity: c.rule.Severity, Code: c.rule.ID, Path: path.New("json", slices.Clone(steps)...),
		Span: c.Origins.SpanOf(steps), Summary: summary, Hint: hint,
	})
}

// other names another entry that a finding is about: in a merged config by the place where it was written, because the
// merged config has no text.
func (c *Context) other(steps []any) string {
	if c.Merged {
		if p := c.Origins.SpanOf(steps).Place(); p.Line > 0 {
			return p.String()
		}
	}
	return pathText(steps)
}

// Check applies all rules of the context's version: first those about objects, then those about keys.
func Check(c *Context, config *types.Config) diag.List {
	c.config = config
	objects := c.apply(table, Object)
	if c.Merged {
		return slices.Concat(objects, c.apply(impossible, Object), c.apply(notes, Object))
	}
	return append(objects, c.apply(table, Keys)...)
}

// Apply applies rules other than those of the table, such as Impossible or those of a package that is built on this one.
func Apply(c *Context, list []Rule, config *types.Config) diag.List {
	c.config = config
	return c.apply(list, Object)
}

func (c *Context) apply(list []Rule, kind Kind) diag.List {
	c.report = &diag.Collector{}
	for i := range list {
		if r := &list[i]; r.Kind == kind && r.Holds(c.Version) {
			c.rule = r
			r.Check(c, c.config)
		}
	}
	found := c.report.List()
	found.SortByPath()
	return found
}

// present reports whether the document has a value other than null at a path.
func (c *Context) present(steps ...any) bool { return c.Doc != nil && c.Doc.Present(steps...) }

// Table returns all rules, in the order of their ids.
func Table() []Rule { return slices.Clone(table) }
