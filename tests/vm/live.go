// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A scenario is a directory with the initial state of disks, a config, and the expected state. One running guest runs many of
// them, each by the stages of a boot up to mount:
//
//	before      run first; disk N prints the device of the N-th disk
//	config.ign  the config, with the placeholders of the laboratory
//	runs        the number of runs (1); the environment variable FIRSTLIGHT_RUNS overrides it
//	untouched   disks, or extents of one by first and last sector, that must not change
//	expect      as of a case, with "engine failed" where the stages must refuse
//	after       run at the end, with everything mounted below $target; it must succeed

// A Lab is a machine for scenarios, with its environment.
type Lab struct {
	Machine
	Fill *strings.Replacer // of placeholders in configs
}

// NewLab makes a laboratory in a directory: disks, a TPM, and a Tang server.
func NewLab(guest Guest, dir string, disks []string) (lab *Lab, stop func(), err error) {
	var tang Tang
	if err := tang.Start(filepath.Join(dir, "tang")); err != nil {
		return nil, nil, err
	}
	lab = &Lab{Machine: Machine{Guest: guest, Dir: dir, Disks: disks, Net: true, TPM: true}, Fill: strings.NewReplacer(tang.Placeholders()...)}
	return lab, tang.Close, lab.Create()
}

// liveTime bounds the time of a guest that runs scenarios.
const liveTime = 40 * time.Minute

// Live runs the scenarios of directories and returns the guest's report on the runs of each. With an error, the result has
// only the finished scenarios.
func (l *Lab) Live(dirs []string) (map[string][]string, error) {
	files := filepath.Join(l.Dir, "files.tar")
	archive, err := l.archive(dirs)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(files, archive, 0o644); err != nil {
		return nil, err
	}
	r, err := l.Start(Boot{
		Files: files, Timeout: liveTime, Console: os.Stderr,
		Script: "mkdir /run/live && tar -C /run/live -xf /dev/disk/by-id/virtio-files && bash /run/live/live /run/live",
	})
	if err != nil {
		return nil, err
	}
	said, err := r.Wait()
	if err != nil {
		err = fmt.Errorf("%w; the console ends with\n%s", err, tail(r.Console(), 60))
	}
	runs := map[string][]string{}
	for _, part := range strings.Split("\n"+said, "\nscenario ")[1:] {
		name, text, _ := strings.Cut(part, "\n")
		runs[name] = append(runs[name], text)
	}
	return runs, err
}

// archive packs the engine, the scripts and the scenarios, with placeholders filled in.
func (l *Lab) archive(dirs []string) ([]byte, error) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name, file string) error {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		switch n := os.Getenv("FIRSTLIGHT_RUNS"); {
		case filepath.Base(file) == "config.ign":
			data = []byte(l.Fill.Replace(string(data)))
		case filepath.Base(file) == "runs" && n != "":
			data = []byte(n)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(data))}); err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	for _, file := range []string{l.Guest.engine, filepath.Join(l.Guest.scripts, "facts"), filepath.Join(l.Guest.scripts, "live")} {
		if err := add(filepath.Base(file), file); err != nil {
			return nil, err
		}
	}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			return add(filepath.Join("scenarios", filepath.Base(dir), d.Name()), name)
		})
		if err != nil {
			return nil, err
		}
	}
	return b.Bytes(), w.Close()
}
