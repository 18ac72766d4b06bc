// SPDX-License-Identifier: Apache-2.0

// Package sys is the only way for firstlight to touch the machine outside the target root.
//
// It runs programs, mounts, and handles block devices. Each call is one effect, and its caller has decided on it. The
// package shows no secret of a command, neither in the log nor in an error that quotes the command's output.
package sys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Host is the running machine.
type Host struct {
	// Programs maps names of helper programs to the programs that a distribution runs instead.
	Programs map[string]string
	Log      *slog.Logger
	// DeviceTimeout bounds the wait for a device; 0: the constant DeviceTimeout.
	DeviceTimeout time.Duration
	// Say writes progress of long waits to the console; nil: no messages.
	Say func(string)
	// Before, if not nil, is called before every effect with its description. If it returns an error, the effect does not
	// happen and the method fails with that error. It must be safe for concurrent calls.
	Before func(effect string) error
}

var _ Machine = (*Host)(nil)

// effect announces an effect.
func (h *Host) effect(what string) error {
	if h.Before == nil {
		return nil
	}
	return h.Before(what)
}

// A Command is one run of a helper program.
type Command struct {
	Name  string // as in the search path, before Host.Programs
	Args  []string
	Stdin []byte   // not shown
	Quiet bool     // the arguments hold a secret and are not shown
	Hide  []string // further secrets that the program may know and print
	// Secret, if not nil, is the content of SecretFile for the program. It is only in memory, without a file name.
	Secret []byte
}

// SecretFile is the path at which a program run with Command.Secret, and its children, read the secret.
const SecretFile = "/proc/self/fd/3"

// Program returns the program that is run for a helper's name.
func (h *Host) Program(name string) string {
	if p := h.Programs[name]; p != "" {
		return p
	}
	return name
}

// Missing implements Programs.
func (h *Host) Missing(names ...string) []string {
	var missing []string
	for _, n := range names {
		if _, err := exec.LookPath(h.Program(n)); err != nil {
			missing = append(missing, n)
		}
	}
	return missing
}

// Run implements Programs. The end of the context does not kill a running program, which would leave its device
// half-written.
func (h *Host) Run(ctx context.Context, c Command) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	program := h.Program(c.Name)
	words := []string{strconv.Quote(program)}
	for _, a := range c.Args {
		if c.Quiet {
			a = redacted
		}
		words = append(words, strconv.Quote(a))
	}
	h.Log.Debug("executing: " + strings.Join(words, " "))
	if err := h.effect("run " + c.Name); err != nil {
		return nil, err
	}
	cmd := exec.Command(program, c.Args...)
	if c.Secret != nil {
		secret, err := memoryFile(c.Secret)
		if err != nil {
			return nil, fmt.Errorf("keep a secret for %s: %w", c.Name, err)
		}
		defer secret.Close()
		cmd.ExtraFiles = []*os.File{secret} // descriptor 3
	}
	cmd.Stdin = bytes.NewReader(c.Stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			err = fmt.Errorf("the program is not in the initramfs")
		}
		return stdout.Bytes(), c.Failed(program, stderr.String(), err)
	}
	return stdout.Bytes(), nil
}

// ResetUmask sets the file mode creation mask of this process and its helper programs to 022, whatever the caller's is: the modes of
// all nodes are part of a plan.
func ResetUmask() { unix.Umask(0o022) }

// memoryFile returns an unnamed file in memory that holds data. Each open through /proc reads from the beginning.
func memoryFile(data []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("secret", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "secret")
	if _, err := file.Write(data); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// PeakMemory returns the peak memory use of this process in bytes (VmHWM of proc_pid_status(5)), or 0 if it is not known.
func PeakMemory() int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "VmHWM:" {
			kib, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
