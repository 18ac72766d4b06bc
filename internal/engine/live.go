// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/logx"
	"github.com/firstlight-boot/firstlight/internal/observe"
	"github.com/firstlight-boot/firstlight/internal/plan"
	"github.com/firstlight-boot/firstlight/internal/provision"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/version"
)

// LiveOptions are the flags of applying a config while a container image is built.
type LiveOptions struct {
	Root              string // target root, absolute
	Config            string // file; "-" is standard input
	IgnoreUnsupported bool   // leave out what cannot be applied, instead of failing
	Offline           bool   // fail if anything needs the network
	Stdin             io.Reader
	Stdout, Stderr    io.Writer
	Getenv            func(string) string
}

// Apply applies the files, directories, links and units of a config to a tree, only in a container, and returns the exit code of
// the process. It makes no accounts and leaves neither seal nor result.
func Apply(ctx context.Context, o LiveOptions) int {
	sys.ResetUmask()
	log, flush := openLog(Options{Stdout: o.Stdout, LogToStdout: true})
	defer flush()
	log.Info("Ignition " + version.Version())
	if err := applyLive(ctx, o, log); err != nil {
		said := map[string]bool{"": true}
		for _, f := range logFailure(log, err) {
			if !said[f.do] {
				log.Log(ctx, logx.Critical, f.do)
			}
			said[f.do] = true
		}
		return ExitFailed
	}
	log.Info("Ignition finished successfully")
	return ExitOK
}

func applyLive(ctx context.Context, o LiveOptions, log *slog.Logger) error {
	if !inContainer(o.Getenv) {
		return errors.New("this is not a container; a running machine would still differ from the config after" +
			" applying it")
	}
	data, err := readGiven(o)
	if err != nil {
		return err
	}
	client, err := fetch.New(fetch.Options{Version: version.Version(), Offline: o.Offline, Log: log})
	if err != nil {
		return err
	}
	doc, err := acquire.Given(ctx, acquire.Env{
		HTTP: client, Note: func(acquire.Fetched) {}, Log: log,
	}, o.Config, data)
	if err != nil {
		return err
	}
	if left := unsupported(&doc.Config); len(left) > 0 && !o.IgnoreUnsupported {
		return fmt.Errorf("the config has %s, which cannot be applied in a container (--ignore-unsupported leaves it out)",
			strings.Join(left, ", "))
	} else if len(left) > 0 {
		log.Warn("left out, since it cannot be applied in a container: " + strings.Join(left, ", "))
	}
	return applyFiles(ctx, o.Root, doc, client, log)
}

// inContainer reports whether the process runs in a container, by the signs that container managers leave
// (container_interface of systemd, podman, docker).
func inContainer(getenv func(string) string) bool {
	if getenv("container") != "" {
		return true
	}
	for _, sign := range []string{"/run/.containerenv", "/.dockerenv"} {
		if _, err := os.Stat(sign); err == nil {
			return true
		}
	}
	return false
}

func readGiven(o LiveOptions) ([]byte, error) {
	in := o.Stdin
	if o.Config != "-" {
		f, err := os.Open(o.Config)
		if err != nil {
			return nil, fmt.Errorf("read config: %w", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, acquire.MaxConfig+1))
	if err == nil && len(data) > acquire.MaxConfig {
		err = fmt.Errorf("it is longer than %d bytes", acquire.MaxConfig)
	}
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", o.Config, err)
	}
	return data, nil
}

// unsupported removes from a config what only a machine supports, and names what it removed.
func unsupported(c *types.Config) []string {
	var left []string
	s := &c.Storage
	for _, section := range []struct {
		name string
		n    int
	}{
		{"kernelArguments", len(c.KernelArguments.ShouldExist) + len(c.KernelArguments.ShouldNotExist)},
		{"storage.disks", len(s.Disks)}, {"storage.raid", len(s.Raid)}, {"storage.luks", len(s.Luks)},
		{"storage.filesystems", len(s.Filesystems)},
		{"passwd.users", len(c.Passwd.Users)}, {"passwd.groups", len(c.Passwd.Groups)},
	} {
		if section.n > 0 {
			left = append(left, section.name)
		}
	}
	c.KernelArguments, c.Passwd = types.KernelArguments{}, types.Passwd{}
	s.Disks, s.Raid, s.Luks, s.Filesystems = nil, nil, nil, nil
	return left
}

// applyFiles applies the parts for container images. Its journals are temporary: a failed build starts over.
func applyFiles(ctx context.Context, dir string, doc config.Document, client *fetch.Client, log *slog.Logger) (err error) {
	root, err := rootfs.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	temp, err := os.MkdirTemp("", "firstlight-")
	if err != nil {
		return fmt.Errorf("make room for the journal: %w", err)
	}
	defer os.RemoveAll(temp)
	host := &sys.Host{Log: log}
	run := &provision.Run{
		Parts: provision.Live(), Doc: doc, Engine: version.Version(), Log: log,
		Inputs:  plan.Inputs{Seed: rand.Text(), Today: int(time.Now().Unix() / (24 * 60 * 60))},
		Machine: observe.Machine{System: host, Root: root},
		Applier: &apply.Machine{Sys: host, Root: root, Fetch: client, Log: log},
		Journals: func(p provision.Part) (*os.Root, string, error) {
			journals, err := os.OpenRoot(temp)
			return journals, p.Name, err
		},
		Findings: func(list diag.List) { acquire.LogReport(log, list) },
	}
	_, err = run.Do(ctx)
	return err
}
