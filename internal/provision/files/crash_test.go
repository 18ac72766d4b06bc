// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/config"
)

// mixedStart and mixed are a stage of many kinds of steps, including all that cannot simply be repeated: appended fragments,
// overwritten trees, moved and new homes, accounts, links, presets.
const mixedStart = base + `
f /etc/motd welcome\n 640 3:4
f /etc/issue issue
d /srv/data 700 5:5
f /srv/data/old text
f /srv/data/deep/er/file text
f /srv/file old 600
l /srv/link /etc
h /srv/name srv/file
d /home/old 700 1000:1000
f /home/old/f text 600 1000:1000
f /etc/subuid old:100000:65536\n
f /etc/subgid old:100000:65536\n
f /usr/lib/systemd/system/v.service [Install]\nWantedBy=multi-user.target\nAlso=w.socket\n
f /usr/lib/systemd/system/w.socket [Install]\nWantedBy=sockets.target\n
f /usr/lib/systemd/system/gone.service [Install]\nWantedBy=multi-user.target\nAlias=alias.service\n
l /etc/systemd/system/multi-user.target.wants/gone.service /usr/lib/systemd/system/gone.service
l /etc/systemd/system/alias.service /usr/lib/systemd/system/gone.service
l /etc/systemd/system/masked.service /dev/null
d /via/real
l /via/link real
`

func mixed(t testing.TB) string {
	var files []string
	for i := range 30 {
		files = append(files, fmt.Sprintf(`{"path":"/opt/d%d/f%d","mode":384,"user":{"id":%d},"contents":{"source":"data:,file%%20%d"}}`,
			i%5, i, i, i))
	}
	return `{"passwd":{
	"groups":[{"name":"team","gid":777},{"name":"adm","passwordHash":"h"}],
	"users":[
		{"name":"core","groups":["sudo","team"],"passwordHash":"secret","sshAuthorizedKeys":["k1","k2"]},
		{"name":"second","homeDir":"/var/home/second"},
		{"name":"old","homeDir":"/srv/home/old","uid":1500,"sshAuthorizedKeys":["k3"]}]},
	"storage":{
	"directories":[
		{"path":"/srv/data","overwrite":true,"mode":493},
		{"path":"/opt/d1","mode":448,"user":{"name":"core"}},
		{"path":"/new/deep/directory"},
		{"path":"/var/home/second","mode":457}],
	"files":[` + strings.Join(files, ",") + `,
		{"path":"/etc/motd","append":[{"source":"data:,one%0A"},{"source":"data:,two%0A"}],"mode":420},
		{"path":"/etc/issue","append":[{"source":"data:,x"},{"source":"data:,x"}]},
		{"path":"/home/core/.profile","append":[{"source":"data:,more%0A"}]},
		{"path":"/etc/group","append":[{"source":"data:,last:x:99:%0A"}]},
		{"path":"/srv/data/new","contents":{"source":"data:,in%20an%20overwritten%20directory"}},
		{"path":"/srv/data/deep/er/file","contents":{"source":"data:,again"}},
		{"path":"/srv/file","overwrite":true,"contents":{"source":"data:,replaced"},"user":{"name":"core"},"mode":2541},
		{"path":"/via/link/f","contents":{"source":"data:,x"}}],
	"links":[
		{"path":"/srv/link","overwrite":true,"target":"/usr"},
		{"path":"/new/l","target":"nowhere","user":{"id":4}},
		{"path":"/new/hard","target":"/opt/d1/f1","hard":true},
		{"path":"/new/hard2","target":"/new/hard","hard":true},
		{"path":"/srv/name","overwrite":true,"target":"/srv/file","hard":true}]},
	"systemd":{"units":[
		{"name":"own.service","enabled":true,"contents":"[Install]\nWantedBy=multi-user.target\nAlias=own2.service\n"},
		{"name":"v.service","enabled":true,"dropins":[{"name":"1.conf","contents":"[Unit]\n"}]},
		{"name":"gone.service","enabled":false},
		{"name":"masked.service","mask":false},
		{"name":"w.socket","mask":true}]}}`
}

var errStopped = errors.New("stopped")

// TestCrash stops a run before every change to the tree and runs again. The resulting tree must always be the same.
func TestCrash(t *testing.T) {
	doc, err := parse(mixed(t))
	if err != nil {
		t.Fatal(err)
	}
	whole := newMachine(t)
	whole.grow(t, mixedStart)
	effects := 0
	var mu sync.Mutex
	whole.before = func(string) error {
		mu.Lock()
		defer mu.Unlock()
		effects++
		return nil
	}
	if err := whole.run(doc); err != nil {
		t.Fatal(err)
	}
	want := tree(t, whole.dir)
	t.Logf("%d effects, %d syncs", effects, whole.syncs)
	for n := range effects {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			m.grow(t, mixedStart)
			switch err := m.stopAfter(doc, n); {
			case err == nil && n > effects-20: // concurrent steps share some changes
			case !errors.Is(err, errStopped):
				t.Fatalf("the run was not stopped: %v", err)
			}
			if n%3 == 0 { // stopped twice
				_ = m.stopAfter(doc, n/2+7)
			}
			m.before = nil
			if err := m.run(doc); err != nil {
				t.Fatalf("the second run: %v", err)
			}
			if diff := cmp.Diff(want, tree(t, m.dir)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// stopAfter runs until n changes were made. After that, nothing changes, not even for cleaning up.
func (m *machine) stopAfter(doc config.Document, n int) error {
	var mu sync.Mutex
	m.before = func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if n--; n < 0 {
			return errStopped
		}
		return nil
	}
	return m.run(doc)
}
