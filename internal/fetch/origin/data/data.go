// SPDX-License-Identifier: Apache-2.0

// Package data reads and writes payloads that are part of their URL (RFC 2397).
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
		return nil, fmt.Errorf("%w: the data cannot be decoded", origin.ErrURL) // what is wrong with it could show its content
	}
	return payload, nil
}

// URL returns a payload as a URL.
func URL(payload []byte) string {
	return "data:text/plain;charset=utf-8;base64," + base64.StdEncoding.EncodeToString(payload)
}
