// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Kernel arguments about fetching. They apply before any config is known.
const (
	argHash    = "firstlight.config.hash"
	argCA      = "firstlight.config.ca"
	argProxy   = "firstlight.config.proxy"
	argTimeout = "firstlight.fetch.timeout"
)

// A Bootstrap is the fetch settings of the kernel command line.
type Bootstrap struct {
	Hash    string        // "sha512-" or "sha256-" and hex digits of the config, decompressed; empty: any config is accepted
	CA      string        // path of a PEM bundle in the running root, or a data: URL of one; empty: only the system's authorities
	Proxy   string        // http: or https: URL, until a config names its own; empty: none
	Timeout time.Duration // for each fetch, until a config sets another; 0: the default
}

// ParseBootstrap reads the arguments of a kernel command line; last returns the last value of a name. A malformed argument
// is an error: if it were ignored, the machine might trust a config that it must not.
func ParseBootstrap(last func(name string) (string, bool)) (Bootstrap, error) {
	var b Bootstrap
	for _, arg := range []struct {
		name string
		read func(string) error
	}{{argHash, b.readHash}, {argCA, b.readCA}, {argProxy, b.readProxy}, {argTimeout, b.readTimeout}} {
		value, ok := last(arg.name)
		if !ok {
			continue
		}
		if err := arg.read(value); err != nil {
			return Bootstrap{}, fmt.Errorf("read kernel argument %s: %w", arg.name, err)
		}
	}
	return b, nil
}

func (b *Bootstrap) readHash(value string) error {
	b.Hash = value
	if value == "" {
		return fmt.Errorf("%w: it is empty", ErrBadHash)
	}
	_, err := newCheck(value)
	return err
}

func (b *Bootstrap) readCA(value string) error {
	b.CA = value
	if strings.HasPrefix(value, "/") || strings.HasPrefix(value, "data:") {
		return nil
	}
	return errors.New("it must be the path of a file in the initramfs or a data: URL; an authority from the network could be anyone's")
}

func (b *Bootstrap) readProxy(value string) error {
	b.Proxy = value
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("it is not an http: or https: URL")
	}
	return nil
}

func (b *Bootstrap) readTimeout(value string) (err error) {
	b.Timeout, err = time.ParseDuration(value)
	if err != nil || b.Timeout <= 0 {
		return errors.New("it is not a duration such as 90s or 10m")
	}
	return nil
}

// Verify checks that a decompressed config has the hash of the kernel command line.
func (b Bootstrap) Verify(config []byte) error {
	check, err := newCheck(b.Hash)
	if err != nil || b.Hash == "" {
		return err
	}
	check.Write(config) // never fails, by its documentation
	if err := check.verify(); err != nil {
		return fmt.Errorf("compare the config with %s: %w", argHash, err)
	}
	return nil
}

// Settings returns the defaults that every config's settings override. If CA names a file, bundle must be its contents.
func (b Bootstrap) Settings(bundle []byte) Settings {
	s := Settings{HTTPProxy: b.Proxy, HTTPSProxy: b.Proxy}
	ca := b.CA
	if strings.HasPrefix(ca, "/") {
		ca = DataURL(bundle)
	}
	if ca != "" {
		s.Authorities = []Request{{URL: ca, Purpose: "certificate authority of the kernel command line"}}
	}
	return s
}

// over returns the settings of a config over those of others. Its proxies, if any, replace all of theirs; authorities add
// up.
func (s Settings) over(base Settings) Settings {
	if s.HTTPProxy == "" && s.HTTPSProxy == "" && len(s.NoProxy) == 0 {
		s.HTTPProxy, s.HTTPSProxy, s.NoProxy = base.HTTPProxy, base.HTTPSProxy, base.NoProxy
	}
	s.Authorities = append(append([]Request(nil), base.Authorities...), s.Authorities...)
	return s
}
