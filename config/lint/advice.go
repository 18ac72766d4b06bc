// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/types"
)

// quote quotes a value of the config for a message. The value must not be a secret.
func quote(s string) string { return strconv.Quote(diag.Cut(s, 80)) }

// diagPath makes the path of a finding.
func diagPath(steps []any) path.ContextPath { return path.New("json", steps...) }

// repeatedMembers reports members that an object has twice; the last one counts, objects being laid over each other.
func repeatedMembers(c *checker) {
	var walk func(n *doc.Node, steps []any)
	walk = func(n *doc.Node, steps []any) {
		var first map[string]int
		if n.Kind == doc.Object {
			first = make(map[string]int, len(n.Kids))
		}
		for i := range n.Kids {
			kid := &n.Kids[i]
			if n.Kind == doc.List {
				if len(kid.Kids) > 0 {
					walk(&kid.Node, join(steps, i))
				}
				continue
			}
			if j, ok := first[kid.Key]; ok {
				c.found.Add(diag.Diagnostic{
					Severity: c.rule.severity, Code: c.rule.id, Path: diagPath(join(steps, kid.Key)), Span: c.tree.KeySpan(kid),
					Summary: "the member " + quote(kid.Key) + " is given twice; the last one counts", Hint: "remove one of the two",
					Related: &diag.Related{Span: c.tree.KeySpan(&n.Kids[j]), Text: "the first one"},
				})
			} else {
				first[kid.Key] = i
			}
			if len(kid.Kids) > 0 {
				walk(&kid.Node, join(steps, kid.Key))
			}
		}
	}
	walk(&c.tree.Root, nil)
}

// eachResource calls f with every resource and its path.
func (c *checker) eachResource(f func(r *types.Resource, steps []any)) {
	i := &c.config.Ignition
	f(&i.Config.Replace, at("ignition", "config", "replace"))
	for j := range i.Config.Merge {
		f(&i.Config.Merge[j], at("ignition", "config", "merge", j))
	}
	for j := range i.Security.TLS.CertificateAuthorities {
		f(&i.Security.TLS.CertificateAuthorities[j], at("ignition", "security", "tls", "certificateAuthorities", j))
	}
	for j := range c.config.Storage.Files {
		file := &c.config.Storage.Files[j]
		f(&file.Contents, at("storage", "files", j, "contents"))
		for k := range file.Append {
			f(&file.Append[k], at("storage", "files", j, "append", k))
		}
	}
	for j := range c.config.Storage.Luks {
		f(&c.config.Storage.Luks[j].KeyFile, at("storage", "luks", j, "keyFile"))
	}
}

func plainHTTP(c *checker) {
	c.eachResource(func(r *types.Resource, steps []any) {
		scheme, _, _ := strings.Cut(strings.ToLower(types.Text(r.Source)), "://")
		if (scheme == "http" || scheme == "tftp") && r.Verification.Hash == nil {
			c.add(finding{
				summary: "fetched by " + scheme + " without a hash: whoever is on the network can change it",
				hint:    "use https, or add verification.hash", steps: join(steps, "source"), to: len(scheme),
			})
		}
	})
}

// usualModes are octal permissions that people set, as numbers.
var usualModes = []int{
	0o400, 0o440, 0o444, 0o500, 0o550, 0o555, 0o600, 0o640, 0o644, 0o660, 0o664, 0o666, 0o700, 0o710, 0o711, 0o744, 0o750, 0o755, 0o770, 0o771,
	0o775, 0o777, 0o1755, 0o1770, 0o1777, 0o2750, 0o2755, 0o2770, 0o2775, 0o4555, 0o4711, 0o4750, 0o4755, 0o6755,
}

// decimalMode reports unusual modes whose decimal digits, read as octal, are a usual mode.
func decimalMode(c *checker) {
	check := func(mode *int, steps ...any) {
		if mode == nil || slices.Contains(usualModes, *mode) {
			return
		}
		meant, err := strconv.ParseInt(strconv.Itoa(*mode), 8, 32)
		if err != nil || !slices.Contains(usualModes, int(meant)) {
			return
		}
		c.add(finding{
			summary: fmt.Sprintf("mode %d is octal %04o (%s); octal %04o is %d", *mode, *mode, permissions(*mode), meant, meant),
			hint:    fmt.Sprintf("write %d in JSON, or 0%o in YAML", meant, meant), steps: steps,
		})
	}
	for i := range c.config.Storage.Directories {
		check(c.config.Storage.Directories[i].Mode, "storage", "directories", i, "mode")
	}
	for i := range c.config.Storage.Files {
		check(c.config.Storage.Files[i].Mode, "storage", "files", i, "mode")
	}
}

// permissions prints a mode as ls does.
func permissions(mode int) string {
	out := []byte("rwxrwxrwx")
	for i := range out {
		if mode&(1<<(8-i)) == 0 {
			out[i] = '-'
		}
	}
	for i, bit := range []struct {
		mask int
		c    byte
	}{{0o4000, 's'}, {0o2000, 's'}, {0o1000, 't'}} {
		if mode&bit.mask == 0 {
			continue
		}
		if at := 3*i + 2; out[at] == '-' {
			out[at] = bit.c - 'a' + 'A'
		} else {
			out[at] = bit.c
		}
	}
	return string(out)
}

func volatilePath(c *checker) {
	c.eachPath(func(p string, steps []any) bool {
		for _, dir := range []string{"/proc", "/sys", "/dev", "/run", "/tmp"} {
			if strings.HasPrefix(p, dir+"/") {
				c.add(finding{
					summary: dir + " is mounted over at every boot: the booted machine does not see " + quote(p),
					hint:    "use another directory, or a file in /etc/tmpfiles.d that makes it at boot", steps: join(steps, "path"), to: len(dir),
				})
			}
		}
		return true
	})
}

func swapPath(c *checker) {
	for i := range c.config.Storage.Filesystems {
		if f := &c.config.Storage.Filesystems[i]; types.Text(f.Format) == "swap" && types.Text(f.Path) != "" {
			c.add(finding{
				summary: "a swap area has no mount point", hint: "remove path; a .swap unit activates the area",
				steps: at("storage", "filesystems", i, "path"),
			})
		}
	}
}

func mountWithoutUnit(c *checker) {
	units := map[string]bool{}
	for i := range c.config.Systemd.Units {
		units[c.config.Systemd.Units[i].Name] = true
	}
	for i := range c.config.Storage.Files {
		if c.config.Storage.Files[i].Path == "/etc/fstab" {
			return
		}
	}
	elsewhere := []string{"/", "/usr", "/boot", "/boot/efi", "/efi"} // mounted by the initramfs or by systemd's generator
	for i := range c.config.Storage.Filesystems {
		f := &c.config.Storage.Filesystems[i]
		p := types.Text(f.Path)
		if !strings.HasPrefix(p, "/") || types.Text(f.Format) == "swap" || slices.Contains(elsewhere, p) {
			continue
		}
		if unit := escapePath(p) + ".mount"; !units[unit] {
			c.add(finding{
				summary: "nothing mounts this filesystem on " + quote(p) + " once the machine is booted: the config has no unit " + quote(unit),
				hint:    "add that unit with What=" + diag.Cut(f.Device, 80) + " and Where=" + diag.Cut(p, 80) + "; in YAML, with_mount_unit: true adds it",
				steps:   at("storage", "filesystems", i, "path"),
			})
		}
	}
}

// mountTwice reports filesystems with the path of another: the one that is mounted later hides the other.
func mountTwice(c *checker) {
	first := map[string]int{}
	for i := range c.config.Storage.Filesystems {
		p := types.Text(c.config.Storage.Filesystems[i].Path)
		j, twice := first[p]
		if p == "" || !twice {
			first[p] = i
			continue
		}
		c.add(finding{
			summary: "another filesystem has the path " + quote(p) + " too: one hides the other", hint: "give each filesystem a path of its own",
			steps: at("storage", "filesystems", i, "path"), other: at("storage", "filesystems", j, "path"), otherText: "the other filesystem",
		})
	}
}

// joinedArguments reports kernel arguments with a blank outside of double quotes.
func joinedArguments(c *checker) {
	k := &c.config.KernelArguments
	for name, list := range map[string][]string{"shouldExist": k.ShouldExist, "shouldNotExist": k.ShouldNotExist} {
		for i, argument := range list {
			quoted := false
			for at, r := range argument {
				if r == '"' {
					quoted = !quoted
				}
				if r != ' ' || quoted {
					continue
				}
				c.add(finding{
					summary: "this entry has several kernel arguments; it is compared as one", hint: "write each argument as an entry of its own: " + entries(argument),
					steps: []any{"kernelArguments", name, i}, from: at, to: at + 1,
				})
				break
			}
		}
	}
}

// notPublicKey reports what people write in place of a public key.
func notPublicKey(c *checker) {
	for i := range c.config.Passwd.Users {
		for j, key := range c.config.Passwd.Users[i].SSHAuthorizedKeys {
			steps := at("passwd", "users", i, "sshAuthorizedKeys", j)
			name := string(key)
			switch {
			case strings.Contains(name, "PRIVATE KEY-----"):
				c.add(finding{
					summary: "this is a private key; sshd(8) needs the public key", steps: steps,
					hint: "write the line of the .pub file, and make a new pair of keys: whoever can read the config has the private one",
				})
			case !strings.ContainsAny(name, " \t") && (strings.HasSuffix(name, ".pub") || strings.HasPrefix(name, "/") || strings.HasPrefix(name, "~/")):
				c.add(finding{
					summary: "this is the name of a file, not a public key", steps: steps,
					hint: "write the line that the file has; in YAML, ssh_authorized_keys_local reads it from the files directory",
				})
			}
		}
	}
}

func joinedOptions(c *checker) {
	check := func(options []string, steps ...any) {
		for i, o := range options {
			blank := strings.IndexAny(o, " \t")
			if blank < 0 || o[0] != '-' || strings.Contains(o[:blank], "=") {
				continue
			}
			c.add(finding{
				summary: "the option " + quote(o[:blank]) + " and its value are one argument, which the program does not understand",
				hint:    fmt.Sprintf("write them as two entries: %q, %q", diag.Cut(o[:blank], 80), "VALUE"), steps: join(steps, i), from: blank, to: blank + 1,
			})
		}
	}
	s := &c.config.Storage
	for i := range s.Raid {
		check(s.Raid[i].Options, "storage", "raid", i, "options")
	}
	for i := range s.Filesystems {
		check(s.Filesystems[i].Options, "storage", "filesystems", i, "options")
		check(s.Filesystems[i].MountOptions, "storage", "filesystems", i, "mountOptions")
	}
	for i := range s.Luks {
		check(s.Luks[i].Options, "storage", "luks", i, "options")
		check(s.Luks[i].OpenOptions, "storage", "luks", i, "openOptions")
	}
}

func plainPassword(c *checker) {
	check := func(hash *string, steps ...any) {
		if h := types.Text(hash); h != "" && !isCrypt(h) {
			c.add(finding{
				summary: "passwordHash is not a hash of crypt(5): nobody can log in with it",
				hint:    "mkpasswd --method=yescrypt reads a password and prints its hash", steps: steps,
			})
		}
	}
	for i := range c.config.Passwd.Groups {
		check(c.config.Passwd.Groups[i].PasswordHash, "passwd", "groups", i, "passwordHash")
	}
	for i := range c.config.Passwd.Users {
		check(c.config.Passwd.Users[i].PasswordHash, "passwd", "users", i, "passwordHash")
	}
}

// isCrypt reports whether a text has one of the forms of crypt(5), or says that there is no password.
func isCrypt(hash string) bool {
	h := strings.TrimLeft(hash, "!")
	switch {
	case h == "" || h == "*" || h == "x" || strings.HasPrefix(h, "*"):
		return true
	case h[0] == '$':
		return strings.Count(h, "$") >= 2
	}
	const des, bsdi = 13, 20
	plain := func(s string) bool {
		return strings.IndexFunc(s, func(r rune) bool {
			return r != '.' && r != '/' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) < 0
	}
	return len(h) == des && plain(h) || len(h) == bsdi && h[0] == '_' && plain(h[1:])
}
