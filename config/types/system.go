// SPDX-License-Identifier: Apache-2.0

package types

// Passwd lists users and groups.
type Passwd struct {
	Groups []Group `json:"groups,omitempty" since:"3.0"`
	Users  []User  `json:"users,omitempty" since:"3.0"`
}

// User is a user account.
type User struct {
	Gecos             *string  `json:"gecos,omitempty" since:"3.0"`
	Groups            []string `json:"groups,omitempty" since:"3.0"`
	HomeDir           *string  `json:"homeDir,omitempty" since:"3.0"`
	Name              string   `json:"name" since:"3.0"`
	NoCreateHome      *bool    `json:"noCreateHome,omitempty" since:"3.0"`
	NoLogInit         *bool    `json:"noLogInit,omitempty" since:"3.0"`
	NoUserGroup       *bool    `json:"noUserGroup,omitempty" since:"3.0"`
	PasswordHash      *string  `json:"passwordHash,omitempty" since:"3.0"`
	PrimaryGroup      *string  `json:"primaryGroup,omitempty" since:"3.0"`
	SSHAuthorizedKeys []string `json:"sshAuthorizedKeys,omitempty" since:"3.0"`
	Shell             *string  `json:"shell,omitempty" since:"3.0"`
	ShouldExist       *bool    `json:"shouldExist,omitempty" since:"3.2"`
	System            *bool    `json:"system,omitempty" since:"3.0"`
	UID               *int     `json:"uid,omitempty" since:"3.0"`
}

// Key identifies a user.
func (u User) Key() string { return u.Name }

// Group is a group.
type Group struct {
	Gid          *int    `json:"gid,omitempty" since:"3.0"`
	Name         string  `json:"name" since:"3.0"`
	PasswordHash *string `json:"passwordHash,omitempty" since:"3.0"`
	ShouldExist  *bool   `json:"shouldExist,omitempty" since:"3.2"`
	System       *bool   `json:"system,omitempty" since:"3.0"`
}

// Key identifies a group.
func (g Group) Key() string { return g.Name }

// Systemd lists units.
type Systemd struct {
	Units []Unit `json:"units,omitempty" since:"3.0"`
}

// Unit is a systemd unit.
type Unit struct {
	Contents *string  `json:"contents,omitempty" since:"3.0"`
	Dropins  []Dropin `json:"dropins,omitempty" since:"3.0"`
	Enabled  *bool    `json:"enabled,omitempty" since:"3.0"`
	Mask     *bool    `json:"mask,omitempty" since:"3.0"`
	Name     string   `json:"name" since:"3.0"`
}

// Key identifies a unit.
func (u Unit) Key() string { return u.Name }

// Dropin is a drop-in file of a unit.
type Dropin struct {
	Contents *string `json:"contents,omitempty" since:"3.0"`
	Name     string  `json:"name" since:"3.0"`
}

// Key identifies a drop-in among those of its unit.
func (d Dropin) Key() string { return d.Name }
