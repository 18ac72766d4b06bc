// SPDX-License-Identifier: Apache-2.0

package types

// Passwd holds users and groups.
type Passwd struct {
	// Groups to make, change or delete. Keyed by name.
	Groups []Group `json:"groups,omitempty" since:"3.0"`
	// Users to make, change or delete. Keyed by name.
	Users []User `json:"users,omitempty" since:"3.0"`
}

// Group is a group of users.
type Group struct {
	// Numeric id; unset lets the tool choose.
	GID *int `json:"gid,omitempty" since:"3.0"`
	// Name of the group.
	Name string `json:"name" since:"3.0"`
	// Hash of the group's password in the form of crypt(5); an empty string counts as unset.
	PasswordHash *string `json:"passwordHash,omitempty" since:"3.0"`
	// False deletes the group.
	ShouldExist *bool `json:"shouldExist,omitempty" since:"3.2"`
	// Whether it is a system group; for new groups.
	System *bool `json:"system,omitempty" since:"3.0"`
}

// Key identifies a group: its name.
func (g Group) Key() string { return g.Name }

// User is a user account.
type User struct {
	// Comment field.
	Gecos *string `json:"gecos,omitempty" since:"3.0"`
	// Names of supplementary groups.
	Groups []string `json:"groups,omitempty" since:"3.0"`
	// Home directory; unset leaves it to the tool.
	HomeDir *string `json:"homeDir,omitempty" since:"3.0"`
	// Name of the user.
	Name string `json:"name" since:"3.0"`
	// Whether to make no home directory; for new users.
	NoCreateHome *bool `json:"noCreateHome,omitempty" since:"3.0"`
	// Whether to leave the user out of lastlog and faillog; for new users.
	NoLogInit *bool `json:"noLogInit,omitempty" since:"3.0"`
	// Whether to make no group of the user's name; for new users.
	NoUserGroup *bool `json:"noUserGroup,omitempty" since:"3.0"`
	// Hash of the password in the form of crypt(5). Unset locks a new user and leaves an existing one; an empty string locks.
	PasswordHash *string `json:"passwordHash,omitempty" since:"3.0"`
	// Name of the primary group.
	PrimaryGroup *string `json:"primaryGroup,omitempty" since:"3.0"`
	// Keys that may log in over SSH.
	SSHAuthorizedKeys []string `json:"sshAuthorizedKeys,omitempty" since:"3.0"`
	// Login shell.
	Shell *string `json:"shell,omitempty" since:"3.0"`
	// False deletes the user.
	ShouldExist *bool `json:"shouldExist,omitempty" since:"3.2"`
	// Whether it is a system user; for new users.
	System *bool `json:"system,omitempty" since:"3.0"`
	// Numeric id; unset lets the tool choose.
	UID *int `json:"uid,omitempty" since:"3.0"`
}

// Key identifies a user: its name.
func (u User) Key() string { return u.Name }
