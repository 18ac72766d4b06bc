// SPDX-License-Identifier: Apache-2.0

package files

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// policy returns a directory with Debian's SELinux policy as a target has it at /etc/selinux. It is built once and kept.
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

// TestLabels has Debian's setfiles and policy label a target, and Debian's matchpathcon say what the label of each node that the run
// has made or changed ought to be.
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
	labelled := 0
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
		label := make([]byte, 256)
		n, err := unix.Lgetxattr(filepath.Join(m.dir, w[2]), "security.selinux", label)
		if err != nil {
			n = 0
		}
		got := strings.TrimRight(string(label[:n]), "\x00")
		if got != strings.TrimSpace(string(want)) && strings.TrimSpace(string(want)) != "<<none>>" {
			t.Errorf("%s has label %q, want %q", w[2], got, want)
		}
		labelled++
	}
	if labelled < 20 {
		t.Errorf("only %d nodes were looked at", labelled)
	}
}
