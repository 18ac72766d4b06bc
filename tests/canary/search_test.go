// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// A place is a destination that engine or tool writes to. A place that is not in the table must not have a secret.
type place struct {
	pattern string // path.Match on the name
	mode    fs.FileMode
	holds   string // names of canaries, with * at the end of a prefix; "*": all
	why     string
}

// places is the table of the places that have secrets by design.
var places = []place{
	{"run/cache", 0o640, "*", "the rendered config, which later stages read; /run is in memory, and the file is root's"},
	{"run/state", 0o600, "luks* fetchedKey", "keys of volumes on their way from the disks stage to the files stage"},
	{"root/etc/inline", 0o600, "inline", "what the config asks for"},
	{"root/etc/inline64", 0o600, "inline64", "what the config asks for"},
	{"root/etc/hashed", 0o600, "inlineHashed", "what the config asks for"},
	{"root/etc/fetched", 0o600, "fetched", "what the config asks for"},
	{"root/etc/zipped", 0o600, "zipped", "what the config asks for"},
	{"root/etc/child", 0o600, "childInline", "what the config asks for"},
	{"root/etc/motd", 0o644, "append*", "what the config asks for; the mode is that of the existing file"},
	{"root/etc/systemd/system/a.service", 0o644, "unit*", "units are readable for all, as systemd(1) has them"},
	{"root/etc/systemd/system/a.service.d/10-x.conf", 0o644, "dropin*", "as above"},
	{"root/etc/shadow", 0o600, "*Hash", "password hashes; the mode is that of the existing file"},
	{"root/etc/shadow-", 0o600, "*Hash", "the copy that shadow(5) has"},
	{"root/etc/gshadow", 0o600, "groupHash", "password hashes of groups"},
	{"root/etc/gshadow-", 0o600, "groupHash", "the copy that gshadow(5) has"},
	{"root/home/core/.ssh/authorized_keys.d/ignition", 0o600, "ssh*", "what the config asks for"},
	{"root/etc/.firstlight/spool-*", 0o600, "*", "contents on their way into their files, without a name"},
	{"tool text", 0, "unitDescription unitComment unitExec dropinExec ssh* hash*",
		"excerpts of the config for the person who wrote it: units but for environment and credentials, public keys, digests of payloads"},
	{"program clevis luks bind", 0, "thumbprint advertisement tang* clevisConfig", "it takes its config as an argument only: docs/decisions/0009-clevis-config.md"},
}

// holds reports whether a place may have a canary.
func (p place) holdsCanary(name string) bool {
	for _, h := range strings.Fields(p.holds) {
		if prefix, ok := strings.CutSuffix(h, "*"); ok && strings.HasPrefix(name, prefix) || h == name {
			return true
		}
		if suffix, ok := strings.CutPrefix(h, "*"); ok && strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// A searcher looks for canaries in the output of a case.
type searcher struct {
	all      map[string]secret
	reported string         // canaries that log and console may show in this case
	searched map[string]int // places, by name
	bytes    int
}

// look searches one place.
func (s *searcher) look(t *testing.T, name string, text []byte) {
	t.Helper()
	s.searched[name]++
	s.bytes += len(text)
	var p place
	for _, row := range places {
		if ok, _ := path.Match(row.pattern, name); ok {
			p = row
		}
	}
	lower := bytes.ToLower(text)
	switch name {
	case "syslog", "console", "run/failure", "log", "error":
		p.holds = s.reported
	}
	for canary, secret := range s.all {
		if secret.in(text, lower) && !p.holdsCanary(canary) {
			t.Errorf("%s shows %s: %s", name, canary, around(lower, secret))
		}
	}
}

// around returns the text next to a secret.
func around(lower []byte, s secret) []byte {
	for _, form := range s.forms {
		if at := bytes.Index(lower, form); at >= 0 {
			return lower[max(0, at-100):min(len(lower), at+len(form)+60)]
		}
	}
	return nil
}

// tree searches all files of a directory, and checks the modes of those with secrets.
func (s *searcher) tree(t *testing.T, dir, prefix string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if name == dir && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		rel := strings.TrimPrefix(name, dir)
		s.look(t, "names", []byte(rel))
		if !d.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		s.look(t, prefix+rel, text)
		info, err := d.Info()
		for _, p := range places {
			if ok, _ := path.Match(p.pattern, prefix+rel); ok && err == nil && info.Mode().Perm()&^p.mode != 0 {
				t.Errorf("%s has mode %o, and may hold secrets with %o", rel, info.Mode().Perm(), p.mode)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
