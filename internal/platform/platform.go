// SPDX-License-Identifier: Apache-2.0

// Package platform knows where each platform keeps the user's config.
//
// A platform returns the bytes as it found them; parsing and validating them is not its job. It sees the machine only
// through Env, so tests give it a local server and a directory. There are five results: bytes; no bytes (the place for a
// config exists and is empty); ErrNoProvider (this machine is not on the platform); ErrNeedNet (only the network has the
// answer); and failure. Each attempt is recorded with its place, its answer and the time it took.
package platform

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/metadata"
)

// ErrNoProvider is the error of a source that does not exist on this machine; the caller asks the next one.
var ErrNoProvider = errors.New("no config provider here")

// ErrNeedNet is the error of a source that cannot answer without the network.
var ErrNeedNet = fetch.ErrNeedNet

// Found is the result of asking a source.
type Found struct {
	Name  string // for people and diagnostics: "fw_cfg opt/com.coreos/config", a path, a redacted URL
	Data  []byte // empty: there is no config
	Files []File // for the target root, also if Data is empty
}

// A File is a file that a platform adds to the target root, owned and readable by root only.
type File struct {
	Path string
	Data []byte
}

// Env is everything that a platform sees of the machine.
type Env struct {
	FS      fs.FS                                               // the running root; paths without the leading slash
	Getenv  func(string) string                                 // environment
	Read    func(ctx context.Context, p string) ([]byte, error) // reads a file of the working directory or an absolute path
	Log     *slog.Logger
	Say     func(string) // writes to the console; nil: no messages
	Offline bool         // the network may not be used
	Timeout time.Duration

	Metadata   *metadata.Client
	Drives     Drives
	Run        Runner
	Channels   Channels
	Interfaces func() ([]net.Interface, error)

	note func(Attempt)
}

// Runner runs a helper program of the initramfs and returns its output.
type Runner func(ctx context.Context, name string, args ...string) ([]byte, error)

// Drives finds block devices and reads files of their filesystems.
type Drives interface {
	// Labeled returns the device with a filesystem label, if it exists now.
	Labeled(label string) (device string, ok bool)
	// Discs returns the optical drives whose disc is ready.
	Discs(ctx context.Context) ([]string, error)
	// Look mounts a device read-only, calls f with its files, and unmounts it again.
	Look(ctx context.Context, device, format string, f func(fs.FS) error) error
}

// An Attempt is one place that was asked for a config.
type Attempt struct {
	Place  string        // "http://169.254.169.254/latest/user-data", "/user-data of the filesystem labeled cidata"
	Answer string        // "512 bytes", "not found: status 404", "connection refused"
	Took   time.Duration // until the answer
}

// A Platform is one row of the table.
type Platform struct {
	ID      string
	Network Network
	source  source
	// Modules lists the kernel modules that the initramfs needs for the platform, in addition to those of its disks and
	// network.
	Modules []string
	// Deleter deletes the config from the hypervisor; nil if a guest cannot do that.
	Deleter func(context.Context, *Env) error
	// Status reports the result of a stage to the cloud; nil if the cloud takes no reports.
	Status func(ctx context.Context, env *Env, stage string, failed error) error

	// Texts for docs/platforms.md.
	Empty string // when the machine boots without a config
	Limit string // of the user data
	Set   string // the command of the cloud's own tool that sets it
}

// Network says whether a platform needs the network for its config.
type Network string

// The kinds of Network.
const (
	Local  Network = "no"
	Remote Network = "yes"
)

// Fetch asks the platform for the config, and records each place that it asks.
func (p *Platform) Fetch(ctx context.Context, env Env, note func(Attempt)) (Found, error) {
	env.note = note
	if env.Offline && p.Network == Remote {
		return Found{Name: p.source.places()[0]}, ErrNeedNet
	}
	return p.source.find(ctx, &env)
}

// Places names the places where the platform looks, in order, for people.
func (p *Platform) Places() []string { return p.source.places() }

// IDs returns the ids of all platforms, sorted.
func IDs() []string {
	var ids []string
	for _, p := range All() {
		ids = append(ids, p.ID)
	}
	return ids
}

// Find returns the platform with an id; ok is false if there is none.
func Find(id string) (p Platform, ok bool) {
	all := All()
	i := slices.IndexFunc(all, func(p Platform) bool { return p.ID == id })
	if i < 0 {
		return Platform{}, false
	}
	return all[i], true
}

// A source is one way of finding a config.
type source interface {
	find(context.Context, *Env) (Found, error)
	places() []string
}

// logic is a source that has its own function.
type logic struct {
	at []string
	do func(context.Context, *Env) (Found, error)
}

func (l logic) find(ctx context.Context, env *Env) (Found, error) { return l.do(ctx, env) }
func (l logic) places() []string                                  { return l.at }

// module loads a kernel module unless the path that the module creates exists.
func (env *Env) module(ctx context.Context, name, shows string) error {
	if _, err := fs.Stat(env.FS, shows); shows != "" && err == nil {
		return nil
	}
	_, err := env.Run(ctx, "modprobe", name)
	return err
}
