// SPDX-License-Identifier: Apache-2.0

// Package data reads and writes data: URLs, which contain their payload (RFC 2397).
package data

import (
	"encoding/base64"
	"fmt"

	"github.com/firstlight-boot/firstlight/config/dataurl"
	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// New returns the origin of a data: URL.
func New(url string) (origin.Inline, error) {
	payload, ok := dataurl.Decode(url)
	if !ok {
		return nil, fmt.Errorf("%w: the data cannot be decoded", origin.ErrURL) // a more exact error could show the content
	}
	return payload, nil
}

// URL returns a payload as a data: URL.
func URL(payload []byte) string {
	return "data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(payload)
}
