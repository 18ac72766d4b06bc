// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// written is a disk that notes whether it was written to.
type written struct {
	sys.Disk
	n int
}

func (w *written) WriteAt(p []byte, _ int64) (int, error) { w.n++; return len(p), nil }
func (w *written) Zero(_, _ int64) error                  { w.n++; return nil }

// TestGuard: what the plan did not declare is not written to, not by a byte.
func TestGuard(t *testing.T) {
	for _, c := range []struct {
		extents        []probe.Extent
		offset, length int64
		ok             bool
	}{
		{[]probe.Extent{{Offset: 0, Length: 512}}, 0, 512, true},
		{[]probe.Extent{{Offset: 0, Length: 512}}, 1, 512, false},
		{[]probe.Extent{{Offset: 512, Length: 512}}, 511, 2, false},
		{[]probe.Extent{{Offset: 512, Length: 512}, {Offset: 0, Length: 512}}, 0, 1024, true},
		{[]probe.Extent{{Offset: 0, Length: 512}, {Offset: 1024, Length: 512}}, 0, 1536, false},
		{[]probe.Extent{{Offset: 0, Length: 4096}, {Offset: 512, Length: 512}}, 1024, 1024, true},
		{nil, 0, 1, false},
	} {
		w := &written{}
		g := &guarded{Disk: w, node: "/dev/vda"}
		g.allow(c.extents...)
		_, err := g.WriteAt(make([]byte, c.length), c.offset)
		zero := g.Zero(c.offset, c.length)
		if (err == nil) != c.ok || (zero == nil) != c.ok || (w.n > 0) != c.ok {
			t.Errorf("%d bytes at %d of %v: %v, %v, %d writes", c.length, c.offset, c.extents, err, zero, w.n)
		}
	}
}

// Every disk that is opened for writing is guarded.
func TestOnlyTheGuardOpensDisks(t *testing.T) {
	files, err := filepath.Glob("../*/*.go")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		opens := bytes.Contains(text, []byte(".OpenDisk("))
		if guard := name == "../apply/guard.go"; opens != guard && !strings.HasSuffix(name, "_test.go") {
			t.Errorf("%s opens disks for writing: %v", name, opens)
		}
	}
}

// A helper program gets the device that was judged, or does not run: a link that leads elsewhere since the plan was made is an error.
func TestLinksThatLeadElsewhere(t *testing.T) {
	m := fake.New("guard")
	m.AddDisk("vda", 64<<20, 512)
	m.AddDisk("vdb", 64<<20, 512)
	m.Boot()
	m.Settle()
	if err := m.MakeAlias("/dev/x", "/dev/vdb"); err != nil {
		t.Fatal(err)
	}
	before := m.Digest()
	machine := &Machine{Sys: m, Log: slog.New(slog.DiscardHandler)}
	for _, o := range []op.Op{
		op.MakeFilesystem{Device: "/dev/x", Node: "/dev/vda", Format: "ext4", Program: "mkfs.ext4"},
		op.EraseSignatures{Device: "/dev/x", Node: "/dev/vda"},
		op.MakeVolume{Name: "v", Device: "/dev/x", Node: "/dev/vda", Key: op.Key{Generated: true}},
		op.CreateArray{Name: "r", Level: "raid1", Devices: []string{"/dev/x"}, Nodes: []string{"/dev/vda"}},
	} {
		m.StopBefore(0)
		err := handle(context.Background(), machine, o)
		if err == nil || !strings.Contains(err.Error(), "/dev/x led to /dev/vda when the plan was made and leads to /dev/vdb now") {
			t.Errorf("%s: %v", o.Describe(), err)
		}
		if m.Digest() != before || len(m.Effects()) > 0 {
			t.Errorf("%s: %q", o.Describe(), m.Effects())
		}
	}
}
