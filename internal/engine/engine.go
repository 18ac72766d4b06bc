// SPDX-License-Identifier: Apache-2.0

// Package engine runs one stage of a boot: it acquires the config, observes the machine, plans, applies and reports.
//
// Only this package knows the order of these steps. It leaves a machine alone whose root has the seal of an earlier
// provisioning, and fails the boot unless the machine matches the config exactly.
package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/logx"
	"github.com/firstlight-boot/firstlight/internal/metadata"
	"github.com/firstlight-boot/firstlight/internal/metadata/google"
	"github.com/firstlight-boot/firstlight/internal/platform"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/version"
)

// Options are the flags of one run.
type Options struct {
	Platform, Stage, Root           string
	ConfigCache, NeedNet, StateFile string
	Console                         string // device that people look at; empty: none, or they must not see anything
	FetchTimeout                    time.Duration
	LogToStdout                     bool
	Stdout, Stderr                  io.Writer
	Getenv                          func(string) string
}

// Exit codes of a run.
const (
	ExitOK      = 0
	ExitFailed  = 1
	ExitUsage   = 2
	ExitPrepare = 3
)

// run is one stage in progress.
type run struct {
	o        Options
	stage    stage
	platform platform.Platform
	distro   Distro
	cmdline  acquire.Cmdline
	log      *slog.Logger
	flush    func() // of the log
	host     *sys.Host
	boot     fetch.Bootstrap
	http     *fetch.Client
	metadata *metadata.Client
	state    *handover.State
	progress handover.Progress
	cached   []byte // the config that earlier stages cached, until it has its digest
	digest   string // of the merged config, hex SHA-256
	began    time.Time
	identity func() identity // as it was when the stage that seals began
}

// Run runs one stage and returns the exit code of the process.
func Run(ctx context.Context, o Options) int {
	sys.ResetUmask()
	log, flush := openLog(o)
	defer flush()
	r := &run{o: o, began: time.Now(), log: log, flush: flush}
	r.log.Info("Ignition " + version.Version())
	r.log.Info("Stage: " + o.Stage)
	if err := r.prepare(); err != nil {
		return r.fail(err, ExitPrepare)
	}
	err := r.run(ctx)
	r.postStatus(ctx, err)
	if err != nil {
		return r.fail(err, ExitFailed)
	}
	r.log.Info("Ignition finished successfully")
	return ExitOK
}

// openLog opens the log that the options ask for; without syslog, standard output. flush writes the last lines.
func openLog(o Options) (log *slog.Logger, flush func()) {
	var sink logx.Sink = logx.Stdout{W: o.Stdout}
	var problem error
	if !o.LogToStdout {
		var syslog *logx.Syslog
		if syslog, problem = logx.OpenSyslog("ignition"); problem == nil {
			sink = syslog
		}
	}
	batch := logx.NewBatch(sink)
	log = logx.New(batch)
	if problem != nil {
		log.Error("log to standard output: " + problem.Error())
	}
	return log, func() { _ = batch.Flush() } // an error of the log has no other place to go
}

// prepare reads what a stage needs before it can start.
func (r *run) prepare() error {
	var known bool
	if r.stage, known = findStage(r.o.Stage); !known {
		return fmt.Errorf("no stage is named %q", r.o.Stage)
	}
	var err error
	if r.platform, err = findPlatform(r.o.Platform, r.log); err != nil {
		return err
	}
	if r.distro, err = ReadDistro(r.o.Getenv); err != nil {
		return err
	}
	text, err := os.ReadFile(r.distro.CmdlinePath)
	if err != nil {
		return fmt.Errorf("read kernel command line: %w", err)
	}
	r.cmdline = acquire.ParseCmdline(string(text))
	r.host = r.newHost(r.log)
	if r.progress, err = handover.LoadProgress(r.progressFile()); err != nil {
		return err
	}
	if r.progress.Root == "" && r.stage.acquires {
		r.progress.Root = r.o.Root
	}
	if r.elsewhere() {
		r.progress = handover.Progress{Root: r.progress.Root, Source: r.progress.Source}
	}
	var sessions metadata.Sessions
	if len(r.progress.Sessions) > 0 {
		if err := json.Unmarshal(r.progress.Sessions, &sessions); err != nil {
			return fmt.Errorf("read the sessions with metadata services: %w", err)
		}
	}
	r.metadata = metadata.New(metadata.Options{Version: version.Version(), Log: r.log, Say: r.say, Sessions: sessions})
	if err := r.prepareFetch(); err != nil {
		return err
	}
	r.state, err = handover.Load(r.o.StateFile)
	return err
}

// prepareFetch makes the client of this run, with the settings of the kernel command line.
func (r *run) prepareFetch() error {
	var err error
	if r.boot, err = fetch.ParseBootstrap(r.cmdline.Last); err != nil {
		return err
	}
	var ca []byte
	if strings.HasPrefix(r.boot.CA, "/") {
		if ca, err = os.ReadFile(r.boot.CA); err != nil {
			return fmt.Errorf("read the certificate authority of the kernel command line: %w", err)
		}
	}
	r.http, err = fetch.New(fetch.Options{
		Version: version.Version(), Offline: r.stage.offline, Log: r.log, Platform: r.platform.ID, AzureClientID: r.o.Getenv("AZURE_CLIENT_ID"),
		EC2: r.ec2Item, Google: google.Account(r.metadata),
		Say: func(text string) { r.say("firstlight: " + text) }, Total: r.boot.Timeout, Base: r.boot.Settings(ca),
	})
	return err
}

// fetchTimeout is the time limit for getting the user's config.
func (r *run) fetchTimeout() time.Duration {
	if r.boot.Timeout > 0 {
		return r.boot.Timeout
	}
	return r.o.FetchTimeout
}

// progressFile is where the stages of a boot keep their progress; runs on other roots have their own file.
func (r *run) progressFile() string {
	name := "progress.json"
	if r.elsewhere() {
		name = "progress-elsewhere.json"
	}
	return filepath.Join(filepath.Dir(r.o.StateFile), name)
}

// run does the stage, unless the machine is provisioned already.
func (r *run) run(ctx context.Context) error {
	if r.stage.onRoot {
		if err := r.persist(ctx); err != nil {
			return err
		}
	}
	if r.stage.seals {
		r.identity = r.identifyAhead(ctx)
		defer r.identity() // the look may have a device mounted
	}
	sealed, err := r.sealed(ctx)
	if err == nil && sealed == nil {
		err = r.work(ctx)
	}
	if errors.Is(err, errSealed) {
		sealed, err = r.progress.Sealed, nil
	}
	if err != nil {
		return err
	}
	if sealed != nil {
		r.log.Info("already provisioned on " + sealed.Provisioned + " (boot " + sealed.BootID + "): nothing is done")
		if r.stage.seals && !r.elsewhere() {
			r.inform("firstlight: already provisioned on " + sealed.Provisioned + "; nothing was done")
			if err := r.leaveWatch(r.flag(ctx)); err != nil {
				r.log.Warn(err.Error())
			}
		}
		return r.forgetMarks(ctx)
	}
	if err := r.forgetMarks(ctx); err != nil {
		return err
	}
	if err := r.state.Save(r.o.StateFile); err != nil {
		return err
	}
	r.progress.Add(r.stage.name, time.Since(r.began), sys.PeakMemory())
	if r.progress.Sessions, err = json.Marshal(r.metadata.Sessions()); err != nil {
		return fmt.Errorf("keep the sessions with metadata services: %w", err)
	}
	if r.stage.seals {
		r.progress.Sessions = nil
	}
	if err := r.progress.Save(r.progressFile()); err != nil {
		return err
	}
	if r.stage.seals && !r.elsewhere() {
		r.inform(r.progress.Summary())
	}
	return nil
}

// forgetMarks removes the marks that the disks stage left on disks in case of a power cut. It runs once the root is sealed: in
// the stage that seals, and again in the last stage, in case power failed right after the seal.
func (r *run) forgetMarks(ctx context.Context) error {
	if !r.stage.forgets || r.elsewhere() {
		return nil
	}
	if found, err := r.readSeal(r.o.Root); err != nil || found == nil {
		return err
	}
	return apply.ForgetMarks(ctx, &apply.Machine{Sys: r.host, Log: r.log})
}

// deviceTimeout is the kernel parameter for how long to wait for a device, such as "3m".
const deviceTimeout = "ignition.device-timeout"

// newHost returns the machine as the engine works on it.
func (r *run) newHost(log *slog.Logger) *sys.Host {
	h := &sys.Host{Programs: r.distro.Programs, Log: log, Say: func(text string) { r.say("firstlight: " + text) }}
	if text, ok := r.cmdline.Last(deviceTimeout); ok {
		limit, err := time.ParseDuration(text)
		if err != nil || limit <= 0 {
			log.Warn("the kernel parameter " + deviceTimeout + " is not a duration such as 90s and is ignored")
			limit = 0
		}
		h.DeviceTimeout = limit
	}
	return h
}

// work acquires the config and runs the body of the stage.
func (r *run) work(ctx context.Context) error {
	if r.stage.acquires {
		watched, stop := r.watch(ctx)
		doc, err := r.acquire(watched)
		got, patience := err == nil, r.patience(&doc.Config, err)
		if errors.Is(err, fetch.ErrNeedNet) && r.stage.offline {
			r.log.Info("the network is needed: " + err.Error())
			patience, err = 0, r.signalNeedNet()
		}
		if err := stop(err, patience); err != nil {
			return err
		}
		if got {
			if err := r.skipIdle(&doc.Config); err != nil {
				return err
			}
		}
		r.log.Info(r.stage.name + ": " + r.stage.name + " passed")
		return nil
	}
	doc, err := r.acquire(ctx)
	if err != nil {
		return err
	}
	if r.stage.seals {
		err = r.catchUp(ctx, &doc.Config)
	} else {
		err = r.decide(ctx, &doc.Config)
	}
	if err != nil {
		return err
	}
	prefixed := *r
	prefixed.log = logx.Prefix(r.log, r.stage.name+":")
	prefixed.host = r.newHost(prefixed.log)
	err = prefixed.body(ctx, doc)
	r.progress = prefixed.progress
	if err != nil {
		return err
	}
	prefixed.log.Info(r.stage.name + " passed")
	return nil
}

// acquire returns the base configs merged with the user's config.
func (r *run) acquire(ctx context.Context) (config.Document, error) {
	base, err := acquire.Base(r.acquireEnv())
	if err != nil {
		return config.Document{}, err
	}
	r.note(acquire.Fetched{Kind: acquire.KindBase, Source: "system"})
	user, err := r.userConfig(ctx, base)
	if err != nil {
		return config.Document{}, err
	}
	merged := config.Merge(base, user)
	if r.stage.acquires {
		return merged, nil
	}
	r.setDigest(base, merged)
	return merged, nil
}

// setDigest sets the digest of the merged config. Without base configs, the cache holds that config, and it need not be encoded again.
func (r *run) setDigest(base, merged config.Document) {
	text := r.cached
	if r.cached = nil; !base.IsEmpty() {
		text = config.Marshal(merged.Config)
	}
	sum := sha256.Sum256(text)
	r.digest = hex.EncodeToString(sum[:])
}

// acquireEnv is what acquiring the config may see.
func (r *run) acquireEnv() acquire.Env {
	var dirs []string
	for _, d := range r.distro.ConfigDirs {
		dirs = append(dirs, filepath.Clean(d)[1:])
	}
	return acquire.Env{
		Platform: r.platform, Cmdline: r.cmdline, Dirs: dirs, Timeout: r.fetchTimeout(), Verify: r.boot.Verify, JSONOnly: r.distro.JSONOnly,
		HTTP: r.http, Note: r.note, Log: r.log, Machine: r.platformEnv(),
	}
}

// note records a config that went into the run, for the state file and for programs that read the journal.
func (r *run) note(of acquire.Fetched) {
	f := handover.Fetched(of)
	r.state.Update(func(s *handover.State) {
		if !slices.Contains(s.FetchedConfigs, f) {
			s.FetchedConfigs = append(s.FetchedConfigs, f)
		}
	})
	referenced, words := "false", "fetched "
	if f.Referenced {
		referenced, words = "true", "fetched referenced "
	}
	if err := logx.Journal(
		logx.Field{Name: "MESSAGE", Value: words + f.Kind + " config from \"" + f.Source + "\""},
		logx.Field{Name: "MESSAGE_ID", Value: "57124006b5c94805b77ce473e92a8aeb"},
		logx.Field{Name: "IGNITION_CONFIG_TYPE", Value: f.Kind},
		logx.Field{Name: "IGNITION_CONFIG_SRC", Value: f.Source},
		logx.Field{Name: "IGNITION_CONFIG_REFERENCED", Value: referenced},
		logx.Field{Name: "PRIORITY", Value: "6"},
		logx.Field{Name: "SYSLOG_IDENTIFIER", Value: "ignition"},
	); err != nil {
		r.log.Warn(err.Error())
	}
}
