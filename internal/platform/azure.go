// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/firstlight-boot/firstlight/internal/metadata"
)

const azureItem = "/metadata/instance/compute/userData"

// azure asks the metadata service for user data, and reads custom data from the provisioning disc if there is none. The
// service answers 404 and 410 while it starts, so no status says that there is no user data: only an empty answer does.
func azure(ctx context.Context, env *Env) (Found, error) {
	found, err := service{path: azureItem + "?api-version=2021-01-01&format=text", Service: &metadata.Service{
		Hosts: []string{linkLocal}, Headers: []string{"Metadata", "true"},
		Again: []int{http.StatusNotFound, http.StatusGone, http.StatusTooManyRequests},
	}}.find(ctx, env)
	if err != nil {
		return found, err
	}
	if len(found.Data) == 0 {
		return disc{"udf"}.find(ctx, env)
	}
	if found.Data, err = decodeBase64(found.Data); err != nil {
		return found, &Error{found.Name, err, "set the user data with az vm create --user-data, which encodes it"}
	}
	return found, nil
}

// The files of the provisioning disc: one identifies the disc, the other is the custom data as the user provided it.
const (
	azureMark = "ovf-env.xml"
	azureData = "CustomData.bin"
)

// errNotIt is the error for a disc that is not the provisioning disc.
var errNotIt = errors.New("the disc has no " + azureMark)

// disc is the source "the provisioning disc", whose filesystem has one of the formats. It looks at the drives again until it
// finds the disc, which may not be ready at first.
type disc []string

func (disc) places() []string { return []string{azureData + " of the provisioning disc"} }

func (formats disc) find(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: formats.places()[0]}
	ctx, cancel := context.WithTimeout(ctx, env.Timeout)
	defer cancel()
	data, err := env.try(found.Name, func() ([]byte, error) { return awaitDisc(ctx, env, formats) })
	if err != nil {
		return found, &Error{found.Name, err, "attach the provisioning disc, which this cloud gives every new machine"}
	}
	found.Data = data
	return found, nil
}

// awaitDisc looks at all drives until one has the disc.
func awaitDisc(ctx context.Context, env *Env, formats []string) ([]byte, error) {
	last := errors.New("no disc is in any drive")
	for said := time.Now(); ; {
		devices, err := env.Drives.Discs(ctx)
		if err != nil {
			return nil, fmt.Errorf("list drives: %w", err)
		}
		for _, device := range devices {
			for _, format := range formats {
				data, err := readDisc(ctx, env, device, format)
				if err == nil {
					return data, nil
				}
				last = err
			}
		}
		if time.Since(said) >= sayEvery {
			said = time.Now()
			env.say("waiting for the provisioning disc: " + last.Error())
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("not found within %s: %w", env.Timeout, last)
		case <-time.After(time.Second):
		}
	}
}

// readDisc reads the custom data of a disc. It returns no data if the disc has none.
func readDisc(ctx context.Context, env *Env, device, format string) (data []byte, err error) {
	err = env.Drives.Look(context.WithoutCancel(ctx), device, format, func(files fs.FS) error {
		if _, err := fs.Stat(files, azureMark); err != nil {
			return fmt.Errorf("%s: %w", device, errNotIt)
		}
		data, err = fs.ReadFile(files, azureData)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	})
	return data, err
}
