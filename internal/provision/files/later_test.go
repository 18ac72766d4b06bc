// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config/types"
)

const luksUUID = "0b2c8bd4-6b3d-4a3c-9d62-0d7b8d2a9a11"

// volume writes a file that begins like a LUKS2 device and returns its path.
func volume(t *testing.T, m *machine) string {
	t.Helper()
	head := make([]byte, 4096)
	copy(head, "LUKS\xba\xbe\x00\x02")
	copy(head[168:], luksUUID)
	name := filepath.Join(filepath.Dir(m.dir), "volume")
	if err := os.WriteFile(name, head, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestLuksFiles: crypttab and keys, with and without clevis bindings.
func TestLuksFiles(t *testing.T) {
	const tang = `,"clevis":{"tang":[{"url":"http://x","thumbprint":"y"}]}`
	for name, c := range map[string]struct {
		start, luks, err string
		keys             []string
		want             []string
	}{
		"key": {luks: ``, keys: []string{"data"}, want: []string{
			`+ f /etc/crypttab sha256:LINE 0600 0:0`, `+ d /etc/luks 0700 0:0`, `+ f /etc/luks/data secret 0600 0:0`,
		}},
		"tang":              {luks: tang, want: []string{`+ f /etc/crypttab sha256:LINE 0600 0:0`}},
		"tpm":               {luks: `,"clevis":{"tpm2":true}`, want: []string{`+ f /etc/crypttab sha256:LINE 0600 0:0`}},
		"key is gone":       {luks: ``, err: "was not left by the disks stage"},
		"key file is there": {start: "f /etc/luks/data other", keys: []string{"data"}, err: "exists already"},
		"lines are added": {start: "f /etc/crypttab other\\n 644", luks: tang, want: []string{
			`- f /etc/crypttab other\n 0644 0:0`, `+ f /etc/crypttab sha256:LINE 0600 0:0`,
		}},
		"a line is there already": {start: "f /etc/crypttab data\\sUUID=" + luksUUID + "\\snone\\sluks,_netdev,x-initrd.attach\\n 644",
			luks: tang, want: []string{`- f /etc/crypttab sha256:LINE 0644 0:0`, `+ f /etc/crypttab sha256:LINE 0600 0:0`}},
		"directory of keys is there": {start: "d /etc/luks 750 0:5", keys: []string{"data"}, want: []string{
			`+ f /etc/crypttab sha256:LINE 0600 0:0`, `+ f /etc/luks/data secret 0600 0:0`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.grow(t, "d /etc\n"+c.start)
			before := tree(t, m.dir)
			doc, err := parse(`{"storage":{"luks":[{"name":"data","device":"` + volume(t, m) + `"` + c.luks + `}]}}`)
			if err != nil {
				t.Fatal(err)
			}
			for _, k := range c.keys {
				m.state.LuksKeys = map[string]string{k: "data:;base64,c2VjcmV0"}
			}
			err = m.run(doc)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := changes(before, tree(t, m.dir))
			for i, l := range got {
				if at := strings.Index(l, "sha256:"); at >= 0 {
					got[i] = l[:at] + "sha256:LINE" + l[at+len("sha256:")+20:]
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			text, _ := os.ReadFile(filepath.Join(m.dir, "etc/crypttab"))
			line := "data UUID=" + luksUUID + " /etc/luks/data luks,x-initrd.attach\n"
			if strings.Contains(c.luks, "tang") {
				line = "data UUID=" + luksUUID + " none luks,_netdev,x-initrd.attach\n"
			} else if strings.Contains(c.luks, "tpm2") {
				line = "data UUID=" + luksUUID + " none luks,x-initrd.attach\n"
			}
			if !strings.HasSuffix(string(text), line) || strings.Count(string(text), line) != 1 {
				t.Errorf("crypttab is %q", text)
			}
		})
	}
}

// TestStateFiles: files of the platform and of crypto cards.
func TestStateFiles(t *testing.T) {
	m := newMachine(t)
	m.grow(t, "f /var/lib/pool old 600 3:4")
	before := tree(t, m.dir)
	pool, mode := "data:,pool", 0o640
	m.state.ProviderFiles = []types.File{{Node: types.Node{Path: "/var/lib/pool"}, Contents: types.Resource{Source: &pool}, Mode: &mode}}
	const key = "/etc/zkey/repository/ignition-luks-data.skey"
	m.state.LuksVolumeKeys = map[string]string{key: "data:,card"}
	doc, err := parse(`{"storage":{}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.run(doc); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"+ d /etc 0755 0:0", "+ d /etc/zkey 0755 0:0", "+ d /etc/zkey/repository 0755 0:0", "+ f " + key + " card 0600 0:0",
		"- f /var/lib/pool old 0600 3:4", "+ f /var/lib/pool pool 0640 0:0",
	}
	if diff := cmp.Diff(want, changes(before, tree(t, m.dir))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestRelabel: each part that writes calls setfiles once, with the nodes that it has made or changed.
func TestRelabel(t *testing.T) {
	config := `{"passwd":{"users":[{"name":"core"},{"name":"bare","noCreateHome":true}]},
		"storage":{"directories":[{"path":"/srv/a/b"}],"files":[{"path":"/etc/motd","append":[{"source":"data:,x"}]},
			{"path":"/new/dir/f"}],"links":[{"path":"/new/l","target":"x"}]},
		"systemd":{"units":[{"name":"u.service","enabled":true,"contents":"[Install]\nWantedBy=t.target\n"}]}}`
	for name, c := range map[string]struct{ start, err, want string }{
		"policy": {start: "f /etc/selinux/config SELINUX=enforcing\\nSELINUXTYPE=targeted\\n\nf /etc/motd text\nd /srv\nd /home", want: "" +
			"-vF0 -r ROOT ROOT/etc/selinux/targeted/contexts/files/file_contexts -f -\n" +
			"/etc/.pwd.lock /etc/group /etc/group- /etc/gshadow /etc/gshadow- /etc/passwd /etc/passwd- /etc/shadow /etc/shadow- /home/core\n" +
			"-vF0 -r ROOT ROOT/etc/selinux/targeted/contexts/files/file_contexts -f -\n" +
			"/etc/systemd/system/t.target.wants/u.service /etc/systemd/system/t.target.wants /etc/motd /etc/systemd /new /srv/a"},
		"no SELinux": {start: "f /etc/motd text"},
		"no policy":  {start: "f /etc/selinux/config SELINUX=disabled\\n\nf /etc/motd text", err: "no SELINUXTYPE"},
		"odd policy": {start: "f /etc/selinux/config SELINUXTYPE=../../..\\n\nf /etc/motd text", err: "no SELINUXTYPE"},
		"fails":      {start: "f /etc/selinux/config SELINUXTYPE=broken\\n\nf /etc/motd text", err: "setfiles"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.grow(t, base+c.start)
			m.labels = true
			out := filepath.Join(filepath.Dir(m.dir), "out")
			m.programs = map[string]string{"setfiles": filepath.Join(filepath.Dir(m.dir), "setfiles")}
			script := "#!/bin/sh\ncase $4 in *broken*) echo no >&2; exit 1;; esac\necho \"$@\" >>" + out + "\ntr '\\0' ' ' >>" + out + "\necho >>" + out + "\n"
			if err := os.WriteFile(m.programs["setfiles"], []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			doc, err := parse(config)
			if err != nil {
				t.Fatal(err)
			}
			err = m.run(doc)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(out)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			var calls []string
			for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
				calls = append(calls, strings.TrimSpace(strings.ReplaceAll(line, m.dir, []string{"ROOT", ""}[i%2])))
			}
			got := strings.Join(calls, "\n")
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
