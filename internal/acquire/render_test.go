// SPDX-License-Identifier: Apache-2.0

package acquire

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
)

// web is what a test serves: URL to config. It notes in which order settings and fetches came.
type web struct {
	sync.Mutex
	pages    map[string]string
	settings []string
	fetched  []string
	asked    map[string]int
	places   []string // of the sources of fetches
}

func (w *web) options() RenderOptions {
	return RenderOptions{
		Fetch: func(_ context.Context, r types.Resource, place string) ([]byte, error) {
			w.Lock()
			defer w.Unlock()
			if w.asked == nil {
				w.asked = map[string]int{}
			}
			source, _, _ := strings.Cut(*r.Source, "#")
			w.asked[source]++
			w.places = append(w.places, place)
			text, ok := w.pages[source]
			if !ok {
				return nil, errors.New("not found")
			}
			return []byte(text), nil
		},
		Configure: func(_ context.Context, c types.Config) error {
			w.Lock()
			defer w.Unlock()
			proxy := "none"
			if p := c.Ignition.Proxy.HTTPProxy; p != nil {
				proxy = *p
			}
			w.settings = append(w.settings, proxy)
			return nil
		},
		Fetched: func(source string) { w.fetched = append(w.fetched, source) },
	}
}

func references(kind string, urls ...string) string {
	var list []string
	for _, u := range urls {
		list = append(list, fmt.Sprintf(`{"source":%q}`, u))
	}
	text := strings.Join(list, ",")
	if kind == "merge" {
		text = "[" + text + "]"
	}
	return fmt.Sprintf(`{"ignition":{"version":"3.4.0","config":{%q:%s}}}`, kind, text)
}

func file(path string) string {
	return fmt.Sprintf(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":%q}]}}`, path)
}

func render(t *testing.T, w *web, text string) (config.Document, error) {
	t.Helper()
	doc, report := config.Parse(diag.NewSource("root.ign", []byte(text)))
	if report.HasErrors() {
		t.Fatal(report)
	}
	return Render(t.Context(), doc, w.options())
}

func TestRenderOrderAndOrigins(t *testing.T) {
	w := &web{pages: map[string]string{
		"http://h/a": references("merge", "http://h/c"), "http://h/b": file("/b"), "http://h/c": file("/c"),
	}}
	doc, err := render(t, w, references("merge", "http://h/a", "http://h/b"))
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.Config.Storage.Files; len(got) != 2 || got[0].Path != "/c" || got[1].Path != "/b" {
		t.Errorf("the files are %+v", got)
	}
	if got := doc.Origins.At("$.storage.files.0.path").String(); got != "http://h/c:1:61" {
		t.Errorf("/c comes from %s", got)
	}
	if want := []string{"/a", "/c", "/b"}; !slices.Equal(w.fetched, want) {
		t.Errorf("noted %v, want %v", w.fetched, want)
	}
}

// TestRenderSettings checks that a proxy in a child holds for what is fetched after it, and that siblings fetched ahead
// of it are fetched again.
func TestRenderSettings(t *testing.T) {
	const proxied = `{"ignition":{"version":"3.4.0","proxy":{"httpProxy":"http://proxy"}}}`
	w := &web{pages: map[string]string{"http://h/a": proxied, "http://h/b": file("/old")}}
	o := w.options()
	fetch := o.Fetch
	o.Fetch = func(ctx context.Context, r types.Resource, place string) ([]byte, error) {
		w.Lock()
		proxied := slices.Contains(w.settings, "http://proxy")
		w.Unlock()
		if *r.Source == "http://h/b" && proxied {
			return []byte(file("/new")), nil
		}
		return fetch(ctx, r, place)
	}
	doc, _ := config.Parse(diag.NewSource("root.ign", []byte(references("merge", "http://h/a", "http://h/b"))))
	got, err := Render(t.Context(), doc, o)
	if err != nil {
		t.Fatal(err)
	}
	if path := got.Config.Storage.Files[0].Path; path != "/new" {
		t.Errorf("the sibling behind the proxy is %s", path)
	}
}

// TestRenderOnce has configs refer to others more than once: each is merged every time and fetched once.
func TestRenderOnce(t *testing.T) {
	w := &web{pages: map[string]string{
		"http://h/a": references("merge", "http://h/base", "http://h/c"), "http://h/b": references("replace", "http://h/base"),
		"http://h/c": file("/c"), "http://h/base": file("/base"),
	}}
	if _, err := render(t, w, references("merge", "http://h/a", "http://h/b", "http://h/base")); err != nil {
		t.Fatal(err)
	}
	want := []string{"/a", "/base", "/c", "/b", "/base", "/base"}
	if !slices.Equal(w.fetched, want) {
		t.Errorf("merged %v, want %v", w.fetched, want)
	}
	for source, n := range w.asked {
		if n != 1 {
			t.Errorf("%s was fetched %d times", source, n)
		}
	}
	for _, place := range w.places { // for the log of a fetch that fails
		if !strings.Contains(place, ":1:") || !strings.HasSuffix(place, ".source)") {
			t.Errorf("a source is at %q", place)
		}
	}
}

func TestRenderFails(t *testing.T) {
	for _, c := range []struct {
		name, root string
		pages      map[string]string
		is         error
		want       []string
	}{
		{"cycle", references("merge", "http://h/a"), map[string]string{"http://h/a": references("replace", "http://h/a")},
			ErrTooDeep, []string{"http://h/a refers to itself"}},
		{"empty", references("replace", "http://h/a"), map[string]string{"http://h/a": ""}, ErrEmptyConfig, []string{"http://h/a"}},
		{"missing", references("merge", "http://h/a?token=secret"), nil, nil, []string{"http://h/a", "not found"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := render(t, &web{pages: c.pages}, c.root)
			if err == nil || c.is != nil && !errors.Is(err, c.is) {
				t.Fatalf("got %v, want %v", err, c.is)
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q lacks %q", err, w)
				}
			}
			var at interface{ Origin() (diag.Place, string) }
			if !errors.As(err, &at) {
				t.Errorf("%v has no place", err)
			} else if place, path := at.Origin(); place.Line != 1 || !strings.HasPrefix(path, "$.ignition.config.") {
				t.Errorf("%v is at %s (%s)", err, place, path)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q has a secret", err)
			}
		})
	}
}

// TestRenderTooMany has graphs of configs that grow without bound: each ends after MaxConfigs references, at the reference that
// went over, and no config was fetched twice.
func TestRenderTooMany(t *testing.T) {
	wide := make([]string, MaxConfigs+1)
	for i := range wide {
		wide[i] = fmt.Sprintf("http://h/%d", i)
	}
	doubling := func(depth int, kind func(next string) string) map[string]string {
		pages := map[string]string{fmt.Sprintf("http://h/%d", depth): file("/leaf")}
		for i := range depth {
			pages[fmt.Sprintf("http://h/%d", i)] = kind(fmt.Sprintf("http://h/%d", i+1))
		}
		return pages
	}
	twice := func(next string) string { return references("merge", next, next+"#again") }
	for _, c := range []struct {
		name, root string
		pages      map[string]string
		at, path   string
		fetched    int
	}{
		{"wide", references("merge", wide...), nil, "root.ign", fmt.Sprintf("$.ignition.config.merge.%d", MaxConfigs), 0},
		{"doubling", references("merge", "http://h/0"), doubling(16, twice), "http://h/", "$.ignition.config.merge.", 17},
		{"doubling, as deep as may be", references("merge", "http://h/0"), doubling(MaxReferences-1, twice), "http://h/", "$.ignition.config.merge.", 32},
		{"a wide child", references("merge", "http://h/a"), map[string]string{"http://h/a": references("merge", wide[1:]...)},
			"http://h/a", fmt.Sprintf("$.ignition.config.merge.%d", MaxConfigs-1), 1},
		{"replaced in between", references("merge", "http://h/0", "http://h/0#b", "http://h/0#c"), doubling(14, func(next string) string {
			return references("merge", "http://r/?"+next, next)
		}), "http://", "$.ignition.config.", 29},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, page := range slices.Collect(maps.Keys(c.pages)) {
				c.pages["http://r/?"+page] = references("replace", page)
			}
			w := &web{pages: c.pages}
			_, err := render(t, w, c.root)
			var at interface {
				Origin() (diag.Place, string)
				Hint() string
			}
			if !errors.Is(err, ErrTooMany) || !errors.As(err, &at) {
				t.Fatalf("got %v", err)
			}
			place, path := at.Origin()
			if !strings.HasPrefix(place.File, c.at) || place.Line != 1 || place.Column < 40 || !strings.HasPrefix(path, c.path) {
				t.Errorf("it went over at %s (%s)", place, path)
			}
			if !strings.Contains(err.Error(), fmt.Sprint(MaxConfigs)) || at.Hint() == "" {
				t.Errorf("got %q, %q", err, at.Hint())
			}
			if len(w.fetched) > MaxConfigs || len(w.asked) > c.fetched {
				t.Errorf("merged %d, fetched %v", len(w.fetched), w.asked)
			}
			for source, n := range w.asked {
				if n != 1 {
					t.Errorf("%s was fetched %d times", source, n)
				}
			}
		})
	}
	w := &web{pages: map[string]string{}}
	for _, page := range wide[1:] {
		w.pages[page] = file("/x")
	}
	if _, err := render(t, w, references("merge", wide[1:]...)); err != nil {
		t.Errorf("with as many as may be: %v", err)
	}
}

// TestLimitsInDocs checks that the pages for people state the limits that hold.
func TestLimitsInDocs(t *testing.T) {
	for _, name := range []string{"../../docs/differences.md", "../../docs/fetching.md"} {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			fmt.Sprintf("%d levels deep", MaxReferences), fmt.Sprintf("%d referenced configs", MaxConfigs), fmt.Sprintf("%d MiB", MaxConfig>>20),
		} {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s lacks %q", name, want)
			}
		}
	}
}

func TestRenderInvalidChild(t *testing.T) {
	_, err := render(t, &web{pages: map[string]string{"http://h/a": "{\n" + file("rel")[1:]}}, references("merge", "http://h/a"))
	var invalid *InvalidError
	if !errors.As(err, &invalid) {
		t.Fatalf("got %v", err)
	}
	if got := invalid.Report.Errors()[0].Place().String(); got != "http://h/a:2:60" {
		t.Errorf("the finding is at %s", got)
	}
}

// TestRenderWarns checks that a child which replaces only a source is told what it keeps, at its place.
func TestRenderWarns(t *testing.T) {
	root := `{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"http://h/a"}]}},"storage":{"files":[{"path":"/f",
		"contents":{"source":"http://h/1","compression":"gzip"}}]}}`
	child := "{\"ignition\":{\"version\":\"3.4.0\"},\n\"storage\":{\"files\":[{\"path\":\"/f\",\"contents\":{\"source\":\"http://h/2\"}}]}}"
	doc, err := render(t, &web{pages: map[string]string{"http://h/a": child}}, root)
	if err != nil {
		t.Fatal(err)
	}
	report := config.Validate(doc)
	if len(report) != 1 || report[0].Code != "W001" || report[0].Place().String() != "http://h/a:2:55" || report.HasErrors() {
		t.Errorf("the report is %v", report)
	}
}
