// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/platform"
)

// Platforms returns docs/platforms.md: what is the same on all platforms, then a table and a section for each.
func Platforms() []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Generated from internal/platform/table.go by internal/docgen; do not edit. -->\n\n" + platformsIntro)
	b.WriteString("\n## All platforms\n\n| Platform | Network | Where the config is | Boots without a config if |\n|---|---|---|---|\n")
	for _, p := range platform.All() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s | %s |\n", p.ID, p.ID, p.Network, cell(strings.Join(p.Places(), "; ")), cell(p.Empty))
	}
	for _, p := range platform.All() {
		fmt.Fprintf(&b, "\n### %s\n\n", p.ID)
		for i, place := range p.Places() {
			fmt.Fprintf(&b, "%d. %s\n", i+1, place)
		}
		limit := p.Limit
		if limit == "" {
			limit = "none known"
		}
		fmt.Fprintf(&b, "\nLimit of the user data: %s.", limit)
		if len(p.Modules) > 0 {
			fmt.Fprintf(&b, " Kernel modules: `%s`.", strings.Join(p.Modules, "`, `"))
		}
		if p.Deleter != nil {
			b.WriteString(" `ignition-rmcfg` deletes the config after the first boot.")
		}
		if p.Status != nil {
			b.WriteString(" firstlight reports the result of each stage to the cloud.")
		}
		fmt.Fprintf(&b, " Set it with:\n\n    %s\n", p.Set)
	}
	return b.Bytes()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

const platformsIntro = `# Platforms

For people who boot machines in a cloud or under a hypervisor: where firstlight finds the config, and how to put it there.

` + "The platform is `ignition.platform.id=ID` on the kernel command line. With `ignition.platform.id=auto` firstlight detects it\n" +
	"from the firmware (DMI, fw_cfg, hypervisor) and logs the facts; if they fit several platforms, the boot stops and names them.\n" + `
## Order

1. ` + "`ignition.config.url=URL`" + `, or ` + "`ignition.config.device=LABEL`" + ` with ` + "`ignition.config.path=PATH`" + `, on the kernel command line.
2. ` + "`user.ign`" + ` in ` + "`/run/ignition`, `/etc/ignition`, `/usr/lib/ignition`" + ` of the initramfs.
3. The platform, as below. A platform asks its places in the order of their numbers. Only kubevirt, openstack, brightbox and cloudstack ask all at the same
   time; the place that has a config wins.

The first source that has a config is used, and no other. A source that fails stops the boot. If no source has a config, the machine boots the image
unchanged; the console lists every place that was asked, its answer and the time it took.

## What a config may look like

Ignition JSON, or YAML, the Butane language ([authoring.md](authoring.md)), as it is or compressed with gzip (256 MiB at most, decompressed). Anything else is an error that names the format: a cloud-config, a script, a MIME message,
a web page, base64, UTF-16. ` + "`firstlight validate`" + ` accepts and names the same.

## Metadata services

Requests go straight to the service, never through a proxy. A token is requested once in a boot, and no redirect sees it. A service that does not answer, or answers
with 408, 425, 429 or 5xx, is asked again after 0.2 s, doubling to 5 s, for 2 minutes (` + "`-fetch-timeout`, `firstlight.fetch.timeout=`" + `). Where a service has an IPv4 and an
IPv6 address, the second is asked 0.3 s after the first, and the first answer counts.
`
