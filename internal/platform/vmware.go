// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The guestinfo variables that hold a config, and the environment that a deployed OVF package gets.
const (
	vmwareData     = "ignition.config.data"
	vmwareEncoding = "ignition.config.data.encoding"
	vmwareOVF      = "ovfenv"
)

// vmwareMarker replaces a deleted config, because guestinfo variables cannot be removed: "{}\n" in base64.
const vmwareMarker = "e30K"

// vmWare reads the config from guestinfo. A variable overrides the OVF environment's property of the same name.
func vmWare(_ context.Context, env *Env) (Found, error) {
	found := Found{Name: "guestinfo." + vmwareData}
	info, err := env.Channels.VMware()
	if err != nil {
		return found, err
	}
	fail := func(err error) (Found, error) {
		return found, &Error{found.Name, err, "set guestinfo." + vmwareData + ", and guestinfo." + vmwareEncoding + " to base64 or gzip+base64"}
	}
	values := ovfValues(info, env)
	for _, key := range []string{vmwareData, vmwareEncoding} {
		value, err := info.Get(key)
		if err != nil {
			return fail(err)
		}
		if value != "" {
			values[key] = value
		}
	}
	data, err := env.try(found.Name, func() ([]byte, error) { return decodeGuestinfo(values[vmwareData], values[vmwareEncoding]) })
	if err != nil {
		return fail(err)
	}
	found.Data = data
	return found, nil
}

// ovfValues returns the properties of the OVF environment. A broken environment causes only a warning: most environments are
// not meant for firstlight.
func ovfValues(info Guestinfo, env *Env) map[string]string {
	values := map[string]string{}
	text, err := info.Get(vmwareOVF)
	if err == nil && text != "" {
		var list []ovfProperty
		list, err = ovfProperties(text)
		for _, p := range list {
			values[strings.TrimPrefix(p.key, "guestinfo.")] = p.value
		}
	}
	if err != nil {
		env.Log.Warn("read the OVF environment: " + err.Error())
	}
	return values
}

// decodeGuestinfo decodes a variable.
func decodeGuestinfo(text, encoding string) ([]byte, error) {
	packed, coded := false, false
	switch encoding {
	case "":
	case "b64", "base64":
		coded = true
	case "gz", "gzip":
		packed = true
	case "gz+base64", "gzip+base64", "gz+b64", "gzip+b64":
		packed, coded = true, true
	default:
		return nil, fmt.Errorf("unknown encoding %q", encoding)
	}
	data := []byte(text)
	if len(data) == 0 {
		return nil, nil
	}
	if coded {
		var err error
		if data, err = decodeBase64(data); err != nil {
			return nil, err
		}
	}
	if !packed {
		return data, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompress it: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxConfig+1))
	if err == nil && len(plain) > maxConfig {
		err = fmt.Errorf("it has more than %d MiB", maxConfig>>20)
	}
	if err != nil {
		return nil, fmt.Errorf("decompress it: %w", err)
	}
	return plain, nil
}

// vmWareDelete replaces the config with a marker, and removes it from the OVF environment.
func vmWareDelete(_ context.Context, env *Env) error {
	info, err := env.Channels.VMware()
	if errors.Is(err, ErrNoProvider) {
		return errors.New("this machine is not a VMware guest")
	} else if err != nil {
		return err
	}
	data, err := info.Get(vmwareData)
	if err != nil {
		return err
	}
	if data != "" && data != vmwareMarker {
		if err := info.Set(vmwareData, vmwareMarker); err != nil {
			return err
		}
		encoding, err := info.Get(vmwareEncoding)
		if err != nil {
			return err
		}
		if encoding != "base64" {
			if err := info.Set(vmwareEncoding, "base64"); err != nil {
				return err
			}
		}
	}
	text, err := info.Get(vmwareOVF)
	if err != nil || text == "" {
		return err
	}
	rest, err := withoutProperties(text)
	if err != nil {
		return fmt.Errorf("read the OVF environment: %w", err)
	}
	if rest == text {
		return nil
	}
	return info.Set(vmwareOVF, rest)
}
