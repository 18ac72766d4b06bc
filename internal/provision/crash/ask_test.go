// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/provision"
)

// mostRounds bounds the rounds of questions of a config: disks, tables, devices, regions.
const mostRounds = 6

// Questions end on every machine, before and after its disks stage: no question comes twice, answering changes nothing, and
// a second round of all questions finds the same facts.
func TestQuestions(t *testing.T) {
	for name, c := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial := newTrial(t, name, c, &counts{})
			blank := trial.start.Clone()
			done := trial.start.Clone()
			if err := trial.boot().run(done, trial.doc); err != nil {
				t.Fatal(err)
			}
			for _, m := range []interface {
				observe.System
				Effects() []string
			}{blank, done} {
				effects := len(m.Effects())
				for _, p := range provision.Of(provision.Disks) {
					var f facts.Facts
					asked := answered(t, m, p, trial, &f)
					again, err := f.Clone()
					if err != nil {
						t.Fatal(err)
					}
					for i := range asked {
						if err := observe.Answer(context.Background(), observe.Machine{System: m}, &asked[i], &again); err != nil {
							t.Fatal(err)
						}
					}
					if d := cmp.Diff(plain(t, f), plain(t, again)); d != "" {
						t.Errorf("%s: asked twice, the machine answers (-once +twice)\n%s", p.Name, d)
					}
				}
				if n := len(m.Effects()); n != effects {
					t.Errorf("looking at the machine has effects: %q", m.Effects()[effects:])
				}
			}
		})
	}
}

// answered answers the questions of a part until none are left, and returns all of them.
func answered(t *testing.T, m observe.System, p provision.Part, trial *trial, f *facts.Facts) []facts.Questions {
	t.Helper()
	var asked []facts.Questions
	known := map[string]bool{}
	for {
		var q facts.Questions
		if p.Ask(&trial.doc.Config, f, &q); q.Empty() {
			return asked
		}
		for kind, names := range map[string][]string{"program": q.Programs, "device": append(q.Await, q.Look...), "table": q.Tables} {
			for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
				if known[kind+name] {
					t.Errorf("%s asks again for %s %s", p.Name, kind, name)
				}
				known[kind+name] = true
			}
		}
		if asked = append(asked, q); len(asked) > mostRounds {
			t.Fatalf("%s has questions after %d rounds: %+v", p.Name, mostRounds, q)
		}
		if err := observe.Answer(context.Background(), observe.Machine{System: m}, &q, f); err != nil {
			t.Fatal(err)
		}
	}
}

func plain(t *testing.T, f facts.Facts) string {
	t.Helper()
	text, err := json.MarshalIndent(f, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
