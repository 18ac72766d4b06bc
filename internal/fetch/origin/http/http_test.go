// SPDX-License-Identifier: Apache-2.0

package http

import (
	"testing"
	"time"
)

// FuzzRetryAfter checks that no header leads to a negative wait.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "7", "-7", "99999999999999999999", "Sat, 01 Jan 2000 00:00:07 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if d := retryAfter(value, time.Unix(946684800, 0)); d < 0 {
			t.Errorf("%q: %s", value, d)
		}
	})
}
