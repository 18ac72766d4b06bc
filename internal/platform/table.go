// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/firstlight-boot/firstlight/internal/metadata"
)

// The link-local address of most clouds' metadata services (RFC 3927).
const linkLocal = "169.254.169.254"

// Files of config drives.
const (
	noCloud   = "/user-data"
	openStack = "/openstack/latest/user_data"
)

// at is a metadata service of the common form: one address, no headers.
func at(path string, hosts ...string) service {
	return service{Service: &metadata.Service{Hosts: hosts}, path: path, absent: true}
}

// Conditions under which a platform has no config, for people.
const (
	emptyOr404  = "the answer is 404 or empty"
	emptyAnswer = "the answer is empty; 404 is an error"
	emptyFile   = "the file is missing or empty"
)

// All returns the platforms, sorted by id. The caller must not change them.
func All() []Platform { return table }

// table is the table of platforms. It must stay a literal: if any of it were computed at start-up, every program that
// imports the package would link every platform.
var table = []Platform{
	{
		ID: "akamai", Network: Remote, Empty: emptyAnswer, Limit: "65535 bytes before base64",
		Set: `linode-cli linodes create … --metadata.user_data "$(base64 -w0 config.ign)"`,
		source: service{path: "/v1/user-data", decode: decodeBase64, Service: &metadata.Service{
			Hosts: []string{linkLocal, "[fd00:a9fe:a9fe::1]"}, Headers: []string{"Accept", "*/*"},
			Token: &metadata.Token{
				Path: "/v1/token", Name: "Metadata-Token",
				Headers: []string{"Accept", "text/plain", "Metadata-Token-Expiry-Seconds", "300"},
			},
		}},
	},
	{
		ID: "aliyun", Network: Remote, Empty: emptyOr404, Limit: "32 KiB before base64",
		Set:    `aliyun ecs RunInstances … --UserData "$(base64 -w0 config.ign)"`,
		source: at("/latest/user-data", "100.100.100.200"),
	},
	{
		ID: "applehv", Network: Local, Empty: emptyAnswer, Modules: []string{"vsock", "vmw_vsock_virtio_transport"},
		Set: "vfkit … --ignition config.ign", source: logic{[]string{"vsock port 1024 of the host"}, appleHV},
	},
	{
		ID: "aws", Network: Remote, Empty: emptyOr404, Limit: "16384 bytes before base64",
		Set:    "aws ec2 run-instances … --user-data file://config.ign",
		source: service{Service: &metadata.EC2, path: "/2019-10-01/user-data", absent: true},
	},
	{
		ID: "azure", Network: Remote, Empty: "there is no user data, and `CustomData.bin` is missing or empty",
		Limit: "64 KiB each for user data and custom data", Modules: []string{"udf"},
		Set:    "az vm create … --user-data config.ign",
		source: logic{[]string{"http://" + linkLocal + azureItem, "CustomData.bin of the provisioning disc"}, azure},
	},
	{
		ID: "azurestack", Network: Local, Empty: emptyFile, Limit: "64 KiB", Modules: []string{"udf", "iso9660"},
		Set:    "az vm create … --custom-data config.ign",
		source: disc{"udf", "iso9660"},
	},
	{
		ID: "brightbox", Network: Remote, Empty: emptyOr404 + ", or the drive lacks the file", Limit: "16 KiB",
		Set:    "brightbox servers create --user-data-file=config.ign IMAGE",
		source: logic{openStackPlaces, openStackRace},
	},
	{
		ID: "cloudstack", Network: Remote, Empty: emptyOr404 + ", or the drive lacks the file", Limit: "32768 bytes of base64",
		Set:    `cmk deploy virtualmachine … userdata="$(base64 -w0 config.ign)"`,
		source: logic{cloudStackPlaces, cloudStack},
	},
	{
		ID: "digitalocean", Network: Remote, Empty: emptyAnswer, Limit: "64 KiB",
		Set:    "doctl compute droplet create … --user-data-file config.ign",
		source: service{Service: &metadata.Service{Hosts: []string{linkLocal}}, path: "/metadata/v1/user-data"},
	},
	{
		ID: "exoscale", Network: Remote, Empty: emptyOr404, Limit: "32 KiB",
		Set:    "exo compute instance create NAME … --cloud-init config.ign",
		source: at("/1.0/user-data", linkLocal),
	},
	{
		ID: "file", Network: Local, Empty: "the file is empty; a missing file is an error",
		Set:    "IGNITION_CONFIG_FILE=config.ign ignition --platform file …",
		source: fileSource{"IGNITION_CONFIG_FILE", "config.ign"},
	},
	{
		ID: "gcp", Network: Remote, Empty: emptyOr404, Limit: "262144 bytes",
		Set:    "gcloud compute instances create NAME … --metadata-from-file user-data=config.ign",
		source: service{Service: &metadata.Google, path: "/computeMetadata/v1/instance/attributes/user-data", absent: true, ask: gcpUserData},
	},
	{
		ID: "hetzner", Network: Remote, Empty: emptyOr404, Limit: "32 KiB",
		Set:    "hcloud server create … --user-data-from-file config.ign",
		source: at("/hetzner/v1/userdata", linkLocal),
	},
	{
		ID: "hyperv", Network: Local, Empty: "the keys are missing", Limit: "about 1 KiB for each key; kvpctl splits larger configs",
		Set: "kvpctl.exe VMNAME add-ign config.ign", Modules: []string{"hv_utils"},
		source: logic{[]string{"key ignition.config of Hyper-V's data exchange, or ignition.config.0, .1, …"}, hyperV},
	},
	{
		ID: "ibmcloud", Network: Local, Empty: emptyFile + ", or no drive appears within 30 s", Limit: "64 KiB", Modules: []string{"iso9660", "vfat"},
		Set:    "ibmcloud is instance-create NAME VPC ZONE PROFILE SUBNET … --user-data @config.ign",
		source: drive{label: "cidata", files: []string{noCloud}, wait: 30 * time.Second, optional: true, retries: true},
	},
	{
		ID: "kubevirt", Network: Local, Empty: emptyFile, Limit: "2048 bytes inline, 1 MiB in a Secret", Modules: []string{"iso9660", "vfat", "virtio_blk"},
		Set: "kubectl create secret generic ignition-payload --from-file=userdata=config.ign",
		source: anyOf{[]source{
			drive{label: "cidata", files: []string{noCloud}},
			drive{label: "config-2", files: []string{openStack}},
		}},
	},
	{
		ID: "metal", Network: Local, Empty: "always, unless the kernel command line or `user.ign` has a config",
		Set: "coreos-installer install --ignition-file config.ign DISK", source: nothing{},
	},
	{
		ID: "nutanix", Network: Local, Empty: emptyFile, Limit: "32 KiB", Modules: []string{"iso9660", "vfat"},
		Set:    `guest_customization.cloud_init.user_data of POST /api/nutanix/v3/vms, "$(base64 -w0 config.ign)"`,
		source: drive{label: "config-2", files: []string{openStack}},
	},
	{
		ID: "nvidiabluefield", Network: Local, Empty: "the boot FIFO is missing or empty", Modules: []string{"mlxbf_bootctl"},
		Set: "bfb-install --bfb FILE --rshim rshim0", source: logic{[]string{"/" + bootFIFO}, blueField},
	},
	{
		ID: "openstack", Network: Remote, Empty: emptyOr404 + ", or the drive lacks the file", Limit: "65535 bytes of base64", Modules: []string{"iso9660", "vfat"},
		Set:    "openstack server create … --user-data config.ign NAME",
		source: logic{openStackPlaces, openStackRace},
	},
	{
		ID: "oraclecloud", Network: Remote, Empty: emptyOr404, Limit: "32000 bytes for all metadata, in base64",
		Set: "oci compute instance launch … --user-data-file config.ign",
		source: service{path: "/opc/v2/instance/metadata/user_data", absent: true, decode: decodeBase64, Service: &metadata.Service{
			Hosts: []string{linkLocal, "[fd00:c1::a9fe:a9fe]"}, Headers: []string{"Authorization", "Bearer Oracle"},
			Again: []int{http.StatusTooManyRequests},
		}},
	},
	{
		ID: "packet", Network: Remote, Empty: emptyAnswer,
		Set:    "metal device create … --userdata-file config.ign (the service ended on 2026-06-30)",
		source: service{path: "/userdata", Service: &packetService}, Status: packetStatus,
	},
	{
		ID: "powervs", Network: Local, Empty: emptyFile, Limit: "63 KiB of base64", Modules: []string{"iso9660", "vfat"},
		Set:    "ibmcloud pi instance create NAME … --user-data @config.ign",
		source: drive{label: "config-2", files: []string{openStack}},
	},
	{
		ID: "proxmoxve", Network: Local, Empty: "no drive appears within 30 s, or neither file has more than a cloud-config", Modules: []string{"iso9660", "vfat"},
		Set: "qm set VMID --ide2 STORAGE:cloudinit --cicustom vendor=STORAGE:snippets/config.ign",
		source: drive{
			label: "cidata", files: []string{noCloud, "/vendor-data"}, wait: 30 * time.Second,
			optional: true, retries: true, shared: true,
		},
	},
	{
		ID: "qemu", Network: Local, Empty: "the key is missing or empty", Modules: []string{"qemu_fw_cfg", "virtio_blk"},
		Set:    "qemu-system-x86_64 … -fw_cfg name=opt/com.coreos/config,file=config.ign",
		source: qemu{runtime.GOARCH},
	},
	{
		ID: "scaleway", Network: Remote, Empty: emptyOr404, Limit: "128 KB",
		Set: "scw instance server create … cloud-init=@config.ign",
		source: service{path: "/user_data/cloud-init", absent: true, Service: &metadata.Service{
			Hosts: []string{"169.254.42.42", "[fd00:42::42]"}, LowPort: true,
		}},
	},
	{
		ID: "upcloud", Network: Remote, Empty: emptyOr404, Limit: "64 KB",
		Set:    `upctl server create … --enable-metadata --user-data "$(cat config.ign)"`,
		source: at("/metadata/v1/user_data", linkLocal),
	},
	{
		ID: "virtualbox", Network: Local, Empty: "the property is missing", Limit: "the host's limit for command lines: 128 KiB on Linux",
		Set:     `VBoxManage guestproperty set VMNAME /Ignition/Config "$(cat config.ign)"`,
		Modules: []string{"vboxguest"},
		source:  logic{[]string{"guest property " + vboxConfig}, virtualBox}, Deleter: virtualBoxDelete,
	},
	{
		ID: "vmware", Network: Local, Empty: "the properties are not set", Limit: "about 1 MB of guestinfo in all",
		Set:    "govc vm.change -vm NAME -e guestinfo.ignition.config.data.encoding=base64 -f guestinfo.ignition.config.data=config.ign.b64",
		source: logic{[]string{"guestinfo." + vmwareData, "the OVF environment"}, vmWare}, Deleter: vmWareDelete,
	},
	{
		ID: "vultr", Network: Remote, Empty: emptyOr404,
		Set:    `vultr-cli instance create … --userdata "$(cat config.ign)"`,
		source: at("/user-data/user-data", linkLocal),
	},
	{
		ID: "zvm", Network: Local, Empty: "there is no spool file of type ign", Modules: []string{"vmur"},
		Set: "vmur punch -r -u GUEST -N config.ign config.ign", source: logic{[]string{"a spool file of type ign of the virtual reader"}, zVM},
	},
}

// qemu is the source of QEMU machines of an architecture: their firmware, or a disk where there is no fw_cfg.
type qemu struct{ architecture string }

func (q qemu) source() source {
	if q.architecture == "s390x" || q.architecture == "ppc64le" {
		return serialDisk{}
	}
	return firmware{"opt/com.coreos/config"}
}

func (q qemu) find(ctx context.Context, env *Env) (Found, error) { return q.source().find(ctx, env) }
func (q qemu) places() []string                                  { return q.source().places() }
