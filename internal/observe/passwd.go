// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// accounts reads the account files.
func (m Machine) accounts(q *facts.Questions, f *facts.Facts) error {
	if !q.Accounts {
		return nil
	}
	texts, err := account.Read(m.Root)
	if err != nil {
		return err
	}
	f.Accounts = &facts.Accounts{Digests: map[string]string{}}
	for _, file := range account.Files() {
		if text, ok := texts[file]; ok {
			sum := sha256.Sum256([]byte(text))
			f.Accounts.Digests[string(file)] = hex.EncodeToString(sum[:])
		}
	}
	f.Accounts.Texts = texts.Redact()
	return nil
}
