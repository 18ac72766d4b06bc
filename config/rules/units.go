// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/config/unitfile"
)

// unitRules are about units and drop-ins.
var unitRules = []Rule{
	{ID: "V600", Check: unitName, About: "The name of a unit ends in one of systemd's suffixes."},
	{ID: "V601", Check: unitText, About: "In a unit, every `[` that begins a section has its `]`."},
	{ID: "V602", Check: unitText, About: "In a unit, nothing follows a section's `]` on its line."},
	{ID: "V603", Check: unitText, About: "In a section of a unit, a line that is not a comment has a `=`."},
	{ID: "V604", Check: unitText, About: "A unit does not end within the name of an option."},
	{ID: "V605", Check: unitText, About: "Lines of a unit have fewer than 2048 bytes."},
	{ID: "V606", Kind: Accepts, About: "Units may be empty, have text before the first section, comments with `#` and `;`, continued lines, CR LF, unknown sections and options."},
	{ID: "V610", Severity: diag.Warning, Check: enabledWithoutInstall, About: "A unit that is enabled has an `[Install]` section with an option."},
	{ID: "V611", Severity: diag.Warning, Check: instanceWithoutInstall, About: "A service that is enabled as an instance has an `[Install]` section with an option in its template."},
	{ID: "V620", Check: dropinName, About: "The name of a drop-in ends in `.conf`."},
	{ID: "V621", Check: dropinText, About: "The text of a drop-in obeys V601 to V605."},
}

// suffixes are those of systemd.unit(5).
var suffixes = []string{
	".service", ".socket", ".device", ".mount", ".automount", ".swap", ".target", ".path", ".timer", ".snapshot", ".slice", ".scope",
}

func unitName(c *Context, config *types.Config) {
	for i := range config.Systemd.Units {
		name := config.Systemd.Units[i].Name
		suffix := name[max(0, strings.LastIndexByte(name, '.')):]
		if slices.Contains(suffixes, suffix) {
			continue
		}
		hint := nearest(suffix, suffixes)
		if !strings.Contains(name, ".") && name != "" {
			hint = "did you mean " + shown(name+".service") + "?"
		}
		c.Report("the unit name "+shown(name)+" has no known suffix", hint, "systemd", "units", i, "name")
	}
}

// unitFlaw is the result of parsing a unit's text, which several rules use.
type unitFlaw struct {
	err     *unitfile.SyntaxError
	install bool // it has an option in a section named Install
}

// unit parses the text of a unit or drop-in, each text once.
func (c *Context) unit(text string) unitFlaw {
	if f, ok := c.units[text]; ok {
		return f
	}
	read := unitfile.Parse(text)
	f := unitFlaw{err: read.Strict, install: read.Has("Install")}
	if c.units == nil {
		c.units = map[string]unitFlaw{}
	}
	c.units[text] = f
	return f
}

// textRule is the rule that a problem of a unit's text breaks.
func textRule(p unitfile.Problem) string {
	return map[unitfile.Problem]string{
		unitfile.UnclosedSection: "V601", unitfile.TextAfterSection: "V602", unitfile.NoEquals: "V603",
		unitfile.EndInName: "V604", unitfile.LongLine: "V605",
	}[p]
}

// unitText reports units whose first problem breaks the running rule.
func unitText(c *Context, config *types.Config) {
	for i := range config.Systemd.Units {
		u := &config.Systemd.Units[i]
		if !set(u.Contents) {
			continue
		}
		if err := c.unit(*u.Contents).err; err != nil && textRule(err.Problem) == c.rule.ID {
			c.Report(fmt.Sprintf("line %d of the unit: %s", err.Line, err.Problem), err.Hint(), "systemd", "units", i, "contents")
		}
	}
}

func enabledWithoutInstall(c *Context, config *types.Config) {
	for i := range config.Systemd.Units {
		u := &config.Systemd.Units[i]
		if !types.True(u.Enabled) || !set(u.Contents) {
			continue
		}
		if f := c.unit(*u.Contents); f.err == nil && !f.install {
			c.Report("enabling this unit has no effect: it has no setting in an [Install] section",
				"add [Install] with WantedBy=multi-user.target, or another unit that starts it", "systemd", "units", i, "contents")
		}
	}
}

// instanceWithoutInstall looks at templates of the same config.
func instanceWithoutInstall(c *Context, config *types.Config) {
	templates := map[string]*types.Unit{}
	for i := range config.Systemd.Units {
		if u := &config.Systemd.Units[i]; strings.HasSuffix(u.Name, "@.service") && set(u.Contents) {
			templates[u.Name] = u
		}
	}
	for i := range config.Systemd.Units {
		u := &config.Systemd.Units[i]
		prefix, instance, ok := strings.Cut(strings.TrimSuffix(u.Name, ".service"), "@")
		if !ok || !types.True(u.Enabled) || prefix == "" || instance == "" || !strings.HasSuffix(u.Name, ".service") {
			continue
		}
		t := templates[prefix+"@.service"]
		if t == nil {
			continue
		}
		if f := c.unit(*t.Contents); f.err == nil && !f.install {
			c.Report("enabling this unit has no effect: its template has no setting in an [Install] section",
				"add [Install] to the template "+shown(t.Name), "systemd", "units", i, "contents")
		}
	}
}

func eachDropin(config *types.Config, f func(d *types.Dropin, at func(string) []any)) {
	for i := range config.Systemd.Units {
		list := config.Systemd.Units[i].Dropins
		for j := range list {
			f(&list[j], func(member string) []any { return []any{"systemd", "units", i, "dropins", j, member} })
		}
	}
}

func dropinName(c *Context, config *types.Config) {
	eachDropin(config, func(d *types.Dropin, at func(string) []any) {
		if d.Name == "" {
			c.Report("the drop-in has no name", "add a name that ends in .conf, such as 10-local.conf", at("name")...)
		} else if !strings.HasSuffix(d.Name, ".conf") {
			c.Report("the name "+shown(d.Name)+" does not end in .conf", "did you mean "+shown(strings.TrimSuffix(d.Name, ".txt")+".conf")+"?", at("name")...)
		}
	})
}

func dropinText(c *Context, config *types.Config) {
	eachDropin(config, func(d *types.Dropin, at func(string) []any) {
		if !set(d.Contents) {
			return
		}
		if err := c.unit(*d.Contents).err; err != nil {
			c.Report(fmt.Sprintf("line %d of the drop-in: %s", err.Line, err.Problem), err.Hint(), at("contents")...)
		}
	})
}
