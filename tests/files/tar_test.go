// SPDX-License-Identifier: Apache-2.0

package files

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// BenchmarkAgainstTar runs the files stage of the real program on 10,000 inline files of 600 bytes, and in turn tar on the same
// tree followed by a sync of the filesystem, below the directory for temporary files. It prints the medians and their ratio.
func BenchmarkAgainstTar(b *testing.B) {
	if os.Getuid() != 0 {
		b.Skip("setting owners needs root")
	}
	dir := b.TempDir()
	engine := filepath.Join(dir, "ignition")
	build := exec.Command("go", "build", "-o", engine, "../../internal/cmd/engine")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var files []string
	payload := strings.Repeat("0123456789", 60)
	for i := range 10000 {
		files = append(files, fmt.Sprintf(`{"path":"/data/d%03d/f%06d","mode":416,"contents":{"source":"data:,%s"}}`, i%200, i, payload))
	}
	for name, text := range map[string]string{
		"config.ign": `{"ignition":{"version":"3.4.0"},"storage":{"files":[` + strings.Join(files, ",") + `]}}`, "cmdline": "quiet",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	root, archive := filepath.Join(dir, "root"), filepath.Join(dir, "tree.tar")
	stage := func(name string) (time.Duration, int64) {
		return timed(b, dir, engine, "-platform", "file", "-stage", name, "-root", root, "-config-cache", filepath.Join(dir, "run/ignition.json"),
			"-state-file", filepath.Join(dir, "run/state"), "-neednet", filepath.Join(dir, "run/neednet"), "-log-to-stdout")
	}
	fresh := func() {
		if err := os.RemoveAll(root); err != nil {
			b.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(root, "etc"), 0o755); err != nil {
			b.Fatal(err)
		}
		syscall.Sync()
	}
	var ours, theirs []time.Duration
	var memory int64
	for b.Loop() {
		os.RemoveAll(filepath.Join(dir, "run"))
		fresh()
		stage("fetch")
		syscall.Sync()
		took, peak := stage("files")
		ours, memory = append(ours, took), max(memory, peak)
		if _, err := os.Stat(archive); err != nil {
			timed(b, dir, "tar", "-C", root, "-cf", archive, "data")
		}
		fresh()
		took, _ = timed(b, dir, "sh", "-c", `tar -C "$1" -xf "$2" && sync -f "$1"`, "-", root, archive)
		theirs = append(theirs, took)
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	mine, tar := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(mine.Seconds(), "s/ours")
	b.ReportMetric(tar.Seconds(), "s/tar")
	b.ReportMetric(mine.Seconds()/tar.Seconds(), "ratio")
	b.ReportMetric(float64(memory)/1024, "MiB")
}

// timed runs a program, and returns how long it took and the most memory that it had, in KiB.
func timed(b *testing.B, dir string, program string, args ...string) (time.Duration, int64) {
	b.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "IGNITION_CONFIG_FILE="+filepath.Join(dir, "config.ign"), "IGNITION_KERNEL_CMDLINE_PATH="+filepath.Join(dir, "cmdline"))
	began := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(began)
	if err != nil {
		b.Fatalf("%s: %v\n%s", program, err, out[max(0, len(out)-2000):])
	}
	return took, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
}
