// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/metadata"
)

// An Error says that a place that should have a config could not be read.
type Error struct {
	Place string
	Err   error
	Do    string // what the user can do; may be empty
}

func (e *Error) Error() string { return "read " + e.Place + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what the user can do.
func (e *Error) Hint() string { return e.Do }

// try asks one place, and records its answer.
func (env *Env) try(place string, ask func() ([]byte, error)) ([]byte, error) {
	began := time.Now()
	data, err := ask()
	env.note(Attempt{place, answer(data, err), time.Since(began)})
	return data, err
}

// answer describes for people what a place answered.
func answer(data []byte, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case len(data) == 0:
		return "it is empty"
	}
	return fmt.Sprintf("%d bytes", len(data))
}

// service is the source "an item of a metadata service".
type service struct {
	*metadata.Service
	path   string
	absent bool // 404 means that there is no config
	decode func([]byte) ([]byte, error)
	ask    func(context.Context, *metadata.Client) ([]byte, error) // by the cloud's own library; nil: a plain request
}

func (s service) find(ctx context.Context, env *Env) (Found, error) {
	ctx, cancel := context.WithTimeout(ctx, env.Timeout)
	defer cancel()
	began := time.Now()
	data, err := s.get(ctx, env.Metadata)
	found := Found{Name: s.at(env.Metadata.Hosts(*s.Service))}
	env.note(Attempt{found.Name, answer(data, err), time.Since(began)})
	switch {
	case s.absent && errors.Is(err, metadata.ErrNotFound):
		return found, nil
	case err != nil:
		return found, &Error{found.Name, err, s.hint(err)}
	}
	if found.Data = data; s.decode != nil {
		if found.Data, err = s.decode(data); err != nil {
			return found, &Error{found.Name, err, "encode the user data with base64 -w0, as the cloud's own tools do"}
		}
	}
	return found, nil
}

func (s service) get(ctx context.Context, c *metadata.Client) ([]byte, error) {
	if s.ask != nil {
		return s.ask(ctx, c)
	}
	return c.Get(ctx, *s.Service, s.path)
}

// hint returns what the user can do when a service does not return the user data.
func (s service) hint(err error) string {
	var status metadata.StatusError
	switch {
	case errors.Is(err, metadata.ErrNotFound):
		return "give this instance user data; empty user data boots the image as it is"
	case errors.As(err, &status) && (status == 401 || status == 403):
		return "allow this instance to read its metadata service"
	}
	return "check that the machine reaches " + strings.Join(s.Hosts, " or ") + ", and that the instance's metadata service is enabled"
}

func (s service) places() []string { return []string{s.at(s.Hosts)} }

// at names, for people, the item at some of the service's hosts.
func (s service) at(hosts []string) string {
	scheme := "http"
	if s.Secure {
		scheme = "https"
	}
	path, _, _ := strings.Cut(s.path, "?")
	var urls []string
	for _, h := range hosts {
		urls = append(urls, scheme+"://"+h+path)
	}
	return strings.Join(urls, " and ")
}

// decodeBase64 decodes user data that the cloud returns in the encoding of its API.
func decodeBase64(data []byte) ([]byte, error) {
	decoded, err := base64.StdEncoding.DecodeString(string(data))
	if err != nil {
		return nil, errors.New("it is not valid base64") // the decoder's own error would show a byte of the data
	}
	return decoded, nil
}

// nothing is the source of a platform that has no user data.
type nothing struct{}

func (nothing) find(_ context.Context, env *Env) (Found, error) {
	env.note(Attempt{Place: "metal", Answer: "this platform has no user data of its own"})
	return Found{Name: "metal"}, nil
}

func (nothing) places() []string {
	return []string{"the kernel command line", "`user.ign` of the initramfs"}
}

// fileSource is the source "the file that an environment variable names".
type fileSource struct{ variable, otherwise string }

func (f fileSource) find(ctx context.Context, env *Env) (Found, error) {
	name := env.Getenv(f.variable)
	if name == "" {
		name = f.otherwise
	}
	data, err := env.try(name, func() ([]byte, error) { return env.Read(ctx, name) })
	return Found{Name: name, Data: data}, err
}

func (f fileSource) places() []string {
	return []string{"the file that the variable `" + f.variable + "` names, `" + f.otherwise + "` by default"}
}
