// SPDX-License-Identifier: Apache-2.0

package files

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestVolumesMadeAgain: after a power cut in the files stage, the disks stage makes volumes again, with other UUIDs and keys. What
// later boots need to open the volumes follows them, whenever the power was cut.
func TestVolumesMadeAgain(t *testing.T) {
	volumes := func(t *testing.T, m *machine, boot int) {
		for i, name := range []string{"one", "two"} {
			head := make([]byte, 4096)
			copy(head, "LUKS\xba\xbe\x00\x02")
			copy(head[168:], uuidOf(boot, i))
			if err := os.WriteFile(filepath.Join(filepath.Dir(m.dir), name), head, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m.state.LuksKeys = map[string]string{"one": fmt.Sprintf("data:,key%d", boot), "two": "data:,known"}
		m.state.LuksVolumeKeys = map[string]string{"/etc/zkey/one.skey": fmt.Sprintf("data:,card%d", boot)}
	}
	boots := func(t *testing.T, stops ...int) (nodes []string, stopped bool) {
		m := newMachine(t)
		m.grow(t, "d /etc\nf /etc/crypttab other\\sUUID=5\\s/etc/luks/one\\sluks,x-initrd.attach\\n 600\n")
		doc, err := parse(fmt.Sprintf(`{"storage":{"luks":[{"name":"one","device":"%[1]s/one"},{"name":"two","device":"%[1]s/two"}],
			"files":[{"path":"/etc/x","contents":{"source":"data:,x"}}]}}`, filepath.Dir(m.dir)))
		if err != nil {
			t.Fatal(err)
		}
		for i, n := range stops {
			volumes(t, m, i)
			err := m.stopAfter(doc, n)
			if err != nil && !errors.Is(err, errStopped) {
				t.Fatalf("stopped after %v changes: %v", stops, err)
			}
			stopped = stopped || err != nil
		}
		volumes(t, m, 5)
		m.before = nil
		if err := m.run(doc); err != nil {
			t.Fatalf("stopped after %v changes: %v", stops, err)
		}
		return tree(t, m.dir), stopped
	}
	want, _ := boots(t)
	n, runs := 0, 0
	for stopped := true; stopped; n++ {
		var got []string
		got, stopped = boots(t, n)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("stopped after %d changes: -want +got:\n%s", n, diff)
		}
		for again := range 4 {
			got, _ = boots(t, n, n*again/3)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("stopped after %d and %d changes: -want +got:\n%s", n, n*again/3, diff)
			}
			runs++
		}
	}
	t.Logf("%d stops, %d with a second one", n, runs)
}

func uuidOf(boot, i int) string { return fmt.Sprintf("%08d-0000-4000-8000-%012d", boot, i) }
