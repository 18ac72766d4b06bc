// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// The device number of a z/VM guest's virtual reader, and the type of spool files that hold configs.
const (
	zvmReader = "000c"
	zvmType   = "ign"
)

// zVM receives the first spool file of type "ign" from the virtual reader.
func zVM(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: "the virtual reader " + zvmReader}
	fail := func(err error) (Found, error) {
		return found, &Error{found.Name, err, "punch the config to this guest: vmur punch -r -u GUEST -N config.ign config.ign"}
	}
	if err := env.module(ctx, "vmur", ""); err != nil {
		return fail(fmt.Errorf("load the driver of the virtual reader: %w", err))
	}
	if err := bringReaderOnline(ctx, env); err != nil {
		return fail(err)
	}
	data, err := env.try(found.Name, func() ([]byte, error) { return receive(ctx, env) })
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found, nil
	case err != nil:
		return fail(err)
	}
	found.Data = unpad(data)
	return found, nil
}

// bringReaderOnline makes the reader usable. The kernel may be ignoring it (cio_ignore).
func bringReaderOnline(ctx context.Context, env *Env) error {
	if _, err := env.Run(ctx, "chccwdev", "-e", zvmReader); err != nil {
		if _, err := env.Run(ctx, "cio_ignore", "-r", zvmReader); err != nil {
			return fmt.Errorf("stop the kernel from ignoring the reader: %w", err)
		}
		if _, err := env.Run(ctx, "chccwdev", "-e", zvmReader); err != nil {
			return fmt.Errorf("bring the reader online: %w", err)
		}
	}
	if _, err := env.Run(ctx, "udevadm", "settle"); err != nil {
		return fmt.Errorf("wait for udev: %w", err)
	}
	return nil
}

// receive receives the spool file into the working directory, the only place where vmur writes, and reads it.
func receive(ctx context.Context, env *Env) ([]byte, error) {
	list, err := env.Run(ctx, "vmur", "li")
	if err != nil {
		return nil, fmt.Errorf("list the spool files: %w", err)
	}
	id, name := spoolFile(string(list))
	if id == "" {
		return nil, fmt.Errorf("no spool file has type %s: %w", zvmType, fs.ErrNotExist)
	}
	name += "." + zvmType
	if _, err := env.Run(ctx, "vmur", "re", "-f", id, name); err != nil {
		return nil, fmt.Errorf("receive the spool file %s: %w", id, err)
	}
	data, err := env.Read(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("read the spool file %s: %w: %w", id, err, fs.ErrNotExist)
	}
	return data, nil
}

// spoolFile finds the first file of type "ign" in a list whose columns are ORIGINID FILE CLASSA CLASSB RECORDS CPY HOLD
// DATE TIME NAME TYPE DIST.
func spoolFile(list string) (id, name string) {
	for line := range strings.Lines(list) {
		switch words := strings.Fields(line); {
		case len(words) <= 1:
			return "", ""
		case len(words) >= 11 && words[10] == zvmType && !strings.Contains(words[9], "/"):
			return words[1], words[9]
		}
	}
	return "", ""
}
