// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/sys"
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
