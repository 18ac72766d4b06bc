// SPDX-License-Identifier: Apache-2.0

package data

import (
	"errors"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

func TestNew(t *testing.T) {
	for _, c := range []struct {
		url, want string
		err       error
	}{
		{url: "data:,payload", want: "payload"},
		{url: "data:,", want: ""},
		{url: "data:text/plain;charset=utf-8;base64,cGF5bG9hZA==", want: "payload"},
		{url: "data:,pay%20load", want: "pay load"},
		{url: URL([]byte("any\x00bytes")), want: "any\x00bytes"},
		{url: "data:;base64,s3cret!", err: origin.ErrURL},
		{url: "data:s3cret", err: origin.ErrURL},
	} {
		got, err := New(c.url)
		if !errors.Is(err, c.err) || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q, %v", c.url, got, err, c.want, c.err)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows the payload: %v", err)
		}
	}
}
