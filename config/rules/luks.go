// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

// luksRules are about encrypted volumes.
var luksRules = []Rule{
	{ID: "V500", Since: from32, Check: eachLuks(luksName), About: "The name of a volume has no `/`."},
	{ID: "V501", Since: from32, Check: eachLuks(luksDevice), About: "The device of a volume is an absolute path in its simplest form."},
	{ID: "V502", Since: from32, Check: eachLuks(luksLabel), About: "The label of a volume has at most 47 bytes."},
	{ID: "V503", Since: from32, Check: keyFileSource, About: "The source of a key file is valid."},
	{ID: "V504", Since: from32, Check: eachLuks(customAlone), About: "A custom binding excludes the other bindings."},
	{ID: "V505", Since: from32, Check: eachLuks(customPin), About: "A custom binding has a pin."},
	{ID: "V506", Since: from32, Check: eachLuks(customConfig), About: "A custom binding has a config."},
	{ID: "V507", Since: from32, Until: spec.V3_5, Check: eachLuks(knownPin), About: "The pin of a custom binding is `tpm2`, `tang` or `sss`."},
	{ID: "V510", Since: from32, Check: eachTang(tangURL), About: "The URL of a Tang server is an `http` or `https` one."},
	{ID: "V511", Since: from32, Check: eachTang(tangThumbprint), About: "A Tang server has a thumbprint."},
	{ID: "V512", Since: from34, Check: eachTang(tangAdvertisement), About: "The advertisement of a Tang server is JSON."},
	{ID: "V520", Since: from35, Check: eachLuks(cexAlone), About: "A crypto card and clevis exclude each other."},
	{ID: "V521", Since: from35, Check: eachLuks(cexAlone), About: "A crypto card and a key file exclude each other."},
}

// eachLuks makes a rule of a check of one volume; at makes a path below it.
func eachLuks(check func(c *Context, l *types.Luks, at func(...any) []any)) func(*Context, *types.Config) {
	return func(c *Context, config *types.Config) {
		for i := range config.Storage.Luks {
			check(c, &config.Storage.Luks[i], func(rest ...any) []any { return append([]any{"storage", "luks", i}, rest...) })
		}
	}
}

func luksName(c *Context, l *types.Luks, at func(...any) []any) {
	if strings.Contains(l.Name, "/") {
		c.Report("the name of a volume must not contain a slash", "did you mean "+shown(strings.ReplaceAll(l.Name, "/", "-"))+"?", at("name")...)
	}
}

func luksDevice(c *Context, l *types.Luks, at func(...any) []any) {
	if summary, hint := uncleanDevice(l.Device); summary != "" {
		c.Report(summary, hint, at("device")...)
	}
}

func luksLabel(c *Context, l *types.Luks, at func(...any) []any) {
	const most = 47 // LUKS2 on-disk format, section 2.1, without the NUL
	if l.Label != nil && len(*l.Label) > most {
		c.Report(tooLong(*l.Label, most, "LUKS"), "the longest that fits is "+shown(clip(*l.Label, most)), at("label")...)
	}
}

// keyFileSource reports flawed sources of key files a second time, as Ignition does, at a path that no config has.
func keyFileSource(c *Context, _ *types.Config) {
	for _, f := range c.flaws() {
		if f.at.list == inKeyFile {
			c.Report("the key file cannot be fetched: "+f.summary, f.hint, "storage", "luks", f.at.i, "keys")
		}
	}
}

// otherPins reports whether a volume asks for any of the built-in bindings.
func otherPins(l *types.Luks) bool {
	v := &l.Clevis
	return len(v.Tang) > 0 || types.True(v.TPM2) || v.Threshold != nil && *v.Threshold != 0
}

func customAlone(c *Context, l *types.Luks, at func(...any) []any) {
	used := set(l.Clevis.Custom.Pin)
	if c.Version == spec.V3_2 {
		used = used || c.present(at("clevis", "custom")...)
	}
	if used && otherPins(l) {
		c.Report("a custom binding excludes tang, tpm2 and threshold", "put all of them into custom.config, with the pin sss", at("clevis")...)
	}
}

// needsNetwork counts as use of custom from 3.3.0 on.
func needsNetwork(c *Context, l *types.Luks) bool {
	return c.Version >= spec.V3_3 && types.True(l.Clevis.Custom.NeedsNetwork)
}

func customPin(c *Context, l *types.Luks, at func(...any) []any) {
	if custom := &l.Clevis.Custom; !set(custom.Pin) && (set(custom.Config) || needsNetwork(c, l)) {
		c.Report("the custom binding has no pin", "add pin, such as tang, tpm2 or sss", at("clevis", "custom", "pin")...)
	}
}

func customConfig(c *Context, l *types.Luks, at func(...any) []any) {
	if custom := &l.Clevis.Custom; !set(custom.Config) && (set(custom.Pin) || needsNetwork(c, l)) {
		c.Report("the custom binding has no config", `add config; an empty one is "{}"`, at("clevis", "custom", "config")...)
	}
}

func knownPin(c *Context, l *types.Luks, at func(...any) []any) {
	pins := []string{"tpm2", "tang", "sss"}
	if p := l.Clevis.Custom.Pin; set(p) && !slices.Contains(pins, *p) {
		c.Report("the pin "+shown(*p)+" is not known in version "+c.Version.String(), nearest(*p, pins)+"; spec version 3.6.0 and later take any pin",
			at("clevis", "custom", "pin")...)
	}
}

// eachTang makes a rule of a check of one Tang server; at makes the path of a member.
func eachTang(check func(c *Context, t *types.Tang, at func(string) []any)) func(*Context, *types.Config) {
	return func(c *Context, config *types.Config) {
		for i := range config.Storage.Luks {
			list := config.Storage.Luks[i].Clevis.Tang
			for j := range list {
				check(c, &list[j], func(member string) []any { return []any{"storage", "luks", i, "clevis", "tang", j, member} })
			}
		}
	}
}

func tangURL(c *Context, t *types.Tang, at func(string) []any) {
	if u, err := url.Parse(t.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		c.Report("the URL of the Tang server is neither http nor https", "write it as http://HOST", at("url")...)
	}
}

func tangThumbprint(c *Context, t *types.Tang, at func(string) []any) {
	if !set(t.Thumbprint) {
		c.Report("the Tang server has no thumbprint", "on the server, tang-show-keys prints it", at("thumbprint")...)
	}
}

func tangAdvertisement(c *Context, t *types.Tang, at func(string) []any) {
	if set(t.Advertisement) && !json.Valid([]byte(*t.Advertisement)) {
		c.Report("the advertisement is not JSON", "curl -s URL/adv prints it", at("advertisement")...)
	}
}

// cexAlone reports combinations that break the running rule.
func cexAlone(c *Context, l *types.Luks, at func(...any) []any) {
	switch {
	case !types.True(l.Cex.Enabled):
	case c.rule.ID == "V520" && (set(l.Clevis.Custom.Pin) || otherPins(l)):
		c.Report("a crypto card and clevis exclude each other", "remove one of the two", at("cex")...)
	case c.rule.ID == "V521" && set(l.KeyFile.Source):
		c.Report("a crypto card and a key file exclude each other", "remove one of the two", at("cex")...)
	}
}
