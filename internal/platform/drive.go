// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
)

// look is the interval between two looks for a device.
const look = 100 * time.Millisecond

// lookAgain is the pause before a device that could not be mounted is tried again.
const lookAgain = time.Second

// sayEvery is the interval between two progress messages of a wait.
const sayEvery = 5 * time.Second

// errNoDrive is wrapped by the error for a device that has not appeared.
var errNoDrive = errors.New("no such filesystem")

// drive is the source "a file of a filesystem with a label": a config drive, or the filesystem that the kernel command line
// names.
type drive struct {
	label    string
	files    []string      // the first one with content wins
	wait     time.Duration // for the device; 0: as long as a request to a metadata service may take
	optional bool          // a device that does not appear means that there is no config
	strict   bool          // a missing file is an error
	shared   bool          // cloud-init reads the same files: skip a cloud-config in them
	retries  bool          // try a device that cannot be mounted again until the time is over
}

// Drive returns a file of the filesystem with a label, for the kernel command line: it waits 30 s for the device, and
// neither device nor file may be missing.
func Drive(ctx context.Context, env Env, label, file string, note func(Attempt)) (Found, error) {
	env.note = note
	d := drive{label: label, files: []string{file}, wait: 30 * time.Second, strict: true}
	return d.find(ctx, &env)
}

func (d drive) places() []string {
	var list []string
	for _, f := range d.files {
		list = append(list, d.place(f))
	}
	return list
}

func (d drive) place(file string) string { return file + " of the filesystem labeled " + d.label }

func (d drive) find(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: d.place(d.files[0])}
	if d.wait == 0 {
		d.wait = env.Timeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d.wait, fmt.Errorf("%w: none labeled %s has appeared within %s", errNoDrive, d.label, d.wait))
	defer cancel()
	data, err := env.try(found.Name, func() ([]byte, error) {
		file, data, err := d.await(ctx, env)
		found.Name = d.place(file)
		return data, err
	})
	switch {
	case errors.Is(err, errNoDrive) && d.optional:
		return found, nil
	case err != nil:
		return found, &Error{found.Name, err, "attach a filesystem labeled " + d.label + " that has " + path.Join(d.files[0])}
	}
	found.Data = data
	return found, nil
}

// await waits for the device and reads it. It returns the content and the name of the file that had it.
func (d drive) await(ctx context.Context, env *Env) (string, []byte, error) {
	began, said := time.Now(), time.Now()
	var last error
	for {
		wait := look
		if device, ok := env.Drives.Labeled(d.label); ok {
			file, data, err := d.read(ctx, env, device)
			if err == nil || !d.retries {
				return file, data, err
			}
			last, wait = err, lookAgain
		}
		if time.Since(said) >= sayEvery {
			said = time.Now()
			env.say(fmt.Sprintf("waiting for the filesystem labeled %s (%d s of %d)", d.label, int(time.Since(began).Seconds()), int(d.wait.Seconds())))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			if last != nil {
				return d.files[0], nil, last
			}
			return d.files[0], nil, context.Cause(ctx)
		case <-timer.C:
		}
	}
}

// read reads the first file of a device that has content.
func (d drive) read(ctx context.Context, env *Env, device string) (name string, data []byte, err error) {
	name = d.files[0]
	err = env.Drives.Look(context.WithoutCancel(ctx), device, "auto", func(files fs.FS) error {
		for _, f := range d.files {
			text, err := fs.ReadFile(files, strings.TrimPrefix(path.Clean("/"+f), "/"))
			switch {
			case errors.Is(err, fs.ErrNotExist) && !d.strict, d.shared && foreign(text):
			case err != nil:
				return err
			case len(text) > 0:
				name, data = f, text
				return nil
			}
		}
		return nil
	})
	return name, data, err
}

// foreign reports whether a text is a cloud-config, which cloud-init recognizes by its first line.
func foreign(text []byte) bool { return bytes.HasPrefix(text, []byte("#cloud-config\n")) }

// say writes to the log and to the console.
func (env *Env) say(text string) {
	env.Log.Info(text)
	if env.Say != nil {
		env.Say("firstlight: " + text)
	}
}
