// SPDX-License-Identifier: Apache-2.0

package acquire

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// MaxReferences is how deep configs may refer to configs. Real configs stay far below; a config that refers to itself would
// never end.
const MaxReferences = 32

// MaxConfigs is how many references to configs one boot follows. Each counts every time: two configs that refer to the next one twice
// would double the work with each level.
const MaxConfigs = 1000

// Causes of failed references, for errors.Is.
var (
	ErrEmptyConfig = errors.New("the config is empty")
	ErrTooDeep     = fmt.Errorf("configs refer to configs more than %d levels deep", MaxReferences)
	ErrTooMany     = fmt.Errorf("this boot has more than %d referenced configs", MaxConfigs)
)

// An InvalidError is a config that has errors.
type InvalidError struct {
	Source string // where the config comes from, without secrets
	Report diag.List
}

// Error returns the first error of the report, and the number of others.
func (e *InvalidError) Error() string {
	list := e.Report.Errors()
	if len(list) == 0 {
		return "check " + e.Source + ": it is invalid"
	}
	text := "check " + e.Source + ": " + list[0].Line()
	if more := len(list) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// A ReferenceError is a reference to a config that could not be followed.
type ReferenceError struct {
	Name string // of the config referred to, without secrets
	At   diag.Place
	Path string
	Err  error
}

func (e *ReferenceError) Error() string {
	return "read referenced config " + e.Name + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *ReferenceError) Unwrap() error { return e.Err }

// Origin returns where the reference stands.
func (e *ReferenceError) Origin() (diag.Place, string) { return e.At, e.Path }

// Hint returns what the user can do.
func (e *ReferenceError) Hint() string {
	var hint interface{ Hint() string }
	switch {
	case errors.Is(e.Err, ErrEmptyConfig):
		return "put a config there, or remove the reference"
	case errors.Is(e.Err, ErrTooDeep):
		return "look for a config that refers to itself, perhaps through others"
	case errors.Is(e.Err, ErrTooMany):
		return "look for configs that refer to the same config again and again, or combine the small ones"
	case errors.As(e.Err, &hint):
		return hint.Hint()
	}
	return ""
}

// An authorityError is a certificate authority that could not be had or read, with its place in a config.
type authorityError struct {
	*fetch.AuthorityError
	at   diag.Place
	path string
}

// Origin returns where the authority stands.
func (e *authorityError) Origin() (diag.Place, string) { return e.at, e.path }

// placed adds the place of a certificate authority in the config to an error about it.
func placed(doc config.Document, err error) error {
	var of *fetch.AuthorityError
	if errors.As(err, &of) {
		for i, r := range doc.Config.Ignition.Security.TLS.CertificateAuthorities {
			if path := fmt.Sprintf("$.ignition.security.tls.certificateAuthorities.%d", i); source(r) == of.URL {
				return &authorityError{of, doc.Origins.At(path), path}
			}
		}
	}
	return err
}

// RenderOptions are what rendering needs of its caller.
type RenderOptions struct {
	// Fetch returns the decompressed and verified payload of a reference; place is where its source stands, for people. It may be
	// called concurrently.
	Fetch func(ctx context.Context, r types.Resource, place string) ([]byte, error)
	// Configure puts a config's settings for fetching in force, for everything that is fetched from then on.
	Configure func(ctx context.Context, c types.Config) error
	// Fetched is called with the path of each config's URL, in the order in which configs are merged.
	Fetched func(source string)
	// Report is called with the findings of each config that was read.
	Report func(diag.List)
	// JSONOnly says that configs in YAML are not read.
	JSONOnly bool
}

// Render follows the references of a config. A replacement takes the config's place; children are rendered and then merged over
// it one after another. The result still lists the references, without effect. Siblings are fetched ahead but merged in their
// order. A config that is referred to twice is fetched once, unless another config has changed the settings meanwhile: another
// proxy may give another answer.
func Render(ctx context.Context, doc config.Document, o RenderOptions) (config.Document, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &renderer{RenderOptions: o, payloads: map[string]*payload{}, slots: make(chan struct{}, mostAhead)}
	if c := doc.Config.Ignition.Config; c.Replace.Source == nil && len(c.Merge) == 0 {
		return doc, nil
	}
	if err := r.configure(ctx, doc.Config); err != nil {
		return config.Document{}, placed(doc, err)
	}
	return r.render(ctx, doc, nil)
}

type renderer struct {
	RenderOptions
	inForce  types.Ignition // what was said about fetching last
	settings int            // how many times that has changed
	followed int            // references so far
	payloads map[string]*payload
	slots    chan struct{} // held by the requests on their way
}

// render renders a config; chain holds the sources that lead to it.
func (r *renderer) render(ctx context.Context, doc config.Document, chain []string) (config.Document, error) {
	if replace := doc.Config.Ignition.Config.Replace; replace.Source != nil {
		return r.replace(ctx, doc, replace, chain)
	}
	children := doc.Config.Ignition.Config.Merge
	if len(children) == 0 {
		return doc, nil
	}
	if err := r.limit(doc, chain, children, mergePath); err != nil {
		return config.Document{}, err
	}
	for i, child := range children {
		if fetch.NeedsNetwork(source(child)) {
			r.begin(ctx, child, sourcePlace(doc, mergePath(i)))
		}
	}
	merger := config.NewMerger(doc)
	for i, child := range children {
		next, err := r.read(ctx, doc, mergePath(i), child)
		if err != nil {
			return config.Document{}, err
		}
		if err := r.configure(ctx, sofar(merger, next)); err != nil {
			return config.Document{}, placed(next, err)
		}
		if next, err = r.render(ctx, next, append(slices.Clip(chain), source(child))); err != nil {
			return config.Document{}, err
		}
		merger.Add(next)
	}
	return merger.Document(), nil
}

// limit counts the references of a config before any of them is fetched. The error is at the first that goes too far.
func (r *renderer) limit(doc config.Document, chain []string, refs []types.Resource, path func(int) string) error {
	over, err := 0, error(nil)
	r.followed += len(refs)
	if len(chain) >= MaxReferences {
		err = tooDeep(append(slices.Clip(chain), source(refs[0])))
	} else if excess := r.followed - MaxConfigs; excess > 0 {
		over, err = len(refs)-excess, ErrTooMany
	}
	if err == nil {
		return nil
	}
	at := doc.Origins.At(path(over))
	return &ReferenceError{Name: name(refs[over], at), At: at, Path: path(over), Err: err}
}

func mergePath(i int) string { return fmt.Sprintf("$.ignition.config.merge.%d", i) }

// replace renders the config that takes the place of another.
func (r *renderer) replace(ctx context.Context, doc config.Document, ref types.Resource, chain []string) (config.Document, error) {
	const at = "$.ignition.config.replace"
	if err := r.limit(doc, chain, []types.Resource{ref}, func(int) string { return at }); err != nil {
		return config.Document{}, err
	}
	next, err := r.read(ctx, doc, at, ref)
	if err != nil {
		return config.Document{}, err
	}
	if err := r.configure(ctx, next.Config); err != nil {
		return config.Document{}, placed(next, err)
	}
	return r.render(ctx, next, append(slices.Clip(chain), source(ref)))
}

// sofar returns a config's settings for fetching, merged over those of what was merged so far.
func sofar(m *config.Merger, child config.Document) types.Config {
	return config.Merge(
		config.Document{Config: types.Config{Ignition: m.Ignition()}},
		config.Document{Config: types.Config{Ignition: child.Config.Ignition}},
	).Config
}

// configure puts the settings of a config in force, unless they are already.
func (r *renderer) configure(ctx context.Context, c types.Config) error {
	i := c.Ignition
	next := types.Ignition{Proxy: i.Proxy, Security: i.Security, Timeouts: i.Timeouts}
	if reflect.DeepEqual(next, r.inForce) {
		return nil
	}
	r.inForce = next
	r.settings++
	return r.Configure(ctx, c)
}

// read fetches and parses one reference of a config.
func (r *renderer) read(ctx context.Context, parent config.Document, at string, ref types.Resource) (config.Document, error) {
	place := parent.Origins.At(at)
	fail := func(err error) (config.Document, error) {
		return config.Document{}, &ReferenceError{Name: name(ref, place), At: place, Path: at, Err: err}
	}
	data, err := r.payload(ctx, ref, sourcePlace(parent, at))
	if err == nil {
		data, err = config.Gunzip(data)
	}
	if err != nil {
		return fail(err)
	}
	if len(data) == 0 {
		return fail(ErrEmptyConfig)
	}
	doc, report := config.ParseWith(diag.NewSource(name(ref, place), data), config.Options{JSONOnly: r.JSONOnly})
	if r.Report != nil {
		r.Report(report)
	}
	if report.HasErrors() {
		return config.Document{}, &InvalidError{Source: name(ref, place), Report: report}
	}
	if r.Fetched != nil {
		r.Fetched(urlPath(source(ref)))
	}
	return doc, nil
}

// payload returns the contents that a reference refers to.
func (r *renderer) payload(ctx context.Context, ref types.Resource, place string) ([]byte, error) {
	if !fetch.NeedsNetwork(source(ref)) {
		return r.Fetch(ctx, ref, place)
	}
	p := r.begin(ctx, ref, place)
	<-p.done
	return p.data, p.err
}

// A payload has arrived, or is on its way.
type payload struct {
	done chan struct{}
	data []byte
	err  error
}

// mostAhead bounds how many references are fetched at once.
const mostAhead = 16

// begin starts to fetch a reference under the settings in force, unless a fetch has begun already.
func (r *renderer) begin(ctx context.Context, ref types.Resource, place string) *payload {
	key := fmt.Sprint(r.settings, " ", fetch.FromResource(ref).Key())
	if p := r.payloads[key]; p != nil {
		return p
	}
	p := &payload{done: make(chan struct{})}
	r.payloads[key] = p
	go func() {
		defer close(p.done)
		select {
		case r.slots <- struct{}{}:
			p.data, p.err = r.Fetch(ctx, ref, place)
			<-r.slots
		case <-ctx.Done():
			p.err = ctx.Err()
		}
	}()
	return p
}

// sourcePlace returns where the source of the reference at a path stands, for people.
func sourcePlace(doc config.Document, at string) string {
	return doc.Origins.At(at + ".source").With(at + ".source")
}

func source(r types.Resource) string {
	if r.Source == nil {
		return ""
	}
	return *r.Source
}

// name returns the name of a referenced config in reports. A data URL has no name of its own.
func name(r types.Resource, at diag.Place) string {
	if s := source(r); strings.HasPrefix(s, "data:") || s == "" {
		return strings.TrimSpace("inline config at " + at.String())
	}
	return fetch.Redact(source(r))
}

// urlPath returns the path of a URL, which is what the state file records.
func urlPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Path
}

// tooDeep names the config that leads to itself, if there is one.
func tooDeep(chain []string) error {
	seen := map[string]bool{}
	for _, s := range chain {
		if seen[s] && !strings.HasPrefix(s, "data:") {
			return fmt.Errorf("follow references: %w: %s refers to itself", ErrTooDeep, fetch.Redact(s))
		}
		seen[s] = true
	}
	return fmt.Errorf("follow references: %w", ErrTooDeep)
}

// renderOptions are those of a run.
func (env Env) renderOptions() RenderOptions {
	return RenderOptions{
		JSONOnly: env.JSONOnly,
		Fetch: func(ctx context.Context, r types.Resource, place string) ([]byte, error) {
			request := fetch.FromResource(r)
			request.Purpose, request.Place = "config", place
			return env.HTTP.Bytes(ctx, request, MaxConfig)
		},
		Configure: func(ctx context.Context, c types.Config) error {
			return env.HTTP.Configure(ctx, fetch.SettingsOf(c))
		},
		Fetched: func(source string) { env.Note(Fetched{Kind: KindUser, Source: source, Referenced: true}) },
		Report:  func(report diag.List) { LogReport(env.Log, report) },
	}
}
