// SPDX-License-Identifier: Apache-2.0

package plan

import "github.com/firstlight-boot/firstlight/internal/op"

// KernelArguments passes all arguments to the distribution's helper in one call.
func KernelArguments(b *builder) {
	k := b.c.KernelArguments
	if len(k.ShouldExist)+len(k.ShouldNotExist) == 0 {
		return
	}
	o := op.SetKernelArguments{}
	for _, a := range k.ShouldExist {
		o.Present = append(o.Present, string(a))
	}
	for _, a := range k.ShouldNotExist {
		o.Absent = append(o.Absent, string(a))
	}
	b.add(at("kernelArguments"), o, "")
}
