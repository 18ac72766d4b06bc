// SPDX-License-Identifier: Apache-2.0

package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// policy returns a directory with Debian's SELinux policy as a target has it at /etc/selinux. It is built once and cached.
func policy(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"setfiles", "semodule", "matchpathcon"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("missing package: policycoreutils")
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Skip(err)
	}
	out, err := exec.Command("apt-cache", "policy", "selinux-policy-default").Output()
	_, candidate, _ := strings.Cut(string(out), "Candidate: ")
	version, _, _ := strings.Cut(candidate, "\n")
	if err != nil || version == "" || version == "(none)" {
		t.Skip("there is no package selinux-policy-default to be had")
	}
	dir := filepath.Join(cache, "firstlight", "selinux-"+version)
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("./mkpolicy", dir).CombinedOutput(); err != nil {
		t.Fatalf("build the policy: %v\n%s", err, out)
	}
	return dir
}

// TestLabels labels a target with Debian's setfiles and policy, and compares the labels of the nodes that the run made or
// changed with Debian's matchpathcon.
func TestLabels(t *testing.T) {
	selinux := policy(t)
	m := newMachine(t)
	m.grow(t, base+"f /etc/motd text\nd /srv\nd /var/log\nd /home")
	if err := os.CopyFS(filepath.Join(m.dir, "etc/selinux"), os.DirFS(selinux)); err != nil {
		t.Fatal(err)
	}
	doc, err := parse(`{"passwd":{"users":[{"name":"core","sshAuthorizedKeys":["k"]}],"groups":[{"name":"team"}]},
		"storage":{"directories":[{"path":"/srv/www"},{"path":"/var/log/app"}],
			"files":[{"path":"/etc/motd","append":[{"source":"data:,x"}]},{"path":"/usr/local/bin/tool","mode":493},
				{"path":"/etc/ssh/sshd_config.d/x.conf"},{"path":"/var/lib/new/deep/file"},{"path":"/etc/shadow.d/x"}],
			"links":[{"path":"/etc/localtime","target":"/usr/share/zoneinfo/UTC"}]},
		"systemd":{"units":[{"name":"u.service","enabled":true,"contents":"[Install]\nWantedBy=t.target\n",
			"dropins":[{"name":"x.conf","contents":"[Unit]\n"}]},{"name":"m.service","mask":true}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	before := tree(t, m.dir)
	m.labels = true
	if err := m.run(doc); err != nil {
		t.Fatal(err)
	}
	contexts := filepath.Join(m.dir, "etc/selinux/default/contexts/files/file_contexts")
	labeled := 0
	for _, line := range changes(before, tree(t, m.dir)) {
		w := strings.Fields(line)
		if w[0] != "+" || strings.HasPrefix(w[2], "/etc/selinux") {
			continue
		}
		want, err := exec.Command("matchpathcon", "-n", "-f", contexts, "-m", map[string]string{"d": "dir", "f": "file", "l": "lnk_file"}[w[1]], w[2]).Output()
		if err != nil {
			t.Errorf("label of %s: %v", w[2], err)
			continue
		}
		got := label(filepath.Join(m.dir, w[2]))
		if got != strings.TrimSpace(string(want)) && strings.TrimSpace(string(want)) != "<<none>>" {
			t.Errorf("%s has label %q, want %q", w[2], got, want)
		}
		labeled++
	}
	if labeled < 20 {
		t.Errorf("only %d nodes were looked at", labeled)
	}
}

// label returns the SELinux label of a node, or "".
func label(name string) string {
	text := make([]byte, 256)
	n, err := unix.Lgetxattr(name, "security.selinux", text)
	if err != nil {
		return ""
	}
	return strings.TrimRight(string(text[:n]), "\x00")
}

// TestLabelsOfOthers has setfiles label a target in which many nodes have custom labels. Only the written nodes may get
// another label.
func TestLabelsOfOthers(t *testing.T) {
	if _, err := exec.LookPath("setfiles"); err != nil {
		t.Skip("missing package: policycoreutils")
	}
	const old, written = "u:r:old_t:s0", "u:r:new_t:s0"
	m := newMachine(t)
	m.grow(t, base+`
f /etc/selinux/config SELINUXTYPE=hand\n
f /etc/selinux/hand/contexts/files/file_contexts /.*\s`+written+`\n
f /etc/motd text
f /srv/media/film data
f /srv/media/deep/film data
f /srv/a{b,c} data
f /srv/ab data
f /srv/x2dy.mount data
f /usr/share/zoneinfo/UTC data
f /dev/null -
f /var/lib/app/data data
d /etc/systemd/system/multi-user.target.wants
l /etc/systemd/system/multi-user.target.wants/other.service /usr/lib/systemd/system/other.service
f /home/old/document data 644 1000:1000
d /home/old 755 1000:1000
d /home/linked 755 1001:1001
l /root home/linked
f /home/linked/document data
f /home/linked/.ssh/known_hosts data
`)
	doc, err := parse(`{"passwd":{"users":[{"name":"old","sshAuthorizedKeys":["k"]},{"name":"root","sshAuthorizedKeys":["k"]},{"name":"core"}]},
		"storage":{
			"directories":[{"path":"/var/lib/app","mode":448},{"path":"/srv/*"},{"path":"/srv/new[1]/deep"}],
			"files":[{"path":"/srv/a?"},{"path":"/srv/x\\x2dy.mount"},{"path":"/srv/{ab,media}"},{"path":"/etc/motd","append":[{"source":"data:,x"}]}],
			"links":[{"path":"/var/lib/docker","target":"/srv/media"},{"path":"/etc/localtime","target":"../usr/share/zoneinfo/UTC"},
				{"path":"/etc/hard","target":"/srv/media/film","hard":true}]},
		"systemd":{"units":[{"name":"m.service","mask":true},
			{"name":"u.service","enabled":true,"contents":"[Install]\nWantedBy=multi-user.target new.target\n"}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(m.dir, func(name string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return unix.Lsetxattr(name, "security.selinux", []byte(old), 0)
	})
	if err != nil {
		t.Skip("labels cannot be set: " + err.Error())
	}
	m.labels = true
	if err := m.run(doc); err != nil {
		t.Fatal(err)
	}
	var got, without []string
	err = filepath.WalkDir(m.dir, func(name string, _ os.DirEntry, err error) error {
		switch l := label(name); {
		case l == written:
			got = append(got, strings.TrimPrefix(name, m.dir))
		case l != old:
			without = append(without, strings.TrimPrefix(name, m.dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(`/etc/.pwd.lock /etc/group /etc/group- /etc/gshadow /etc/gshadow- /etc/localtime /etc/motd /etc/passwd /etc/passwd-
		/etc/shadow /etc/shadow-
		/etc/systemd/system/m.service /etc/systemd/system/multi-user.target.wants/u.service
		/etc/systemd/system/new.target.wants /etc/systemd/system/new.target.wants/u.service /etc/systemd/system/u.service
		/etc/systemd/system-preset /etc/systemd/system-preset/20-ignition.preset
		/home/core /home/core/.profile
		/home/linked/.ssh/authorized_keys.d /home/linked/.ssh/authorized_keys.d/ignition
		/home/old/.ssh /home/old/.ssh/authorized_keys.d /home/old/.ssh/authorized_keys.d/ignition
		/srv/* /srv/a? /srv/new[1] /srv/new[1]/deep /srv/x\x2dy.mount /srv/{ab,media} /var/lib/docker`)
	sort.Strings(want)
	sort.Strings(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labeled: -want +got:\n%s", diff)
	}
	if len(without) > 0 {
		t.Errorf("without label: %q", without)
	}
}
