// SPDX-License-Identifier: Apache-2.0

// Package rules says what makes a config valid.
//
// One rule is one entry of one table, with the versions that it holds for. Rules see a config and where its values stand;
// they change nothing and fetch nothing. All findings are collected, in an order that depends on the config alone.
package rules

import (
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/merge"
	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// Context is what rules know beside the config.
type Context struct {
	Version spec.Version
	Doc     *doc.Document // nil for a merged config; for rules about mere presence
	Merged  bool          // the final check at run time: object rules only
	Origins merge.Origins

	rule   *Rule
	report diag.List
}

// A Rule is one thing that a valid config obeys.
type Rule struct {
	ID           string // as in the list of rules: "V401"
	Since, Until spec.Version
	Severity     diag.Severity
	Document     bool // not an object rule: not checked again on a merged config
	Check        func(*Context, *types.Config)
}

// Report adds a finding of the running rule at a path.
func (c *Context) Report(path, summary, hint string) {
	c.report = append(c.report, diag.Diagnostic{
		Severity: c.rule.Severity, Code: c.rule.ID, Path: diag.ParsePath(path),
		Span: c.Origins.Span(path), Summary: summary, Hint: hint,
	})
}

// Check applies all rules of the context's version.
func Check(c *Context, config *types.Config) diag.List {
	for i := range table {
		r := &table[i]
		if c.Version < r.Since || c.Version > r.Until || c.Merged && r.Document {
			continue
		}
		c.rule = r
		r.Check(c, config)
	}
	return c.report
}
