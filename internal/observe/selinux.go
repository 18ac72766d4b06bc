// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/facts"
)

// seLinuxConfig is where a target names its policy (selinux_config(5)).
const seLinuxConfig = "/etc/selinux/config"

// mostSELinuxConfig bounds its size, in bytes.
const mostSELinuxConfig = 1 << 20

// policy reads the name of the target's SELinux policy.
func (m Machine) policy(q facts.Questions, f *facts.Facts) error {
	if !q.Policy {
		return nil
	}
	f.SELinux = &facts.SELinux{}
	place, err := m.Root.Follow(seLinuxConfig)
	if err != nil {
		return err
	}
	text, err := m.Root.ReadFile(place, mostSELinuxConfig)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		return nil
	} else if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "SELINUXTYPE="); ok {
			name = strings.TrimSpace(name)
			if name != "" && path.Base(name) == name && name != ".." {
				f.SELinux.Policy = name
				return nil
			}
		}
	}
	f.SELinux.Problem = seLinuxConfig + " of the target names no policy: it has no SELINUXTYPE"
	return nil
}
