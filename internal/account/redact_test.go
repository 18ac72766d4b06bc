// SPDX-License-Identifier: Apache-2.0

package account

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/types"
)

// canary is in every hash of these tests, and only there.
const canary = "CANARY"

// config returns the entry of a config that asks for a step.
func (s step) config() types.Passwd {
	opt := func(v string) *string {
		if v == "" {
			return nil
		}
		return &v
	}
	switch {
	case s.user != nil:
		r := s.user
		return types.Passwd{Users: []types.User{{
			Name: r.Name, PasswordHash: r.Password, UID: r.UID, Gecos: opt(r.GECOS), HomeDir: opt(r.Home),
			NoCreateHome: &r.NoCreateHome, PrimaryGroup: opt(r.PrimaryGroup), Groups: r.Groups,
			NoUserGroup: &r.NoUserGroup, Shell: opt(r.Shell), System: &r.System,
		}}}
	case s.group != nil:
		r := s.group
		return types.Passwd{Groups: []types.Group{{
			Name: r.Name, GID: r.GID, PasswordHash: opt(r.Password), System: &r.System,
		}}}
	case s.gone != "":
		return types.Passwd{Users: []types.User{{Name: s.gone, ShouldExist: p(false)}}}
	}
	return types.Passwd{Groups: []types.Group{{Name: s.goneG, ShouldExist: p(false)}}}
}

// sameByTemplate edits texts by a config as they are, and as templates that are written, read and restored, and
// compares. It returns the texts after it.
func sameByTemplate(t *testing.T, texts Texts, config types.Passwd) Texts {
	t.Helper()
	real := Parse(texts, today)
	want := real.Configure(config)

	secrets := map[string]string{}
	redactedConfig := RedactConfig(config, func(path, secret string) string {
		handle := strings.TrimPrefix(path, "$.")
		secrets[handle] = secret
		return handle
	})
	redacted := texts.Redact()
	if diff := cmp.Diff(redacted, redacted.Redact()); diff != "" {
		t.Errorf("redacted twice: %s", diff)
	}
	editor := Parse(redacted, today)
	got := editor.Configure(redactedConfig)
	if diff := cmp.Diff(outcomes(want), outcomes(got)); diff != "" {
		t.Errorf("results: -texts +templates\n%s", diff)
	}
	written, err := json.Marshal(editor.Changed())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(written), canary) {
		t.Errorf("a hash is in the template: %s", written)
	}
	var template Texts
	if err := json.Unmarshal(written, &template); err != nil {
		t.Fatal(err)
	}
	restored, err := template.Restore(texts, func(handle string) (string, bool) {
		secret, known := secrets[handle]
		return secret, known
	})
	if err != nil {
		t.Fatalf("%v in\n%s", err, written)
	}
	if diff := cmp.Diff(real.Changed(), restored); diff != "" {
		t.Errorf("files: -texts +templates\n%s", diff)
	}
	for f, text := range restored.Redact() {
		if predicted := template.Redact()[f]; predicted != text {
			t.Errorf("%s: predicted -, observed +\n%s", f, cmp.Diff(predicted, text))
		}
	}
	after := maps.Clone(texts)
	maps.Copy(after, restored)
	return after
}

func outcomes(results []Result) []string {
	var lines []string
	for _, r := range results {
		lines = append(lines, fmt.Sprintf("%v %d %+v %v", r.Group, r.Index, r.Change, r.Err))
	}
	return lines
}

// TestTemplates: an edit that is carried as templates does what the edit itself does, for every case that is
// compared with the shadow suite, and with its steps in one config.
func TestTemplates(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			texts := start()
			for _, change := range c.start {
				change(texts)
			}
			for f, text := range texts {
				texts[f] = strings.ReplaceAll(text, "$6$old$old", "$6$old$"+canary)
			}
			var all types.Passwd
			for _, s := range c.steps {
				one := s.config()
				all.Users, all.Groups = append(all.Users, one.Users...), append(all.Groups, one.Groups...)
			}
			sameByTemplate(t, texts, all)
			for _, s := range c.steps {
				texts = sameByTemplate(t, texts, s.config())
			}
		})
	}
}

// TestRandomTemplates does the same with random files and configs.
func TestRandomTemplates(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 14))
		if sameByTemplate(t, randomTexts(r), randomConfig(r)); t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func randomHash(r *rand.Rand) string {
	secret := fmt.Sprintf("$6$%d$%s", r.IntN(100), canary)
	return pick(r, "", "x", "*", "!", "!!", "!*", secret, secret, "!"+secret, "!!"+secret, "{keep /etc/shadow 1}"+canary)
}

func randomTexts(r *rand.Rand) Texts {
	names := []string{"root", "a", "b", "c", "d", "{keep", "\xe9t\xe9"}
	texts := start()
	line := func(f File, format string, args ...any) {
		texts[f] += fmt.Sprintf(format, args...) + pick(r, "\n", "\n", "\n", "\n", "\n", "\n", "\n\n")
	}
	odd := func(f File) {
		if r.IntN(3) == 0 {
			line(f, "%s", pick(r, "# "+canary, "+::::::", "-@net:"+canary, canary, "q:"+canary, "  ", "a:"+canary+":1", ":"+canary+":0:0:::"))
		}
	}
	for range r.IntN(8) {
		n := pick(r, names...)
		line(Passwd, "%s:%s:%d:%d:%s:/home/%s:/bin/sh", n, randomHash(r), r.IntN(1500), r.IntN(1500), pick(r, "", "M\xfcller", "{keep /etc/shadow 1}"), n)
		odd(Passwd)
		line(Shadow, "%s:%s:%d:0:99999:7:::", pick(r, names...), randomHash(r), r.IntN(20000))
		odd(Shadow)
		line(Group, "%s:%s:%d:%s", pick(r, names...), randomHash(r), r.IntN(1500), pick(r, "", "a", "a,b", "{keep,b"))
		odd(Group)
		line(GShadow, "%s:%s:%s:%s", pick(r, names...), randomHash(r), pick(r, "", "a"), pick(r, "", "a", "b,a"))
		odd(GShadow)
		texts[LibPasswd] += fmt.Sprintf("%s:%s:%d:%d::/:/bin/sh\n", pick(r, names...), randomHash(r), r.IntN(1500), r.IntN(1500))
		texts[LibGroup] += fmt.Sprintf("%s:%s:%d:\n", pick(r, names...), randomHash(r), r.IntN(1500))
	}
	for _, f := range Files() {
		switch r.IntN(8) {
		case 0:
			delete(texts, f)
		case 1:
			texts[f] = strings.TrimSuffix(texts[f], "\n")
		}
	}
	return texts
}

func randomConfig(r *rand.Rand) types.Passwd {
	var config types.Passwd
	names := []string{"a", "b", "c", "d", "e", "{keep", "admin", "root"}
	for range r.IntN(4) {
		g := types.Group{Name: pick(r, names...), ShouldExist: p(r.IntN(4) > 0)}
		if r.IntN(2) == 0 {
			g.PasswordHash = p(randomHash(r))
		}
		config.Groups = append(config.Groups, g)
	}
	for range r.IntN(5) {
		u := types.User{Name: pick(r, names...), ShouldExist: p(r.IntN(4) > 0), Gecos: p(pick(r, "", "{secret x}"))}
		if r.IntN(2) == 0 {
			u.PasswordHash = p(randomHash(r) + pick(r, "", "", "", "", ":"+canary, "\n"))
		}
		if r.IntN(2) == 0 {
			u.Groups = []string{pick(r, names...), pick(r, names...)}
		}
		if r.IntN(3) == 0 {
			u.PrimaryGroup = p(pick(r, names...))
		}
		config.Users = append(config.Users, u)
	}
	return config
}

// TestRestoreRefuses: a template that does not fit the files, or that holds a hash, is an error without a hash.
func TestRestoreRefuses(t *testing.T) {
	current := start()
	for _, c := range []struct{ name, shadow, want string }{
		{"no such line", "admin:{keep /etc/shadow 99}:1::::::\n", "/etc/shadow has no line 99 any more"},
		{"another account's line", "admin:{keep /etc/shadow 1}:1::::::\n", `line 1 of /etc/shadow is not the line of "admin" any more`},
		{"unknown secret", "admin:{secret a.b}:1::::::\n", `the config has no password hash "a.b"`},
		{"bad secret", "admin:{secret bad}:1::::::\n", "may not contain a colon"},
		{"hash", "admin:$6$" + canary + ":1::::::\n", "a hash where a placeholder should be"},
		{"other file", "admin:{keep /etc/hostname 1}:1::::::\n", "a hash where a placeholder should be"},
		{"text", canary + "\n", "text where a placeholder should be"},
	} {
		_, err := Texts{Shadow: c.shadow}.Restore(current, func(handle string) (string, bool) {
			return "a:b", handle == "bad"
		})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
}

// TestTextsJSON: texts survive JSON byte for byte, and only what needs it is encoded.
func TestTextsJSON(t *testing.T) {
	texts := Texts{Passwd: "a:x:1:1:M\xfcller:/:\n", Group: "b:{keep /etc/group 1}:1:\n"}
	data, err := json.Marshal(texts)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"/etc/group":"b:{keep /etc/group 1}:1:\n","/etc/passwd":{"base64":"YTp4OjE6MTpN/GxsZXI6LzoK"}}`
	if string(data) != want {
		t.Errorf("got %s", data)
	}
	var back Texts
	if err := json.Unmarshal(data, &back); err != nil || cmp.Diff(texts, back) != "" {
		t.Errorf("%v, %s", err, cmp.Diff(texts, back))
	}
	for _, bad := range []string{`[]`, `{"/etc/passwd":1}`, `{"/etc/passwd":{"base64":1}}`} {
		if json.Unmarshal([]byte(bad), &back) == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// FuzzRedact: restoring templates that nobody edited changes nothing, whatever the files hold, and their password fields
// hold no hash.
func FuzzRedact(f *testing.F) {
	for _, text := range start() {
		f.Add(text)
	}
	f.Add("a:{keep /etc/shadow 1}:1:1:::\n{keep /etc/passwd 9}\n b:!h:1:1\n+x:h:::\n#c:h\r\nd:h::::::::\n\xff:h:1:\n")
	f.Fuzz(func(t *testing.T, text string) {
		texts := Texts{}
		for _, file := range Sources() {
			texts[file] = text
		}
		templates := texts.Redact()
		if diff := cmp.Diff(templates, templates.Redact()); diff != "" {
			t.Errorf("redacted twice: %s", diff)
		}
		restored, err := templates.Restore(texts, func(string) (string, bool) { return "", false })
		if err != nil || len(restored) > 0 {
			t.Errorf("%q became %q, %v", text, restored, err)
		}
		for file, template := range templates {
			if !secret(file) {
				continue
			}
			for line := range strings.Lines(template) {
				fields := layoutOf(file).parse(strings.TrimSuffix(line, "\n"))
				if fields == nil {
					continue
				}
				if _, hash := splitLock(fields[1]); hash != "" && !strings.HasPrefix(hash, keepWord) {
					t.Errorf("%s: %q is left of %q", file, line, text)
				}
			}
		}
	})
}
