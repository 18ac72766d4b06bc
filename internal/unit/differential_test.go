// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/google/go-cmp/cmp"
)

// library are the units that every tree has, by path; "->" makes a link.
var library = map[string]string{
	"usr/lib/systemd/system/plain.service":       "[Install]\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/multi-user.target":   "[Unit]\n",
	"usr/lib/systemd/system/sockets.target":      "[Unit]\n",
	"usr/lib/systemd/system/required.service":    "[Install]\nRequiredBy=multi-user.target sockets.target\n",
	"usr/lib/systemd/system/both.service":        "[Install]\nWantedBy=a.target\nRequiredBy=b.target\nAlias=other.service\nAlso=listen.socket\n",
	"usr/lib/systemd/system/listen.socket":       "[Socket]\nListenStream=1\n[Install]\nWantedBy=sockets.target\nAlso=both.service\n",
	"usr/lib/systemd/system/static.service":      "[Service]\nExecStart=/bin/true\n",
	"usr/lib/systemd/system/indirect.service":    "[Install]\nAlso=plain.service\n",
	"usr/lib/systemd/system/alsomiss.service":    "[Install]\nWantedBy=multi-user.target\nAlso=missing.service\n",
	"usr/lib/systemd/system/t@.service":          "[Install]\nWantedBy=w-%i.target multi@%i.target\nDefaultInstance=def\nAlias=al@.service\n",
	"usr/lib/systemd/system/u@.service":          "[Install]\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/v@.service":          "[Install]\nWantedBy=tpl@.target\nAlias=v2@.service\n",
	"usr/lib/systemd/system/getty@.service":      "[Install]\nWantedBy=getty.target\nDefaultInstance=tty1\n",
	"usr/lib/systemd/system/spec@.service":       "[Install]\nWantedBy=%p-%j.target x%%y.target %N.target\n",
	"usr/lib/systemd/system/a-b-c.service":       "[Install]\nWantedBy=%j-%p.target\n",
	"usr/lib/systemd/system/vendor.service":      "[Install]\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/aliased.service":     "-> plain.service",
	"usr/lib/systemd/system/alias2.service":      "-> /usr/lib/systemd/system/aliased.service",
	"usr/lib/systemd/system/masked.service":      "[Install]\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/empty.service":       "",
	"usr/lib/systemd/system/multi.timer":         "[Timer]\nOnBootSec=1\n[Install]\nWantedBy=timers.target\nWantedBy=\nWantedBy=basic.target\n",
	"usr/lib/systemd/system/continued.service":   "[Install]\nWantedBy=one.target \\\n  two.target \\\n# comment\n  three.target\n",
	"usr/lib/systemd/system/comments.service":    "# [Install]\n; WantedBy=no.target\n[Install]\n #x\nWantedBy = spaced.target\n[Unit]\nWantedBy=no.target\n",
	"usr/lib/systemd/system/unclosed.service":    "[Service\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/late.service":        "[Install]\nWantedBy=multi-user.target\n[Service\n",
	"usr/lib/systemd/system/text.service":        "text [Install]\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/after.service":       "[Install] x\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/junk.service":        "junk\n[Install]\njunk\n=junk\nWantedBy=multi-user.target\njunk",
	"usr/lib/systemd/system/comment.service":     "[Install]\n# c \\\nWantedBy=a.target \\\n; c\nb.target\n",
	"usr/lib/systemd/system/escaped.service":     "[Install]\nWantedBy=a.target\\\\\nRequiredBy=b.target\n",
	"usr/lib/systemd/system/cr.service":          "[Install]\rWantedBy=a.target\rRequiredBy=b.target\r",
	"usr/lib/systemd/system/bom.service":         "\ufeff[Install]\r\nWantedBy=a.target\r\n",
	"usr/lib/systemd/system/latin.service":       "[Unit]\nDescription=\xe9\n[Install]\nWantedBy=a.target\n",
	"usr/lib/systemd/system/quoted.service":      "[Install]\nWantedBy=\"a.target\" 'b.target' c\\x2dd.target\n",
	"usr/lib/systemd/system/openquote.service":   "[Install]\nWantedBy=a.target \"b.target\nWantedBy=c.target\n",
	"usr/lib/systemd/system/tab.service":         "[Install]\n\vWantedBy=a.target\nRequiredBy\t=\tb.target\n",
	"usr/lib/systemd/system/case.service":        "[Install]\nwantedby=a.target\n[install]\nWantedBy=b.target\n",
	"usr/lib/systemd/system/badalso.service":     "[Install]\nAlso=a.service;b.service\nWantedBy=c.target\n",
	"usr/lib/systemd/system/alsobad.service":     "[Install]\nAlso=unclosed.service plain.service\nWantedBy=c.target\n",
	"usr/lib/systemd/system/alsoesc.service":     "[Install]\nAlso=pl\\ain.service\nAlso=\nWantedBy=c.target\n",
	"usr/lib/systemd/system/alsoquote.service":   "[Install]\nAlso=\"plain.service\"\nWantedBy=c.target\n",
	"usr/lib/systemd/system/alsotype.service":    "[Install]\nAlso=plain\nWantedBy=c.target\n",
	"usr/lib/systemd/system/notempl.service":     "[Install]\nDefaultInstance=a\nWantedBy=c.target\n",
	"usr/lib/systemd/system/badinst@.service":    "[Install]\nDefaultInstance=a/b\nWantedBy=c.target\n",
	"usr/lib/systemd/system/noinst@.service":     "[Install]\nDefaultInstance=a\nDefaultInstance=\nWantedBy=c@.target\n",
	"etc/systemd/system/etcalias.service":        "-> /usr/lib/systemd/system/plain.service",
	"etc/systemd/system/etcalias@.service":       "-> /usr/lib/systemd/system/u@.service",
	"usr/lib/systemd/system/autovt@.service":     "-> getty@.service",
	"usr/lib/systemd/system/alsoetc.service":     "[Install]\nAlso=etcalias.service\nWantedBy=c.target\n",
	"usr/lib/systemd/system/baddr.service":       "[Install]\nWantedBy=multi-user.target\n",
	"etc/systemd/system/baddr.service.d/1.conf":  "[Unit\n",
	"usr/lib/systemd/system/badalias.service":    "[Install]\nAlias=x.socket\nAlias=good.service\n",
	"usr/lib/systemd/system/selfalias.service":   "[Install]\nAlias=selfalias.service\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/old.service":         "[Install]\nAlias=multi-user.target.wants/old.service\n",
	"usr/lib/systemd/system/dr.service":          "[Service]\nExecStart=/bin/true\n",
	"usr/lib/systemd/system/dr.service.d/5.conf": "[Install]\nWantedBy=lib.target\n",
	"usr/lib/systemd/system/dr.service.d/9.conf": "[Install]\nWantedBy=no.target\n",
	"etc/systemd/system/dr.service.d/9.conf":     "[Install]\nWantedBy=etc.target\n",
	"usr/lib/systemd/system/u@.service.d/1.conf": "[Install]\nWantedBy=%i.target\n",
	"etc/systemd/system/own.service":             "[Install]\nWantedBy=multi-user.target\n",
	"etc/systemd/system/vendor.service":          "[Install]\nWantedBy=override.target\n",
	"etc/systemd/system/masked.service":          "-> /dev/null",
	"etc/systemd/system/linked.service":          "-> /opt/far.service",
	"etc/systemd/system/samename.service":        "-> /opt/samename.service",
	"etc/systemd/system/dangling.service":        "-> /opt/nowhere.service",
	"opt/far.service":                            "[Install]\nWantedBy=multi-user.target\n",
	"opt/samename.service":                       "[Install]\nWantedBy=multi-user.target\n",
	"etc/systemd/system/x@one.service":           "-> /usr/lib/systemd/system/x@.service",
	"usr/lib/systemd/system/x@.service":          "[Install]\nWantedBy=multi-user.target\n",
	"usr/local/lib/systemd/system/local.path":    "[Path]\nPathExists=/x\n[Install]\nWantedBy=multi-user.target\n",
	"usr/lib/systemd/system/data.mount":          "[Mount]\nWhat=x\nWhere=/data\n[Install]\nWantedBy=local-fs.target\nRequiredBy=local-fs.target\n",
	"usr/lib/systemd/system/sw.swap":             "[Swap]\nWhat=x\n[Install]\nWantedBy=swap.target\n",
	"usr/lib/systemd/system/two.target":          "[Install]\nAlias=default.target\n",
	"usr/lib/systemd/system/templ@.socket":       "[Socket]\nListenStream=%i\n[Install]\nWantedBy=sockets.target\nDefaultInstance=80\n",
	"usr/lib/systemd/system/esc\\x2dape.service": "[Install]\nWantedBy=multi-user.target\n",
}

// sets are what is enabled, one after another.
var sets = []string{
	"plain.service", "required.service", "both.service", "listen.socket", "static.service", "indirect.service",
	"alsomiss.service", "t@.service", "t@x.service", "u@x.service", "u@x.service u@y.service", "v@.service", "v@x.service",
	"getty@.service", "getty@tty7.service", "spec@a-b.service", "a-b-c.service", "vendor.service", "aliased.service",
	"alias2.service", "masked.service", "empty.service", "multi.timer", "continued.service", "comments.service",
	"badalias.service", "selfalias.service", "old.service", "dr.service", "own.service", "linked.service",
	"samename.service", "dangling.service", "x@one.service", "x@two.service", "local.path", "data.mount", "sw.swap",
	"two.target", "templ@.socket", "templ@8080.socket", "missing.service", "missing@x.service", "u@.service",
	"plain.service required.service own.service local.path", "both.service plain.service both.service",
	"unclosed.service", "late.service", "text.service", "after.service", "junk.service", "comment.service",
	"escaped.service", "cr.service", "bom.service", "latin.service", "quoted.service", "openquote.service", "tab.service",
	"case.service", "badalso.service", "alsoesc.service", "alsoquote.service", "alsotype.service", "notempl.service",
	"badinst@.service", "badinst@x.service", "noinst@.service", "alsobad.service", "baddr.service",
	"both.service other.service", "autovt@x.service",
	"alsomiss.service missing.service", "aliased.service plain.service alias2.service",
	"esc\\x2dape.service", "multi-user.target", "getty@tty1.service getty@tty2.service plain.service t@.service",
}

func grow(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "usr/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("usr/lib", filepath.Join(dir, "lib")); err != nil {
		t.Fatal(err)
	}
	for name, text := range library {
		name = filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(name), 0o755)
		if err == nil {
			if target, ok := strings.CutPrefix(text, "-> "); ok {
				err = os.Symlink(target, name)
			} else {
				err = os.WriteFile(name, []byte(text), 0o644)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// linksOf lists all links below dir. Debian's systemctl says /lib where others say /usr/lib.
func linksOf(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type() == fs.ModeSymlink {
			target, _ := os.Readlink(name)
			if strings.HasPrefix(target, "/lib/") {
				target = "/usr" + target
			}
			found = append(found, strings.TrimPrefix(name, dir)+" -> "+target)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sort.Strings(found)
	return found
}

func systemctl(t *testing.T, dir string, words ...string) error {
	t.Helper()
	cmd := exec.Command("systemctl", append([]string{"--root", dir}, words...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Logf("systemctl %v: %v: %s", words, err, out)
	}
	return err
}

func make1(t *testing.T, dir string, l Link) {
	t.Helper()
	name := filepath.Join(dir, l.Path)
	if _, err := os.Lstat(name); err == nil {
		return
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(l.Target, name); err != nil {
		t.Fatal(err)
	}
}

// TestDifferential compares with systemctl, for every set: the links after enabling, whether the units are
// enabled then, and the links after disabling them again.
func TestDifferential(t *testing.T) {
	if _, err := exec.LookPath("systemctl"); err != nil {
		t.Skip("comparing with systemctl needs systemctl")
	}
	for _, set := range sets {
		t.Run(set, func(t *testing.T) {
			t.Parallel()
			names := strings.Fields(set)
			theirs := inTurn(t, names, systemctlTree{grow(t)})
			for way, open := range map[string]func(Tree) *Units{"one view": Read, "a view for each question": nil} {
				dir := grow(t)
				root, err := rootfs.Open(dir)
				if err != nil {
					t.Fatal(err)
				}
				defer root.Close()
				tree := ourTree{dir: dir, root: root}
				if open != nil {
					tree.view = open(root)
				}
				if diff := cmp.Diff(theirs, inTurn(t, names, tree)); diff != "" {
					t.Errorf("%s: -systemctl +ours:\n%s", way, diff)
				}
			}
		})
	}
}

// A changer enables and disables units below a directory.
type changer interface {
	enable(t *testing.T, name string)
	enabled(t *testing.T, name string) bool
	disable(t *testing.T, name string)
	where() string
}

// states are what is compared: all links after enabling, which units are enabled then, and all links after disabling.
type states struct {
	Enabled  []string
	State    map[string]bool
	Disabled []string
}

func inTurn(t *testing.T, names []string, c changer) states {
	t.Helper()
	s := states{State: map[string]bool{}}
	for _, name := range names {
		c.enable(t, name)
	}
	s.Enabled = linksOf(t, c.where())
	for _, name := range names {
		if strings.Contains(name, ".") {
			s.State[name] = c.enabled(t, name)
		}
	}
	for _, name := range names {
		c.disable(t, name)
	}
	s.Disabled = linksOf(t, c.where())
	return s
}

type systemctlTree struct{ dir string }

func (c systemctlTree) where() string                     { return c.dir }
func (c systemctlTree) enable(t *testing.T, name string)  { _ = systemctl(t, c.dir, "enable", name) }
func (c systemctlTree) disable(t *testing.T, name string) { _ = systemctl(t, c.dir, "disable", name) }
func (c systemctlTree) enabled(t *testing.T, name string) bool {
	return systemctl(t, c.dir, "is-enabled", name) == nil
}

type ourTree struct {
	dir  string
	root *rootfs.Root
	view *Units // nil: a new one for each question
}

func (c ourTree) where() string { return c.dir }

func (c ourTree) enable(t *testing.T, name string) {
	e, err := Enable(c.root, name)
	if c.view != nil {
		e, err = c.view.Enable(name)
	}
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrMasked) {
		t.Errorf("enable %s: %v", name, err)
	}
	for _, l := range e.Links {
		make1(t, c.dir, l)
	}
}

func (c ourTree) enabled(t *testing.T, name string) bool {
	on, err := Enabled(c.root, name)
	if c.view != nil {
		on, err = c.view.Enabled(name)
	}
	if err != nil {
		t.Errorf("is %s enabled: %v", name, err)
	}
	return on
}

func (c ourTree) disable(t *testing.T, name string) {
	removed, err := Disable(c.root, name)
	if c.view != nil {
		removed, err = c.view.Disable(name)
	}
	if err != nil {
		t.Errorf("disable %s: %v", name, err)
	}
	for _, l := range removed {
		if err := os.Remove(filepath.Join(c.dir, l)); err != nil {
			t.Error(err)
		}
	}
}

// TestLinkedNames: names that are links of the administrator. systemctl refuses to enable them; we enable what they lead
// to, since that is what a config which makes the link and enables the name asks for.
func TestLinkedNames(t *testing.T) {
	for name, want := range map[string]string{
		"etcalias.service":   "/etc/systemd/system/multi-user.target.wants/plain.service -> /usr/lib/systemd/system/plain.service",
		"etcalias@x.service": "/etc/systemd/system/multi-user.target.wants/u@x.service -> /usr/lib/systemd/system/u@.service",
		"alsoetc.service":    "/etc/systemd/system/multi-user.target.wants/plain.service -> /usr/lib/systemd/system/plain.service",
	} {
		root, err := rootfs.Open(grow(t))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		e, err := Enable(root, name)
		if err != nil || !slices.ContainsFunc(e.Links, func(l Link) bool { return l.Path+" -> "+l.Target == want }) {
			t.Errorf("%s: %v, %v", name, e.Links, err)
		}
	}
}

// TestWarnings: units that cannot be enabled are named with the reason.
func TestWarnings(t *testing.T) {
	root, err := rootfs.Open(grow(t))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for name, want := range map[string]string{
		"static.service":   `unit "static.service" is enabled, but has no install section so enable does nothing`,
		"unclosed.service": "enable unclosed.service: systemd cannot load it, so it is not enabled: /usr/lib/systemd/system/unclosed.service, line 1: a line that begins with [ does not end in ]",
		"alsotype.service": "enable alsotype.service: systemd cannot load it, so it is not enabled: /usr/lib/systemd/system/alsotype.service, line 2: \"plain\" in Also= is not the name of a unit",
	} {
		e, err := Enable(root, name)
		if diff := cmp.Diff([]string{want}, e.Warnings); err != nil || diff != "" || len(e.Links) > 0 {
			t.Errorf("%s: %v, %v, %s", name, err, e.Links, diff)
		}
	}
}

func TestPresetLines(t *testing.T) {
	got := PresetLines([]Preset{
		{"zz.service", true}, {"t@b.service", true}, {"a.service", false}, {"t@a.service", true}, {"s@.service", true},
	})
	want := []string{"disable a.service", "enable s@.service ", "enable t@.service b a", "enable zz.service"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestNames(t *testing.T) {
	root, err := rootfs.Open(grow(t))
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if names := Names(root); !slices.Contains(names, "plain.service") || slices.Contains(names, "dr.service.d") {
		t.Errorf("got %v", names)
	}
	if Extended(root) {
		t.Error("there are no system extensions")
	}
}

// FuzzInstall: no text of a unit makes the parser fail in a way of its own.
func FuzzInstall(f *testing.F) {
	for _, text := range library {
		f.Add(text, "t@x.service")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		var i Install
		_ = i.add(SplitName(name), "/x", text)
		var e Enablement
		e.add(File{Name: SplitName(name), Path: "/x", Install: i})
		_ = fmt.Sprint(e)
	})
}
