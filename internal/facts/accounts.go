// SPDX-License-Identifier: Apache-2.0

package facts

// Accounts is what is known of the accounts of the target.
type Accounts struct {
	// Texts maps the paths of account files, and of the files with their defaults, to their content, without
	// password hashes. A file that does not exist has no entry.
	Texts map[string]string `json:"texts,omitempty"`
	// Digests maps the paths of account files to the hex SHA-256 of their content with the hashes.
	Digests map[string]string `json:"digests,omitempty"`
	// Homes maps home directories and mailboxes to what is there; where nothing is, there is no entry.
	Homes map[string]Node `json:"homes,omitempty"`
}

// PutHome states what is at the place of a home directory now; no type says that nothing is.
func (a *Accounts) PutHome(name string, n Node) {
	if a.Homes == nil {
		a.Homes = map[string]Node{}
	}
	if a.Homes[name] = n; n.Type == "" {
		delete(a.Homes, name)
	}
}
