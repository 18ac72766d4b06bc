// SPDX-License-Identifier: Apache-2.0

package types

// Luks is an encrypted volume.
type Luks struct {
	// Protection by an s390x crypto card.
	Cex Cex `json:"cex" since:"3.5"`
	// Unlocking over the network or by TPM.
	Clevis Clevis `json:"clevis" since:"3.2"`
	// Block device, an absolute clean path.
	Device string `json:"device" since:"3.2" need:"3.2"`
	// Whether discards are allowed, stored in the volume.
	Discard *bool `json:"discard,omitempty" since:"3.4"`
	// Key material; unset: a generated key.
	KeyFile Resource `json:"keyFile" since:"3.2"`
	// Label, at most 47 bytes.
	Label *string `json:"label,omitempty" since:"3.2"`
	// Name of the mapping, without `/`.
	Name string `json:"name" since:"3.2"`
	// Additional arguments for opening, each once.
	OpenOptions []string `json:"openOptions,omitempty" since:"3.4"`
	// Additional arguments of luksFormat. Repeats are allowed.
	Options []string `json:"options,omitempty" since:"3.2" list:"append"`
	// UUID; unset: a random one.
	UUID *string `json:"uuid,omitempty" since:"3.2"`
	// Whether to recreate the volume unconditionally.
	WipeVolume *bool `json:"wipeVolume,omitempty" since:"3.2"`
}

// Key identifies a volume: its name.
func (l Luks) Key() string { return l.Name }

// Clevis binds a volume to Tang servers, the TPM, or a pin of one's own. Custom excludes the others.
type Clevis struct {
	// A raw binding.
	Custom ClevisCustom `json:"custom" since:"3.2"`
	// Tang servers. Keyed by url.
	Tang []Tang `json:"tang,omitempty" since:"3.2"`
	// How many of the pieces are needed; unset is 1.
	Threshold *int `json:"threshold,omitempty" since:"3.2"`
	// Whether the TPM is one of the pieces.
	TPM2 *bool `json:"tpm2,omitempty" since:"3.2"`
}

// ClevisCustom is a raw binding.
type ClevisCustom struct {
	// Configuration of the pin, handed on as it is.
	Config *string `json:"config,omitempty" since:"3.2"`
	// Whether unlocking needs the network.
	NeedsNetwork *bool `json:"needsNetwork,omitempty" since:"3.2"`
	// Name of the pin; until 3.5.0 `tpm2`, `tang` or `sss`.
	Pin *string `json:"pin,omitempty" since:"3.2"`
}

// Tang is a Tang server.
type Tang struct {
	// The server's advertisement as JSON text; unset: fetched from the server.
	Advertisement *string `json:"advertisement,omitempty" since:"3.4"`
	// Thumbprint of a trusted signing key.
	Thumbprint *string `json:"thumbprint,omitempty" since:"3.2" need:"3.2"`
	// URL of the server, `http` or `https`.
	URL string `json:"url" since:"3.2" need:"3.2"`
}

// Key identifies a server: its URL.
func (t Tang) Key() string { return t.URL }

// Cex is protection by an s390x crypto card. It excludes clevis and a key file.
type Cex struct {
	// Whether it is wanted.
	Enabled *bool `json:"enabled,omitempty" since:"3.5"`
}
