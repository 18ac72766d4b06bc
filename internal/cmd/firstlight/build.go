// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/lint"
	"github.com/firstlight-boot/firstlight/config/spec"
)

const buildManual = `
Translate YAML with a variant, FILE or standard input, into configs that
machines read. Several documents need --check, or a directory as --output. The
config goes to standard output and the report to standard error; with --check
only the report is written, to standard output. The exit code is 0 if all
documents are valid, 1 if one is not, and 2 if the command line is wrong.

  firstlight build --files-dir . --target 3.4.0 --output web.ign web.bu
  firstlight build --watch --check web.bu`

// filesDirUsage explains the flag --files-dir.
const filesDirUsage = "read local files below this `dir` only"

// A builder is "firstlight build" with its flags.
type builder struct {
	streams
	format, filesDir, output          string
	strict, check, watch, pretty, raw bool
	target                            target
	files                             fs.FS
}

// setupBuild is "firstlight build".
func setupBuild(flags *flag.FlagSet) runner {
	b := &builder{}
	choiceVar(flags, &b.format, "format", formatText, reportFormats, "report `form`")
	flags.BoolVar(&b.strict, "strict", false, "fail on warnings and infos too")
	flags.BoolVar(&b.check, "check", false, "report only; write no config")
	flags.BoolVar(&b.watch, "watch", false, "build again whenever a document or local file changes")
	flags.BoolVar(&b.pretty, "pretty", false, "indent the config")
	flags.BoolVar(&b.raw, "raw", false, "write no MachineConfig around the config")
	flags.StringVar(&b.filesDir, "files-dir", "", filesDirUsage)
	flags.StringVar(&b.output, "output", "", "`file` to write to, or a directory")
	flags.Var(&b.target, "target", "spec `version` that machines read: 3.4.0, fcos@38")
	return func(args []string, s streams) int {
		b.streams = s
		return b.run(args)
	}
}

// run checks the command line and builds.
func (b *builder) run(names []string) int {
	if len(names) == 0 {
		names = []string{"-"}
	}
	if len(names) > 1 && !b.check && !isDirectory(b.output) {
		return usageError(b.streams, "build", "several documents need --check, or an existing directory as --output")
	}
	if one, other := b.collision(names); one != "" {
		return usageError(b.streams, "build", fmt.Sprintf("%s and %s would have the same file in %s; build them one by one", one, other, b.output))
	}
	if b.watch && slices.Contains(names, "-") {
		return usageError(b.streams, "build", "standard input cannot be watched; name a file")
	}
	files, done, err := openFiles(b.filesDir)
	if err != nil {
		fmt.Fprintf(b.err, "firstlight build: %v\n", err)
		return exitFailed
	}
	defer done()
	b.files = files
	if !b.watch {
		return b.all(names)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	ours := b.outputs(names)
	watch(interrupted, func() string { return snapshot(names, b.files, ours) }, func() {
		if b.all(names) == exitOK && b.check {
			fmt.Fprintf(b.err, "%s: no errors\n", plural(len(names), "document"))
		}
	})
	return exitOK
}

// all builds documents and returns the worst exit code. In formats for programs all findings are one report.
func (b *builder) all(names []string) int {
	to := b.err
	if b.check {
		to = b.out
	}
	code := exitOK
	var all diag.List
	for _, name := range names {
		report, err := b.one(name)
		if report.HasErrors() || err != nil || b.strict && len(report) > 0 {
			code = exitFailed
		}
		if all = append(all, report...); b.format == formatText && len(report) > 0 {
			if err := writeFindings(to, b.format, report); err != nil {
				return exitFailed
			}
		}
		if err != nil {
			fmt.Fprintf(b.err, "firstlight build: %v\n", err)
		}
	}
	if b.format != formatText {
		if err := writeFindings(to, b.format, all); err != nil {
			return exitFailed
		}
	}
	return code
}

// one builds one document.
func (b *builder) one(name string) (diag.List, error) {
	text, err := read(name, b.in)
	if err != nil {
		return unreadable(name, err), nil
	}
	if name == "-" {
		name = "<stdin>"
	}
	src := diag.NewSource(name, text)
	r, d, report := config.Translate(src, author.Options{Files: b.files, Raw: b.raw})
	if report = lint.Authored(src, r, d, report); report.HasErrors() {
		return report, nil
	}
	version := r.Variant.Spec
	if b.target.text != "" {
		var found diag.List
		if version, found = oldest(d, b.target.most); found.HasErrors() {
			return append(report, lint.Relocate(r, found)...), nil
		}
	}
	if b.check || b.strict && len(report) > 0 {
		return report, nil
	}
	return report, b.write(name, r, version)
}

// oldest returns the oldest version that can express a config, or what needs a newer one than the newest allowed.
func oldest(d config.Document, most spec.Version) (spec.Version, diag.List) {
	var report diag.List
	for v := spec.V3_0; v <= most; v++ {
		if _, report = config.MarshalVersion(d, v); !report.HasErrors() {
			return v, nil
		}
	}
	return 0, report.Errors()
}

// write writes the config to its output.
func (b *builder) write(name string, r *author.Result, version spec.Version) error {
	wrapped := r.Variant.MachineConfig() && !b.raw
	write := func(w io.Writer) error {
		if wrapped {
			return r.WriteMachineConfig(w, version)
		}
		return r.WriteJSON(w, version, b.pretty)
	}
	to := b.output
	if to == "" {
		if err := write(b.out); err != nil {
			return fmt.Errorf("write config: %w", err)
		}
		return nil
	}
	if isDirectory(to) {
		to = inDirectory(to, name, wrapped)
		if sameFile(to, name) {
			return fmt.Errorf("write config to %s: this is the document itself; choose another directory with --output", to)
		}
	}
	return writeFile(to, write)
}

// inDirectory returns the path of a document's config in the directory that all go to.
func inDirectory(dir, name string, wrapped bool) string {
	ext := ".ign"
	if wrapped {
		ext = ".yaml"
	}
	base := filepath.Base(name)
	return filepath.Join(dir, strings.TrimSuffix(base, filepath.Ext(base))+ext)
}

// collision returns two documents whose configs would get the same name in the directory that all go to, or nothing.
func (b *builder) collision(names []string) (one, other string) {
	if b.check || !isDirectory(b.output) {
		return "", ""
	}
	taken := map[string]string{}
	for _, name := range names {
		to := inDirectory(b.output, name, false)
		if one, ok := taken[to]; ok {
			return one, name
		}
		taken[to] = name
	}
	return "", ""
}

// outputs returns the files below the directory of local files that a build may write, by their slash-separated paths in it. They are no
// reason to build again.
func (b *builder) outputs(names []string) map[string]bool {
	var written []string
	switch {
	case b.output == "" || b.filesDir == "":
		return nil
	case !isDirectory(b.output):
		written = []string{b.output}
	default:
		for _, name := range names {
			written = append(written, inDirectory(b.output, name, false), inDirectory(b.output, name, true))
		}
	}
	dir, err := filepath.Abs(b.filesDir)
	if err != nil {
		return nil
	}
	ours := map[string]bool{}
	for _, name := range written {
		if name, err = filepath.Abs(name); err != nil {
			continue
		}
		if name, err = filepath.Rel(dir, name); err == nil {
			ours[filepath.ToSlash(name)] = true
		}
	}
	return ours
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
