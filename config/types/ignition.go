// SPDX-License-Identifier: Apache-2.0

package types

// Ignition is the metadata of a config.
type Ignition struct {
	// Other configs.
	Config References `json:"config" since:"3.0"`
	// Proxies for fetching.
	Proxy Proxy `json:"proxy" since:"3.1"`
	// Whom to trust while fetching.
	Security Security `json:"security" since:"3.0"`
	// Limits for fetching.
	Timeouts Timeouts `json:"timeouts" since:"3.0"`
	// Spec version of this config.
	Version string `json:"version" since:"3.0" need:"3.0"`
}

// References name other configs.
type References struct {
	// Configs that are merged over this one, in list order. Keyed by source.
	Merge []Resource `json:"merge,omitempty" since:"3.0"`
	// A config that takes the place of this one.
	Replace Resource `json:"replace" since:"3.0"`
}

// Proxy says how to reach servers. Unset means no proxy; there is no fallback from https to http.
type Proxy struct {
	// Proxy for `http` requests, an `http` or `https` URL.
	HTTPProxy *string `json:"httpProxy,omitempty" since:"3.1"`
	// Proxy for `https` requests, an `http` or `https` URL.
	HTTPSProxy *string `json:"httpsProxy,omitempty" since:"3.1"`
	// Hosts to reach without proxy: addresses, CIDR blocks, domains with their subdomains, `.domain` for only the subdomains, each with an optional port; `*` for all hosts.
	NoProxy []string `json:"noProxy,omitempty" since:"3.1"`
}

// Security says whom to trust while fetching.
type Security struct {
	// Trust in servers.
	TLS TLS `json:"tls" since:"3.0"`
}

// TLS says which servers to trust.
type TLS struct {
	// PEM bundles that are trusted besides the system's own. Keyed by source.
	CertificateAuthorities []Resource `json:"certificateAuthorities,omitempty" since:"3.0"`
}

// Timeouts are limits for HTTP and HTTPS.
type Timeouts struct {
	// Seconds to wait for the response headers of one attempt; 0 is without limit, unset is 10.
	HTTPResponseHeaders *int `json:"httpResponseHeaders,omitempty" since:"3.0"`
	// Seconds for one resource, retries included; 0 and unset are without limit.
	HTTPTotal *int `json:"httpTotal,omitempty" since:"3.0"`
}
