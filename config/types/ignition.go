// SPDX-License-Identifier: Apache-2.0

package types

// Ignition is the metadata of a config and what concerns getting other configs.
type Ignition struct {
	Config   IgnitionConfig `json:"config,omitempty" since:"3.0"`
	Proxy    Proxy          `json:"proxy,omitempty" since:"3.1"`
	Security Security       `json:"security,omitempty" since:"3.0"`
	Timeouts Timeouts       `json:"timeouts,omitempty" since:"3.0"`
	Version  string         `json:"version" since:"3.0"`
}

// IgnitionConfig names other configs.
type IgnitionConfig struct {
	Merge   []Resource `json:"merge,omitempty" since:"3.0"`   // merged over this config, in order
	Replace Resource   `json:"replace,omitempty" since:"3.0"` // takes the place of this config
}

// Proxy names the proxies of http and https requests.
type Proxy struct {
	HTTPProxy  *string  `json:"httpProxy,omitempty" since:"3.1"`
	HTTPSProxy *string  `json:"httpsProxy,omitempty" since:"3.1"`
	NoProxy    []string `json:"noProxy,omitempty" since:"3.1"`
}

// Security is what to trust.
type Security struct {
	TLS TLS `json:"tls,omitempty" since:"3.0"`
}

// TLS names certificate authorities to trust beside those of the system.
type TLS struct {
	CertificateAuthorities []Resource `json:"certificateAuthorities,omitempty" since:"3.0"`
}

// Timeouts limits http and https requests; both are in seconds, 0 is unlimited.
type Timeouts struct {
	HTTPResponseHeaders *int `json:"httpResponseHeaders,omitempty" since:"3.0"`
	HTTPTotal           *int `json:"httpTotal,omitempty" since:"3.0"`
}

// Resource is a payload, remote or inline.
type Resource struct {
	Compression  *string      `json:"compression,omitempty" since:"3.0"` // "gzip", or "" for none
	HTTPHeaders  []HTTPHeader `json:"httpHeaders,omitempty" since:"3.1"`
	Source       *string      `json:"source,omitempty" since:"3.0"` // URL
	Verification Verification `json:"verification,omitempty" since:"3.0"`
}

// Key identifies a resource among those of a list.
func (r Resource) Key() string { return text(r.Source) }

// HTTPHeader is one extra request header. Without a value it removes the header of its name when configs merge.
type HTTPHeader struct {
	Name  string  `json:"name" since:"3.1"`
	Value *string `json:"value,omitempty" since:"3.1"`
}

// Key identifies a header among those of a resource.
func (h HTTPHeader) Key() string { return h.Name }

// Verification is what a payload, decompressed, is checked against.
type Verification struct {
	Hash *string `json:"hash,omitempty" since:"3.0"` // "sha512-" or "sha256-" and hex digits
}

// KernelArguments are arguments of the kernel of later boots.
type KernelArguments struct {
	ShouldExist    []string `json:"shouldExist,omitempty" since:"3.3"`
	ShouldNotExist []string `json:"shouldNotExist,omitempty" since:"3.3"`
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
