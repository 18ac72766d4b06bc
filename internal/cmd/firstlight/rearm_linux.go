// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"

	"github.com/firstlight-boot/firstlight/internal/rootfs"
	"github.com/firstlight-boot/firstlight/internal/seal"
)

const rearmManual = `
Have the next boot provision this machine, or an image, again: remove the seal
of the last provisioning with its notes and journals, and set the first-boot
flag where that provisioning found it. Nothing else is changed; the next boot
wipes only what its config says to wipe.

Each change is printed. With --dry-run nothing is changed.

The exit code is 0 on success, 1 if the root cannot be read or changed, and 2 if
the command line is wrong.

  firstlight rearm
  firstlight rearm --root /mnt/image --dry-run`

// setupRearm is "firstlight rearm".
func setupRearm(flags *flag.FlagSet) runner {
	dir := flags.String("root", "/", "`dir` of the root to arm")
	dry := flags.Bool("dry-run", false, "print what would be changed, and change nothing")
	return func(args []string, s streams) int {
		if len(args) > 0 {
			return usageError(s, "rearm", "it takes no arguments; name another root with --root")
		}
		if err := rearm(*dir, *dry, s); err != nil {
			fmt.Fprintf(s.err, "firstlight rearm: %v\n", err)
			return exitFailed
		}
		return exitOK
	}
}

func rearm(dir string, dry bool, s streams) error {
	root, err := rootfs.Open(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	files, err := seal.FlagFiles("")
	if err != nil {
		return err
	}
	actions, how, err := seal.Rearm(root, files)
	if err != nil {
		return err
	}
	if len(actions) == 0 {
		fmt.Fprintln(s.out, "no seal: this root was not provisioned, and a boot with the first-boot flag provisions it")
		return nil
	}
	for _, a := range actions {
		fmt.Fprintln(s.out, a.Text)
	}
	if how != "" {
		fmt.Fprintln(s.out, "then "+how)
	}
	if dry {
		return nil
	}
	return seal.Do(root, actions)
}
