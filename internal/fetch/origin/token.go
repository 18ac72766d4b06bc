// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"encoding/json"
	"errors"
	"time"
)

// A Token authorizes requests until it expires.
type Token struct {
	Text string // secret
	Ends time.Time
}

// Fresh reports whether a token is valid for at least another minute.
func (t Token) Fresh() bool { return t.Text != "" && time.Until(t.Ends) > time.Minute }

// ParseToken reads the answer of a token endpoint (RFC 6749, section 5.1). Azure writes the lifetime as a string.
func ParseToken(answer []byte) (Token, error) {
	var fields struct {
		Token   string      `json:"access_token"`
		Expires json.Number `json:"expires_in"` // in seconds
	}
	if err := json.Unmarshal(answer, &fields); err != nil || fields.Token == "" {
		return Token{}, errors.New("the answer of the metadata service has no access token")
	}
	seconds, err := fields.Expires.Int64()
	if err != nil {
		return Token{}, errors.New("the token of the metadata service has no lifetime")
	}
	return Token{fields.Token, time.Now().Add(time.Duration(seconds) * time.Second)}, nil
}
