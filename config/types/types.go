// SPDX-License-Identifier: Apache-2.0

// Package types holds the one set of structs that a config decodes to, whatever its spec version.
//
// The structs have the form of the newest version. A tag says in which version a member appeared; the few
// differences that depend on where a struct is used are in package spec. Members that may be absent are pointers,
// lists, or structs of those; the zero Config is the empty config. The package has no code beyond keys: it decides
// nothing, checks nothing, and imports nothing.
//
// Tags, the single source for decoding, gating, JSON schema, reference docs and merging:
//
//	json:"name,omitempty"  the member's name in the text
//	since:"3.2"            the first spec version that knows the member, where the struct around it is known
//	list:"append"          merging appends the child's elements; all other lists are keyed, and keys are unique
//	need:"3.0"             the member must be given from this version on (for schema and docs; rules check it)
package types

// Config is a whole config.
type Config struct {
	// Metadata: spec version, other configs, and how to fetch.
	Ignition Ignition `json:"ignition" since:"3.0" need:"3.0"`
	// Arguments of the kernel command line.
	KernelArguments KernelArguments `json:"kernelArguments" since:"3.3"`
	// Users and groups.
	Passwd Passwd `json:"passwd" since:"3.0"`
	// Disks, what is made on them, and files.
	Storage Storage `json:"storage" since:"3.0"`
	// Units.
	Systemd Systemd `json:"systemd" since:"3.0"`
}

// KernelArguments are arguments that the kernel command line must have, or must not have. An argument is in only
// one of the two lists.
type KernelArguments struct {
	// Arguments that must be present. One entry may hold several words.
	ShouldExist []string `json:"shouldExist,omitempty" since:"3.3"`
	// Arguments that must be absent.
	ShouldNotExist []string `json:"shouldNotExist,omitempty" since:"3.3"`
}

// Resource names a payload, remote or inline.
type Resource struct {
	// How the payload is compressed: `gzip`, or the empty string for not at all. Not possible with `s3` and `arn` sources.
	Compression *string `json:"compression,omitempty" since:"3.0"`
	// Additional request headers. Only for `http` and `https` sources. Keyed by name.
	HTTPHeaders []HTTPHeader `json:"httpHeaders,omitempty" since:"3.1"`
	// URL of the payload: `http`, `https`, `tftp`, `s3`, `data`, from 3.2.0 `gs`, from 3.4.0 `arn`. An empty string stands for an empty payload.
	Source *string `json:"source,omitempty" since:"3.0"`
	// What the payload must be.
	Verification Verification `json:"verification" since:"3.0"`
}

// Key identifies a resource within a list of references: its source.
func (r Resource) Key() string { return Text(r.Source) }

// HTTPHeader is an additional request header.
type HTTPHeader struct {
	// Name of the header, compared with case when configs merge.
	Name string `json:"name" since:"3.1" need:"3.1"`
	// Value of the header. Unset removes the parent's header of that name when configs merge.
	Value *string `json:"value,omitempty" since:"3.1"`
}

// Key identifies a header: its name.
func (h HTTPHeader) Key() string { return h.Name }

// Verification says what a payload must be.
type Verification struct {
	// Digest of the decompressed payload: `sha512-` or, from 3.1.0, `sha256-`, followed by hex digits.
	Hash *string `json:"hash,omitempty" since:"3.0"`
}

// Text returns the value of an optional string; unset is empty.
func Text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// True reports whether an optional truth value is set and true.
func True(b *bool) bool { return b != nil && *b }
