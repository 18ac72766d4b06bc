// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"

	"github.com/firstlight-boot/firstlight/internal/account"
	"github.com/firstlight-boot/firstlight/internal/facts"
)

// mostAccounts bounds the size of one account file, in bytes.
const mostAccounts = 64 << 20

// accounts reads the account files.
func (m Machine) accounts(q facts.Questions, f *facts.Facts) error {
	if !q.Accounts {
		return nil
	}
	texts := account.Texts{}
	f.Accounts = &facts.Accounts{Digests: map[string]string{}}
	for _, file := range account.Sources() {
		place, err := m.Root.Follow(string(file))
		if err != nil {
			return err
		}
		text, err := m.Root.ReadFile(place, mostAccounts)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return err
		}
		texts[file] = string(text)
	}
	for _, file := range account.Files() {
		if text, ok := texts[file]; ok {
			sum := sha256.Sum256([]byte(text))
			f.Accounts.Digests[string(file)] = hex.EncodeToString(sum[:])
		}
	}
	f.Accounts.Texts = texts.Redact()
	return nil
}
