// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Auto is the id that stands for "the platform that this machine is on".
const Auto = "auto"

// A clue is a fact of the firmware that points to a platform.
type clue struct {
	id    string
	file  string // below the running root
	value string // of the file; one that ends in "*" is a prefix; empty: the file exists
}

// Files of the firmware (Linux Documentation/ABI/testing/sysfs-firmware-dmi-tables and others).
const (
	dmi     = "sys/class/dmi/id/"
	vendor  = dmi + "sys_vendor"
	product = dmi + "product_name"
	chassis = dmi + "chassis_asset_tag"
	bios    = dmi + "bios_vendor"
)

// clues is the table of facts. Facts that identify one cloud have a lower rank than those that several clouds share. All
// that match at the lowest rank are candidates.
var clues = []struct {
	rank int
	clue
}{
	{0, clue{"akamai", vendor, "Linode"}},
	{0, clue{"akamai", vendor, "Akamai"}},
	{0, clue{"aliyun", vendor, "Alibaba Cloud"}},
	{0, clue{"aliyun", product, "Alibaba Cloud ECS"}},
	{0, clue{"applehv", vendor, "Apple Inc."}},
	{0, clue{"aws", vendor, "Amazon EC2"}},
	{0, clue{"aws", bios, "Amazon EC2"}},
	{0, clue{"azure", chassis, "7783-7084-3265-9085-8269-3286-77"}},
	{0, clue{"azurestack", chassis, "7783-7084-3265-9085-8269-3286-77"}},
	{0, clue{"brightbox", vendor, "Brightbox"}},
	{0, clue{"cloudstack", product, "CloudStack*"}},
	{0, clue{"digitalocean", vendor, "DigitalOcean"}},
	{0, clue{"exoscale", vendor, "Exoscale"}},
	{0, clue{"gcp", product, "Google Compute Engine"}},
	{0, clue{"hetzner", vendor, "Hetzner"}},
	{0, clue{"ibmcloud", chassis, "ibmcloud"}},
	{0, clue{"ibmcloud", vendor, "IBM:Cloud Compute Server*"}},
	{0, clue{"kubevirt", vendor, "KubeVirt"}},
	{0, clue{"kubevirt", product, "KubeVirt*"}},
	{0, clue{"nutanix", vendor, "Nutanix"}},
	{0, clue{"nvidiabluefield", "sys/bus/platform/devices/MLNXBF04:00", ""}},
	{0, clue{"openstack", product, "OpenStack*"}},
	{0, clue{"openstack", vendor, "OpenStack Foundation"}},
	{0, clue{"oraclecloud", chassis, "OracleCloud.com"}},
	{0, clue{"scaleway", vendor, "Scaleway"}},
	{0, clue{"upcloud", vendor, "UpCloud"}},
	{0, clue{"vultr", vendor, "Vultr"}},
	{1, clue{"hyperv", vendor, "Microsoft Corporation"}},
	{1, clue{"powervs", "proc/device-tree/ibm,powervm-partition", ""}},
	{1, clue{"virtualbox", product, "VirtualBox"}},
	{1, clue{"vmware", vendor, "VMware, Inc.*"}},
	{1, clue{"zvm", "sys/hypervisor/type", "zvm"}},
	{2, clue{"qemu", vendor, "QEMU"}},
	{2, clue{"qemu", fwCfg, ""}},
}

// An AmbiguousError is a machine that could be on several platforms, or on none.
type AmbiguousError struct{ Candidates []string }

func (e *AmbiguousError) Error() string {
	if len(e.Candidates) == 0 {
		return "detect the platform: nothing in the firmware points to one"
	}
	return "detect the platform: the firmware fits " + strings.Join(e.Candidates, " and ")
}

// Hint says what the user can do.
func (e *AmbiguousError) Hint() string {
	if len(e.Candidates) == 0 {
		return "name it on the kernel command line: ignition.platform.id=ID"
	}
	return "name one of them on the kernel command line: ignition.platform.id=" + strings.Join(e.Candidates, " or ")
}

// Detect returns the platform that the machine's firmware points to, and the facts that it used. If they fit several
// platforms equally well, or none, the error is an AmbiguousError.
func Detect(files fs.FS) (id string, facts []string, err error) {
	var candidates []string
	for rank := 0; rank <= 2 && len(candidates) == 0; rank++ {
		for _, c := range clues {
			text, fits := c.fits(files)
			if c.rank != rank || !fits {
				continue
			}
			facts = append(facts, fmt.Sprintf("/%s is %q", c.file, text))
			if !slices.Contains(candidates, c.id) {
				candidates = append(candidates, c.id)
			}
		}
	}
	if len(candidates) != 1 {
		return "", facts, &AmbiguousError{candidates}
	}
	return candidates[0], facts, nil
}

// fits reports whether a clue matches, and the text of its file.
func (c clue) fits(files fs.FS) (text string, ok bool) {
	if c.value == "" {
		_, err := fs.Stat(files, c.file)
		return "there", err == nil
	}
	raw, err := fs.ReadFile(files, c.file)
	if err != nil {
		return "", false
	}
	text = strings.TrimSpace(string(raw))
	if start, open := strings.CutSuffix(c.value, "*"); open {
		return text, strings.HasPrefix(text, start)
	}
	return text, text == c.value
}
