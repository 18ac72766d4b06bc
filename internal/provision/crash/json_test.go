// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/journal"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

// readBack applies every plan after it was written as JSON and read back.
type readBack struct{ provision.Applier }

// Apply implements provision.Applier.
func (r readBack) Apply(ctx context.Context, p op.Plan, j *journal.Journal, loads op.Payloads) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	var again op.Plan
	if err := json.Unmarshal(text, &again); err != nil {
		return err
	}
	if written, err := json.Marshal(again); err != nil || string(written) != string(text) {
		return fmt.Errorf("a plan that was read back is another one: %w\n%s\n%s", err, text, written)
	}
	return r.Applier.Apply(ctx, again, j, loads)
}

// A plan that was written and read back makes the same machine with the same effects.
func TestPlansReadBack(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial := newTrial(t, name, c, &counts{})
			trial.reference()
			m := trial.start.Clone()
			if err := trial.boot().runWith(m, trial.doc, func(a provision.Applier) provision.Applier { return readBack{a} }); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(trial.want, trial.state(m)); d != "" {
				t.Errorf("another machine (-plan +plan read back)\n%s", d)
			}
		})
	}
}
