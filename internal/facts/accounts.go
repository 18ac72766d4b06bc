// SPDX-License-Identifier: Apache-2.0

package facts

import "github.com/firstlight-boot/firstlight/internal/account"

// Accounts is what is known of the accounts of the target.
type Accounts struct {
	// Texts holds the account files, and the files with their defaults, as templates without password hashes.
	Texts account.Texts `json:"texts,omitempty"`
	// Digests maps the paths of account files to the hex SHA-256 of their content with the hashes.
	Digests map[string]string `json:"digests,omitempty"`
}
