// SPDX-License-Identifier: Apache-2.0

// Package platform knows where each platform keeps the user's config.
//
// A platform returns the bytes as it found them; decoding and validating them is not its job. It sees the
// machine only through Env, so that it can be tested with a local server and a directory. Four answers are kept
// apart: bytes, no bytes (there is a place for a config and it is empty), ErrNoProvider (this machine is not on
// the platform), and failure, of which "needs the network" (fetch.ErrNeedNet) is one.
package platform

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"slices"

	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// ErrNoProvider says that the source does not exist here, so that the next one is asked.
var ErrNoProvider = errors.New("no config provider here")

// Found is what a source had.
type Found struct {
	Name string // for people and diagnostics: "fw_cfg opt/com.coreos/config", a path, a redacted URL
	Data []byte // empty: there is no config
}

// Env is all that a platform sees of the machine.
type Env struct {
	HTTP   *fetch.Client
	FS     fs.FS                                               // the running root; paths without the leading slash
	Getenv func(string) string                                 // environment
	Module func(ctx context.Context, name string) error        // loads a kernel module
	Read   func(ctx context.Context, p string) ([]byte, error) // reads a file of the working directory or an absolute path
	Log    *slog.Logger
}

// A Platform is one row of the table.
type Platform struct {
	ID    string
	Fetch func(context.Context, Env) (Found, error)
	// Delete has the hypervisor forget the config; nil where that cannot be done from within.
	Delete func(context.Context) error
}

// All returns the platforms, sorted by id.
func All() []Platform {
	return []Platform{
		{ID: "file", Fetch: file},
		{ID: "metal", Fetch: nothing("metal")},
		{ID: "qemu", Fetch: firmwareKey("opt/com.coreos/config")},
	}
}

// IDs returns the ids of all platforms, sorted.
func IDs() []string {
	var ids []string
	for _, p := range All() {
		ids = append(ids, p.ID)
	}
	return ids
}

// Find returns the platform of an id; ok is false if there is none.
func Find(id string) (p Platform, ok bool) {
	all := All()
	i := slices.IndexFunc(all, func(p Platform) bool { return p.ID == id })
	if i < 0 {
		return Platform{}, false
	}
	return all[i], true
}

// nothing is the source of a platform that holds no config of its own.
func nothing(name string) func(context.Context, Env) (Found, error) {
	return func(context.Context, Env) (Found, error) { return Found{Name: name}, nil }
}

// defaultFile is the config of platform "file" unless IGNITION_CONFIG_FILE names another.
const defaultFile = "config.ign"

// file reads a config from the filesystem; the platform is meant for tests and for boots whose initramfs holds
// the config.
func file(ctx context.Context, env Env) (Found, error) {
	path := env.Getenv("IGNITION_CONFIG_FILE")
	if path == "" {
		path = defaultFile
	}
	data, err := env.Read(ctx, path)
	return Found{Name: path, Data: data}, err
}
