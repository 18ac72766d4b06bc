// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

// TestOfModule: a version is never a commit.
func TestOfModule(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "0.0.0-unknown",
		"(devel)":                              "0.0.0-unknown",
		"v1.2.3":                               "1.2.3",
		"v1.2.3+dirty":                         "1.2.3",
		"v1.2.3-rc1":                           "1.2.3-rc1",
		"v0.0.0-20260102030405-abcdefabcdef":   "0.0.0",
		"v1.2.4-0.20260102030405-abcdefabcdef": "1.2.4-0",
		"v1.2.4-rc1.0.20260102030405-abcdefabcdef":   "1.2.4-rc1.0",
		"v1.2.4-0.20260102030405-abcdefabcdef+dirty": "1.2.4-0",
	} {
		if got := ofModule(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := programVersion(); got != "0.0.0-unknown" {
		t.Errorf("the version of this test is %q", got)
	}
}
