// SPDX-License-Identifier: Apache-2.0

package account

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// encoded is a text that JSON cannot hold as a string, such as a comment field in Latin-1.
type encoded struct {
	Base64 []byte `json:"base64"`
}

// MarshalJSON writes texts as strings, and as {"base64": "…"} those that are not UTF-8, so that reading them back
// gives the same bytes.
func (t Texts) MarshalJSON() ([]byte, error) {
	values := make(map[File]any, len(t))
	for f, text := range t {
		values[f] = text
		if !utf8.ValidString(text) {
			values[f] = encoded{[]byte(text)}
		}
	}
	return json.Marshal(values)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Texts) UnmarshalJSON(data []byte) error {
	var values map[File]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	*t = make(Texts, len(values))
	for f, value := range values {
		if bytes.HasPrefix(value, []byte("{")) {
			var e encoded
			if err := json.Unmarshal(value, &e); err != nil {
				return fmt.Errorf("read the text of %s: %w", f, err)
			}
			(*t)[f] = string(e.Base64)
			continue
		}
		var text string
		if err := json.Unmarshal(value, &text); err != nil {
			return fmt.Errorf("read the text of %s: %w", f, err)
		}
		(*t)[f] = text
	}
	return nil
}
