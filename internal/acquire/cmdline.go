// SPDX-License-Identifier: Apache-2.0

package acquire

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/platform"
)

// Cmdline is the kernel command line, as words.
type Cmdline []string

// ParseCmdline splits the text of /proc/cmdline.
func ParseCmdline(text string) Cmdline { return strings.Fields(text) }

// Last returns the value of the last NAME=VALUE; ok is false if there is none.
func (c Cmdline) Last(name string) (value string, ok bool) {
	for _, word := range c {
		if v, found := strings.CutPrefix(word, name+"="); found {
			value, ok = v, true
		}
	}
	return value, ok
}

// Kernel parameters that name a config.
const (
	paramURL    = "ignition.config.url"
	paramDevice = "ignition.config.device"
	paramPath   = "ignition.config.path"
)

// fromCmdline returns the config that the kernel command line names: a URL, or a file of a labeled filesystem.
func fromCmdline(ctx context.Context, env Env, note func(platform.Attempt)) (platform.Found, error) {
	values := map[string]string{}
	for _, name := range []string{paramURL, paramDevice, paramPath} {
		value, ok := env.Cmdline.Last(name)
		if ok && value == "" {
			env.Log.Warn("the kernel parameter " + name + " is empty and is ignored")
		}
		values[name] = value
	}
	if raw := values[paramURL]; raw != "" {
		if values[paramDevice] != "" || values[paramPath] != "" {
			env.Log.Warn(paramURL + " is given: " + paramDevice + " and " + paramPath + " are ignored")
		}
		if _, err := url.Parse(raw); err == nil {
			return fromURL(ctx, env, raw)
		}
		env.Log.Warn("the kernel parameter " + paramURL + " is not a URL and is ignored")
	}
	switch label, file := values[paramDevice], values[paramPath]; {
	case label == "" && file == "":
		note(platform.Attempt{Place: "kernel command line", Answer: "it names no config"})
		return platform.Found{}, platform.ErrNoProvider
	case label == "" || file == "":
		return platform.Found{}, errors.New("the kernel parameters " + paramDevice + " and " + paramPath + " belong together; one is missing")
	case label == "." || label == ".." || strings.Contains(label, "/"):
		return platform.Found{}, errors.New("the kernel parameter " + paramDevice + " is not a filesystem label")
	default:
		return platform.Drive(ctx, env.Machine, label, file, note)
	}
}

// errEmpty is the answer of a named URL that has no content.
var errEmpty = errors.New("it is empty; serve a config there, or leave " + paramURL + " out")

func fromURL(ctx context.Context, env Env, raw string) (platform.Found, error) {
	found := platform.Found{Name: fetch.Redact(raw)}
	ctx, cancel := context.WithTimeout(ctx, env.Timeout)
	defer cancel()
	var err error
	found.Data, err = env.HTTP.Bytes(ctx, fetch.Request{URL: raw, Purpose: "config"}, MaxConfig)
	if err == nil && len(found.Data) == 0 {
		err = errEmpty
	}
	return found, err
}
