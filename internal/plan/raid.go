// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// RAID makes all arrays: existing ones are never reused.
func RAID(b *builder) {
	named := b.nameDevices(RAIDPaths(b.c))
	for i, r := range b.c.Storage.Raid {
		path := at("storage", "raid", i)
		paths := arrayPaths(r.Name)
		o := op.CreateArray{Name: r.Name, Path: paths[0], Paths: paths[1:], Level: types.Text(r.Level), Devices: r.Devices, Options: r.Options}
		if r.Spares != nil {
			o.Spares = *r.Spares
		}
		if o.Spares < 0 || o.Spares >= len(r.Devices) {
			b.fail(path, fmt.Sprintf("array %s has %d devices, of which %d cannot be spares", r.Name, len(r.Devices), o.Spares), "have fewer spares than devices")
		}
		var lost []string
		for j, device := range r.Devices {
			node, d, ok := b.lookup(device)
			switch {
			case !ok:
				b.failMissing(at("storage", "raid", i, "devices", j), device)
			case d.Uses() != "":
				b.fail(at("storage", "raid", i, "devices", j), fmt.Sprintf("%s cannot become a member of %s: it is %s", device, r.Name, d.Uses()),
					freeIt+"; an array that exists is not reused")
			case len(d.Signatures)+len(d.Udev) > 0 && !d.Unfinished:
				lost = append(lost, describe(d)+" on "+device)
			}
			o.Nodes = append(o.Nodes, node)
		}
		o.Destroy = strings.Join(lost, ", ")
		if !b.report.HasErrors() {
			b.add(path, o, "", named...)
		}
	}
}
