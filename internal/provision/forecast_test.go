// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// image is a root filesystem with accounts.
const image = `f /etc/passwd root:x:0:0:root:/root:/bin/sh\nold:x:1000:1000::/home/old:/bin/sh\n
f /etc/group root:x:0:\nsudo:x:27:\nadm:x:4:\nold:x:1000:\n
f /etc/shadow root:*:1::::::\nold:!:1:0:99999:7:::\n
f /etc/gshadow root:*::\n
f /etc/login.defs USERGROUPS_ENAB yes\n
f /etc/motd welcome\n
d /etc/skel
d /home
d /var/mnt
l /mnt var/mnt
`

// wiped is a stage that destroys the contents of the first disk.
const wiped = `"disks":[{"device":"/dev/vda","wipeTable":true,"partitions":[{"number":1,"label":"data"}]}]`

// What is provably impossible stops the boot before the first effect.
func TestImpossible(t *testing.T) {
	for name, c := range map[string]struct{ passwd, storage, part, want string }{
		"unknown group": {
			passwd: `"users":[{"name":"core","groups":["wheel"]}]`, part: "accounts", want: `group "wheel" does not exist`,
		},
		"unknown group of a file": {
			storage: `"files":[{"path":"/etc/new","group":{"name":"wheel"}}]`, part: "files", want: `group "wheel" does not exist`,
		},
		"file that may not be overwritten": {
			storage: `"files":[{"path":"/etc/motd","contents":{"source":"data:,x"}}]`, part: "files", want: "/etc/motd exists already",
		},
		"file in the way of a directory": {
			storage: `"directories":[{"path":"/etc/motd/x"}]`, part: "files", want: "/etc/motd is a file, not a directory",
		},
		"mount path through a link": {
			storage: `"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"ext4","path":"/mnt/data"}]`,
			part:    "mount", want: "/mnt/data leads through a link to /var/mnt/data",
		},
		"mount path that is a link": {
			storage: `"filesystems":[{"device":"/dev/disk/by-partlabel/data","format":"ext4","path":"/mnt"}]`, part: "mount", want: "/mnt is a link to var/mnt",
		},
		"keys without a home": {
			passwd: `"users":[{"name":"core","noCreateHome":true,"sshAuthorizedKeys":["k"]}]`, part: "accounts",
			want: "the home directory /home/core does not exist",
		},
		"keys of a user whose home is missing": {
			passwd: `"users":[{"name":"old","sshAuthorizedKeys":["k"]}]`, part: "accounts", want: "the home directory /home/old does not exist",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, image, "vda")
			before := b.Digest()
			b.StopBefore(1)
			storage := wiped
			if c.storage != "" {
				storage += "," + c.storage
			}
			_, err := b.stage(document(t, `"passwd":{`+c.passwd+`},"storage":{`+storage+`}`)).Do(context.Background())
			var conflict *PlanError
			if !errors.As(err, &conflict) || conflict.Part != c.part || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, want one of %s with %q", err, c.part, c.want)
			}
			if seen := b.Effects(); len(seen) > 0 || b.Digest() != before {
				t.Errorf("the machine has seen %q", seen)
			}
		})
	}
}

// What lies on a filesystem that the boot makes empty is judged as it will be.
func TestMadeEmpty(t *testing.T) {
	for name, c := range map[string]struct{ start, passwd, path, want string }{
		"the home is on a new filesystem": {passwd: `"users":[{"name":"core","sshAuthorizedKeys":["k"]}]`, path: "/home"},
		"the home vanishes below a new filesystem": {
			start: "d /home/old", passwd: `"users":[{"name":"old","sshAuthorizedKeys":["k"]}]`, path: "/home", want: "/home/old does not exist",
		},
	} {
		b := newBench(t, image+c.start, "vda")
		doc := document(t, `"passwd":{`+c.passwd+`},"storage":{`+wiped+`,"filesystems":[{"device":"/dev/vda1","format":"ext4","path":"`+c.path+`"}]}`)
		_, err := b.stage(doc).Do(context.Background())
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
		if c.want != "" && len(b.Effects()) > 0 {
			t.Errorf("%s: the machine has seen %q", name, b.Effects())
		}
	}
}

// What cannot be known before it is done is listed, and stops nothing.
func TestUnknown(t *testing.T) {
	const motd = `"files":[{"path":"/etc/motd","contents":{"source":"data:,x"}}]`
	for name, c := range map[string]struct {
		storage string
		blind   bool // the root cannot be looked at
		want    string
	}{
		"the root cannot be looked at": {storage: wiped + "," + motd, blind: true, want: "files: the root filesystem: it is not mounted yet"},
		"the config makes the root": {
			storage: wiped + `,"filesystems":[{"device":"/dev/vda1","format":"ext4","path":"/"}],` + motd,
			want:    "files: the root filesystem: the config makes it",
		},
		"the filesystem is kept": {
			storage: `"filesystems":[{"device":"/dev/vdb1","format":"ext4","path":"/var"}],"files":[{"path":"/var/x","contents":{"source":"data:,x"}}],` + wiped,
			want:    "files: /var/x: what exists there shows when its filesystem is mounted",
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, image, "vda", "vdb")
			first := `"storage":{"disks":[{"device":"/dev/vdb","partitions":[{"number":1}]}],"filesystems":[{"device":"/dev/vdb1","format":"ext4"}]}`
			if _, err := b.stage(document(t, first)).Do(context.Background()); err != nil {
				t.Fatal(err)
			}
			b.reboot()
			run := b.stage(document(t, `"storage":{`+c.storage+`}`))
			if c.blind {
				run.Peek = nil
			}
			var unknown []string
			run.Foreseen = func(_ facts.Facts, f Forecast) { unknown = f.Unknown }
			if _, err := run.Do(context.Background()); err != nil {
				t.Error(err)
			}
			if !slices.Contains(unknown, c.want) || !strings.Contains(b.log.String(), c.want) {
				t.Errorf("unknown is %q, want %q; the log is\n%s", unknown, c.want, b.log.String())
			}
		})
	}
}
