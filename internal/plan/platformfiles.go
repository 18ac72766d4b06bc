// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/op"
)

// planPlatformFiles writes the files that a platform wants in the target.
func planPlatformFiles(b *builder) {
	for _, f := range b.facts.Handover.PlatformFiles {
		b.leftFile(at(), f.Path, f.Mode, "the platform asks for it")
	}
}

// leftFile writes a file that an earlier stage has left, with its content, for the target root. It does not
// replace a directory.
func (b *builder) leftFile(p, name string, mode int, reason string) {
	place := b.facts.Tree.Place(name)
	if b.facts.Tree.Nodes[place].Type == "directory" {
		b.fail(p, fmt.Sprintf("%s is a directory, and firstlight writes a file there", name), "remove it from the target")
		return
	}
	b.addNode(p, place, op.WriteFile{
		Place: op.Place{Path: place, Replace: true}, Mode: mode,
		Content: &op.Content{Handle: op.LeftFile(name), Source: op.Inline},
	}, reason)
}
