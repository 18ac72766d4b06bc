// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"net/url"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// content adds a resource of the config to the payloads and returns a reference to it; place is that of its source, for people.
// ok is false if the resource has no source.
func content(loads op.Payloads, seed string, r types.Resource, place string) (c op.Content, ok bool) {
	source := types.Text(r.Source)
	if source == "" {
		return op.Content{}, false
	}
	load := op.Payload{Source: source, Compression: types.Text(r.Compression), Hash: types.Text(r.Verification.Hash), Place: place}
	for _, h := range r.HTTPHeaders {
		load.Headers = append(load.Headers, op.Header{Name: h.Name, Value: h.Value})
	}
	c = op.Content{Handle: loads.Add(seed, load), Source: op.Inline}
	if !isInline(source) {
		c.Source, c.Remote = redact(source), true
	}
	return c, true
}

func isInline(source string) bool { return len(source) >= 5 && strings.EqualFold(source[:5], "data:") }

// canFail reports whether fetching a resource can fail. A plain data URL cannot, because validation has decoded it.
func canFail(r *types.Resource) bool {
	return !isInline(types.Text(r.Source)) || r.Compression != nil || r.Verification.Hash != nil
}

// redact returns a URL without credentials, query and fragment. A URL that cannot be parsed shows only its scheme.
func redact(source string) string {
	u, err := url.Parse(source)
	if err != nil || u.Opaque != "" {
		scheme, _, _ := strings.Cut(source, ":")
		return scheme + ":…"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
}

// content is content for the payloads of the plan, which need no places.
func (b *builder) content(r types.Resource) (op.Content, bool) {
	return content(b.payloads, b.in.Seed, r, "")
}

// located returns where a path of the config stands, for people.
func (b *builder) located(path string) string { return b.doc.Origins.At(path).With(path) }

// contents returns references to the resources that have a source.
func (b *builder) contents(resources ...types.Resource) []op.Content {
	var all []op.Content
	for _, r := range resources {
		if c, ok := b.content(r); ok {
			all = append(all, c)
		}
	}
	return all
}

// secret adds a text to the payloads.
func (b *builder) secret(text string) op.Handle {
	return b.payloads.Add(b.in.Seed, op.Payload{Text: &text})
}

// Payloads returns what the handles of every plan for a config stand for, if the plan was made with seed.
func Payloads(doc config.Document, seed string) op.Payloads {
	c := &doc.Config
	b := &builder{doc: doc, c: c, in: Inputs{Seed: seed}, payloads: make(op.Payloads, len(c.Storage.Files))}
	for _, w := range slices.Concat(KeyWants(c), FileWants(c)) {
		place := ""
		if canFail(w.Resource) {
			place = b.located(w.Path + ".source")
		}
		content(b.payloads, seed, *w.Resource, place)
	}
	for i, l := range c.Storage.Luks {
		b.binding(at("storage", "luks", i, "clevis"), l.Clevis)
	}
	for _, u := range c.Passwd.Users {
		b.secret(authorizedKeys(u))
	}
	account.RedactConfig(c.Passwd, b.hash)
	for _, u := range c.Systemd.Units {
		b.secret(types.Text(u.Contents))
		for _, d := range u.Dropins {
			b.secret(types.Text(d.Contents))
		}
	}
	return b.payloads
}

// hash adds the password hash of a user or group to the payloads.
func (b *builder) hash(_, secret string) string { return string(b.secret(secret)) }

// authorizedKeys is the file of a user's SSH keys.
func authorizedKeys(u types.User) string {
	var keys strings.Builder
	for _, key := range u.SSHAuthorizedKeys {
		keys.WriteString(strings.TrimSuffix(string(key), "\n") + "\n")
	}
	return keys.String()
}

// Wants lists what is fetched for resources, and the payloads for that. It needs no facts, so that fetching can begin before
// planning.
func Wants(doc config.Document, resources []Want, seed string) ([]op.Want, op.Payloads) {
	b := &builder{doc: doc}
	loads := op.Payloads{}
	var wants []op.Want
	for _, w := range resources {
		if isInline(types.Text(w.Resource.Source)) {
			continue
		}
		if found, ok := content(loads, seed, *w.Resource, b.located(w.Path+".source")); ok {
			wants = append(wants, op.Want{Content: found, Place: w.Place})
		}
	}
	return wants, loads
}

// A Want is a resource of the config that a part fetches, and the path of the file that it is for; none for a key.
type Want struct {
	Resource *types.Resource
	Place    string
	Path     string // of the resource in the config
}

// KeyWants lists the keys of encrypted volumes.
func KeyWants(c *types.Config) []Want {
	var wants []Want
	for i := range c.Storage.Luks {
		wants = append(wants, Want{&c.Storage.Luks[i].KeyFile, "", at("storage", "luks", i, "keyFile")})
	}
	return wants
}

// FileWants lists the contents of files.
func FileWants(c *types.Config) []Want {
	wants := make([]Want, 0, len(c.Storage.Files))
	for i := range c.Storage.Files {
		f := &c.Storage.Files[i]
		wants = append(wants, Want{&f.Contents, f.Path, at("storage", "files", i, "contents")})
		for n := range f.Append {
			wants = append(wants, Want{&f.Append[n], f.Path, at("storage", "files", i, "append", n)})
		}
	}
	return wants
}
