// SPDX-License-Identifier: Apache-2.0

// Package data reads and writes payloads that are part of their URL (RFC 2397).
package data

import (
	"fmt"

	"github.com/vincent-petithory/dataurl"

	"github.com/firstlight-boot/firstlight/internal/fetch/origin"
)

// New returns the origin of a data: URL.
func New(url string) (origin.Inline, error) {
	d, err := dataurl.DecodeString(url)
	if err != nil {
		return nil, fmt.Errorf("%w: the data cannot be decoded", origin.ErrURL) // the decoder's own words could show its content
	}
	return d.Data, nil
}

// URL returns a payload as a URL.
func URL(payload []byte) string {
	return dataurl.New(payload, "text/plain", "charset", "utf-8").String()
}
