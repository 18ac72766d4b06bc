// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/op"
)

// TestHandlers: every kind of operation has a handler, and every handler a kind; the JSON form of each leads back to it.
func TestHandlers(t *testing.T) {
	all := handlers()
	for _, o := range op.Operations() {
		if _, ok := all[o.Kind()]; !ok {
			t.Errorf("no handler carries out %s", o.Kind())
		}
		delete(all, o.Kind())
		text, err := json.Marshal(op.Step{Op: o.Op})
		if err != nil {
			t.Fatal(err)
		}
		var back op.Step
		if err := json.Unmarshal(text, &back); err != nil || back.Op.Kind() != o.Kind() {
			t.Errorf("%s comes back as %v, %v", text, back.Op, err)
		}
	}
	for kind := range all {
		t.Errorf("no operation is of kind %s, which has a handler", kind)
	}
}
