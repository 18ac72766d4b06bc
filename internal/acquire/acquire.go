// SPDX-License-Identifier: Apache-2.0

// Package acquire gets the config of a run: it finds the user's config, renders its references, and reads the base configs of
// the distribution.
//
// It decides nothing about the machine and writes nothing. Whatever it returns without an error has been validated, and knows
// the file, line and column of each of its values.
package acquire

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/platform"
)

// MaxConfig is the most that one config may hold, in bytes, decompressed.
const MaxConfig = config.MaxBytes

// Kinds of fetched configs, as the state file and the journal name them.
const (
	KindBase = "base"
	KindUser = "user"
)

// A Fetched is one config that went into a run.
type Fetched struct {
	Kind       string `json:"kind"`
	Source     string `json:"source"`
	Referenced bool   `json:"referenced"`
}

// Env is all that acquiring sees of the machine.
type Env struct {
	Platform platform.Platform
	Machine  platform.Env
	Cmdline  Cmdline
	Dirs     []string // system config directories, the highest priority first, as paths below Machine.FS
	Timeout  time.Duration
	HTTP     *fetch.Client
	// JSONOnly says that configs in YAML are not read.
	JSONOnly bool
	// Verify checks the user's config, decompressed, before it is parsed; nil: any config is accepted.
	Verify func(data []byte) error
	// Note is called with each config that was fetched.
	Note func(Fetched)
	Log  *slog.Logger
}

// A User is the rendered config of the user.
type User struct {
	Document config.Document
	Source   string // for people: "qemu (fw_cfg opt/com.coreos/config)"
	Empty    bool   // no source had a config
	Files    []platform.File
	Tried    []platform.Attempt // the places that were asked, in the order of their answers
}

// FetchUser finds the user's config in the first source that has one, and renders it. What was tried is returned even with an
// error.
func FetchUser(ctx context.Context, env Env) (User, error) {
	var user User
	var mu sync.Mutex
	note := func(a platform.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		user.Tried = append(user.Tried, a)
	}
	for _, s := range []struct {
		name string
		find func(context.Context, Env, func(platform.Attempt)) (platform.Found, error)
	}{
		{"cmdline", fromCmdline},
		{"system", fromSystem},
		{env.Platform.ID, func(ctx context.Context, env Env, note func(platform.Attempt)) (platform.Found, error) {
			return env.Platform.Fetch(ctx, env.Machine, note)
		}},
	} {
		found, err := s.find(ctx, env, note)
		if errors.Is(err, platform.ErrNoProvider) {
			continue
		}
		user.Source, user.Files = s.name, found.Files
		if found.Name != "" && found.Name != s.name {
			user.Source += " (" + found.Name + ")"
		}
		if err == nil {
			user.Document, user.Empty, err = env.parseUser(ctx, s.name, found)
		} else {
			err = fmt.Errorf("read the config from %s: %w", s.name, err)
		}
		if user.Empty || err != nil && !errors.Is(err, fetch.ErrNeedNet) {
			env.report(user)
		}
		return user, err
	}
	env.report(user)
	return user, fmt.Errorf("read the config from %s: %w", env.Platform.ID, platform.ErrNoProvider)
}

// report lists the places that were asked when there is no config. If the machine boots without one, the console shows the list
// too.
func (env Env) report(user User) {
	lines := []string{"these places were asked for the config:"}
	if user.Empty {
		lines = []string{"no config was found, so the machine boots as its image is; these places were asked:"}
	}
	for _, a := range user.Tried {
		lines = append(lines, fmt.Sprintf("  %s: %s (%s)", a.Place, a.Answer, a.Took.Round(time.Millisecond)))
	}
	for _, l := range lines {
		env.Log.Info(l)
	}
	if user.Empty && env.Machine.Say != nil {
		env.Machine.Say("firstlight: " + strings.Join(lines, "\n"))
	}
}

// Given parses and renders a config that the caller has read from the file name.
func Given(ctx context.Context, env Env, name string, data []byte) (config.Document, error) {
	doc, _, err := env.parseUser(ctx, "file", platform.Found{Name: name, Data: data})
	return doc, err
}

// parseUser parses and renders a source's config.
func (env Env) parseUser(ctx context.Context, source string, found platform.Found) (config.Document, bool, error) {
	data, err := config.Gunzip(found.Data)
	if err != nil {
		return config.Document{}, false, fmt.Errorf("read the config from %s: %w", found.Name, err)
	}
	if env.Verify != nil {
		if err := env.Verify(data); err != nil {
			return config.Document{}, false, err
		}
	}
	if len(data) == 0 {
		return config.Empty(), true, nil
	}
	defer logDigest(env.Log, data)()
	doc, err := env.parse(found.Name, data)
	if err != nil {
		return config.Document{}, false, err
	}
	env.Note(Fetched{Kind: KindUser, Source: source})
	doc, err = Render(ctx, doc, env.renderOptions())
	if err != nil {
		return config.Document{}, false, err
	}
	return env.finish(ctx, doc)
}

// finish prepares a rendered config for later stages: it puts the certificate authorities inline and validates the whole.
func (env Env) finish(ctx context.Context, doc config.Document) (config.Document, bool, error) {
	if err := env.HTTP.Configure(ctx, fetch.SettingsOf(doc.Config)); err != nil {
		return config.Document{}, false, placed(doc, err)
	}
	if err := env.inlineAuthorities(ctx, &doc.Config); err != nil {
		return config.Document{}, false, err
	}
	report := config.Validate(doc)
	LogReport(env.Log, report)
	if report.HasErrors() {
		return config.Document{}, false, &InvalidError{Source: "the config as merged", Report: report}
	}
	return doc, false, nil
}

// parse parses one config and logs the findings.
func (env Env) parse(name string, data []byte) (config.Document, error) {
	doc, report := config.ParseWith(diag.NewSource(name, data), config.Options{JSONOnly: env.JSONOnly})
	LogReport(env.Log, report)
	if report.HasErrors() {
		return config.Document{}, &InvalidError{Source: name, Report: report}
	}
	return doc, nil
}

// fromSystem returns the config that the initramfs itself holds.
func fromSystem(_ context.Context, env Env, note func(platform.Attempt)) (platform.Found, error) {
	for _, dir := range env.Dirs {
		name := path.Join(dir, "user.ign")
		data, err := fs.ReadFile(env.Machine.FS, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return platform.Found{Name: "/" + name, Data: data}, err
	}
	note(platform.Attempt{Place: "user.ign", Answer: "not in /" + strings.Join(env.Dirs, ", /")})
	return platform.Found{}, platform.ErrNoProvider
}

// Base reads and merges the distribution's configs: base.d, then base.platform.d/PLATFORM over it.
func Base(env Env) (config.Document, error) {
	base, err := env.fragments("base.d")
	if err != nil {
		return config.Document{}, err
	}
	over, err := env.fragments(path.Join("base.platform.d", env.Platform.ID))
	if err != nil {
		env.Log.Warn("the configs for platform " + env.Platform.ID + " are left out: " + err.Error())
		return base, nil
	}
	return config.Merge(base, over), nil
}

// fragments merges the configs of one directory, over all system directories. A file masks those of the same name in directories
// of lower priority; names in byte order give the order of merging.
func (env Env) fragments(sub string) (config.Document, error) {
	files := map[string]string{}
	var names []string
	for _, dir := range env.Dirs {
		entries, err := fs.ReadDir(env.Machine.FS, path.Join(dir, sub))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return config.Document{}, fmt.Errorf("read base configs: %w", err)
		}
		for _, e := range entries {
			if files[e.Name()] == "" {
				files[e.Name()] = path.Join(dir, sub, e.Name())
				names = append(names, e.Name())
			}
		}
	}
	slices.Sort(names)
	merged := config.Empty()
	for _, n := range names {
		data, err := fs.ReadFile(env.Machine.FS, files[n])
		if err != nil {
			return config.Document{}, fmt.Errorf("read base config: %w", err)
		}
		if data, err = config.Gunzip(data); err != nil {
			return config.Document{}, fmt.Errorf("read base config /%s: %w", files[n], err)
		}
		doc, err := env.parse("/"+files[n], data)
		if err != nil {
			return config.Document{}, err
		}
		merged = config.Merge(merged, doc)
	}
	return merged, nil
}

// inlineAuthorities fetches every certificate authority and replaces its URL by its text, so that later stages trust it without
// the network.
func (env Env) inlineAuthorities(ctx context.Context, c *types.Config) error {
	list := slices.Clone(c.Ignition.Security.TLS.CertificateAuthorities)
	for i, r := range list {
		pem, err := env.HTTP.Authority(ctx, fetch.FromResource(r))
		if err != nil {
			return fmt.Errorf("fetch certificate authority: %w", err)
		}
		url := fetch.DataURL(pem)
		list[i].Source, list[i].HTTPHeaders, list[i].Compression = &url, nil, nil
	}
	c.Ignition.Security.TLS.CertificateAuthorities = list
	return nil
}
