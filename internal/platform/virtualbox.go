// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// The guest properties that hold a config. The encoding is reserved: no value is defined yet.
const (
	vboxConfig   = "/Ignition/Config"
	vboxEncoding = "/Ignition/Config/Encoding"
)

// virtualBox reads the config from a guest property.
func virtualBox(_ context.Context, env *Env) (Found, error) {
	found := Found{Name: "guest property " + vboxConfig}
	fail := func(err error) (Found, error) {
		return found, &Error{found.Name, err, "set it with VBoxManage guestproperty set VMNAME " + vboxConfig}
	}
	properties, err := env.Channels.VBox()
	if err != nil {
		return fail(err)
	}
	defer properties.Close()
	if encoding, err := property(properties, vboxEncoding); err == nil && len(encoding) > 0 {
		return fail(fmt.Errorf("remove the property %s: no encoding is defined", vboxEncoding))
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	data, err := env.try(found.Name, func() ([]byte, error) { return property(properties, vboxConfig) })
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	} else if err != nil {
		return fail(err)
	}
	found.Data = data
	return found, nil
}

// property returns the text of a property, without its flags.
func property(p Properties, name string) ([]byte, error) {
	raw, err := p.Get(name)
	if err != nil {
		return nil, fmt.Errorf("get property %s: %w", name, err)
	}
	text, _, ended := bytes.Cut(raw, []byte{0})
	if !ended {
		return nil, fmt.Errorf("get property %s: its value has no end", name)
	}
	return text, nil
}

// virtualBoxDelete removes the properties. A missing property is not an error.
func virtualBoxDelete(_ context.Context, env *Env) error {
	properties, err := env.Channels.VBox()
	if err != nil {
		return err
	}
	defer properties.Close()
	for _, name := range []string{vboxEncoding, vboxConfig} {
		switch err := properties.Delete(name); {
		case errors.Is(err, fs.ErrPermission):
			return fmt.Errorf("delete property %s: %w; it may be read-only for the guest (flag RDONLYGUEST)", name, err)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("delete property %s: %w", name, err)
		}
	}
	return nil
}
