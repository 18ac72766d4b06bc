// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// disc makes an image of files with a tool, and returns its loop device. If the kernel lacks the filesystem, the image is
// ext4, which the engine mounts the same way; guests cover the real formats.
func disc(t *testing.T, format, label string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	image, tree := dir+"/image", dir+"/tree"
	for name, text := range files {
		write(t, filepath.Join(tree, name), text)
	}
	if err := os.MkdirAll(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case !strings.Contains(string(known), "\t"+format+"\n"):
		must(t, "truncate", "-s", "4M", image)
		must(t, "mkfs.ext4", "-q", "-O", "^has_journal", "-L", label, "-d", tree, image)
	case format == "iso9660":
		must(t, "genisoimage", "-quiet", "-joliet", "-rock", "-V", label, "-o", image, tree)
	default:
		must(t, "truncate", "-s", "8M", image)
		must(t, "mkfs.vfat", "-n", label, image)
		mounted := dir + "/mnt"
		must(t, "mkdir", mounted)
		must(t, "mount", "-o", "loop", image, mounted)
		must(t, "cp", "-r", tree+"/.", mounted)
		must(t, "umount", mounted)
	}
	device := strings.TrimSpace(must(t, "losetup", "--find", "--show", "--read-only", image))
	t.Cleanup(func() { must(t, "losetup", "--detach", device) })
	return device
}

func must(t *testing.T, command string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(command); err != nil {
		t.Skip(command + " is not installed")
	}
	out, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", command, args, err, out)
	}
	return string(out)
}

// label makes udev's link after a delay.
func label(t *testing.T, device, label string, after time.Duration) {
	t.Helper()
	link := "/dev/disk/by-label/" + label
	t.Cleanup(func() { os.Remove(link) })
	if after == 0 {
		if err := os.Symlink(device, link); err != nil {
			t.Fatal(err)
		}
		return
	}
	go func() {
		time.Sleep(after)
		os.Symlink(device, link)
	}()
}

// mounts returns the mounts below /run, of which there must be none after a stage.
func mounts(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " /run/") {
			left = append(left, line)
		}
	}
	entries, err := filepath.Glob("/run/firstlight-*")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append(left, entries...), "")
}

// configDrives are the platforms with a config drive: its label, and its file.
var configDrives = []struct {
	id, label, format, file string
	stage                   string
	missing                 outcome
	race                    bool // each answer "empty" takes 5 s
}{
	{id: "ibmcloud", label: "cidata", format: "iso9660", file: "user-data", stage: "fetch-offline", missing: outcome{empty: true}},
	{id: "kubevirt", label: "cidata", format: "iso9660", file: "user-data", stage: "fetch-offline", race: true},
	{id: "kubevirt", label: "config-2", format: "iso9660", file: "openstack/latest/user_data", stage: "fetch-offline", race: true},
	{id: "nutanix", label: "config-2", format: "iso9660", file: "openstack/latest/user_data", stage: "fetch-offline", missing: outcome{code: 1, log: "none labeled config-2 has appeared"}},
	{id: "powervs", label: "config-2", format: "vfat", file: "openstack/latest/user_data", stage: "fetch-offline", missing: outcome{code: 1, log: "none labeled config-2 has appeared"}},
	{id: "proxmoxve", label: "cidata", format: "iso9660", file: "user-data", stage: "fetch-offline"},
	{id: "proxmoxve", label: "cidata", format: "iso9660", file: "vendor-data", stage: "fetch-offline"},
	{id: "openstack", label: "config-2", format: "iso9660", file: "openstack/latest/user_data", stage: "fetch", race: true},
	{id: "openstack", label: "CONFIG-2", format: "vfat", file: "openstack/latest/user_data", stage: "fetch", race: true},
	{id: "brightbox", label: "config-2", format: "vfat", file: "openstack/latest/user_data", stage: "fetch", race: true},
	{id: "cloudstack", label: "config-2", format: "iso9660", file: "cloudstack/userdata/user_data.txt", stage: "fetch", race: true},
	{id: "cloudstack", label: "CONFIG-2", format: "iso9660", file: "cloudstack/userdata/user_data.txt", stage: "fetch", race: true},
}

func TestConfigDrives(t *testing.T) {
	for _, p := range configDrives {
		t.Run(p.id+" "+p.label+" "+p.file, func(t *testing.T) {
			for name, c := range map[string]struct {
				text  string
				other bool // the drive has another file only
				after time.Duration
				want  outcome
			}{
				"found":   {text: config, want: outcome{found: true}},
				"gzip":    {text: packed(config), want: outcome{found: true}},
				"late":    {text: config, after: 700 * time.Millisecond, want: outcome{found: true}},
				"garbage": {text: "\x01\x02 garbage", want: outcome{code: 1, log: "Ignition failed"}},
				"empty":   {text: "", want: outcome{empty: true, log: "it is empty"}},
				"no file": {text: "x", other: true, want: outcome{empty: true, log: "it is empty"}},
			} {
				t.Run(name, func(t *testing.T) {
					if p.race && c.want.empty && (p.label == "CONFIG-2" || p.id == "brightbox") {
						return // as with the other label
					}
					file := p.file
					if c.other {
						file = "README"
					}
					label(t, disc(t, p.format, p.label, map[string]string{file: c.text}), p.label, c.after)
					r := engine(t, t.TempDir(), p.id, p.stage, nil, "-fetch-timeout", "20s")
					c.want.check(t, r)
					if left := mounts(t); left != "" {
						t.Errorf("left behind: %s", left)
					}
				})
			}
			t.Run("missing", func(t *testing.T) {
				if p.missing == (outcome{}) {
					return
				}
				if p.missing.empty && os.Getenv("FIRSTLIGHT_FIGURES") == "" {
					return // 30 s; internal/platform tests it on a fake clock
				}
				p.missing.check(t, engine(t, t.TempDir(), p.id, p.stage, nil, "-fetch-timeout", "1s"))
			})
			t.Run("unreadable", func(t *testing.T) {
				dir := t.TempDir()
				must(t, "truncate", "-s", "1M", dir+"/image")
				device := strings.TrimSpace(must(t, "losetup", "--find", "--show", dir+"/image"))
				t.Cleanup(func() { must(t, "losetup", "--detach", device) })
				if p.id == "ibmcloud" || p.id == "proxmoxve" {
					return // tried for 30 s; internal/platform tests it on a fake clock
				}
				label(t, device, p.label, 0)
				outcome{code: 1, log: "mount /dev/disk/by-label/" + p.label}.check(t, engine(t, dir, p.id, p.stage, nil, "-fetch-timeout", "2s"))
				if left := mounts(t); left != "" {
					t.Errorf("left behind: %s", left)
				}
			})
		})
	}
}

// TestCommandLine covers the labeled device of the kernel command line, which every platform has.
func TestCommandLine(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		files map[string]string
		want  outcome
	}{
		"found":       {"ignition.config.device=mine ignition.config.path=/a/config.ign", map[string]string{"a/config.ign": config}, outcome{found: true}},
		"gzip":        {"ignition.config.device=mine ignition.config.path=a/config.ign", map[string]string{"a/config.ign": packed(config)}, outcome{found: true}},
		"climbing":    {"ignition.config.device=mine ignition.config.path=../../a/config.ign", map[string]string{"a/config.ign": config}, outcome{found: true}},
		"empty":       {"ignition.config.device=mine ignition.config.path=/c", map[string]string{"c": ""}, outcome{empty: true}},
		"no file":     {"ignition.config.device=mine ignition.config.path=/c", map[string]string{"d": ""}, outcome{code: 1, log: "/c of the filesystem labeled mine"}},
		"no path":     {"ignition.config.device=mine", nil, outcome{code: 1, log: "belong together"}},
		"not a label": {"ignition.config.device=.. ignition.config.path=/c", nil, outcome{code: 1, log: "not a filesystem label"}},
		"foreign":     {"ignition.config.device=mine ignition.config.path=/c", map[string]string{"c": "#cloud-config\nhostname: a\n"}, outcome{code: 1, log: "this is a cloud-config for cloud-init"}},
	} {
		t.Run(name, func(t *testing.T) {
			label(t, disc(t, "iso9660", "mine", c.files), "mine", 0)
			dir := t.TempDir()
			write(t, dir+"/cmdline", "ignition.firstboot "+c.words)
			c.want.check(t, engine(t, dir, "metal", "fetch-offline", nil))
		})
	}
}

// TestRaces covers platforms that ask several places at the same time.
func TestRaces(t *testing.T) {
	const item = "/openstack/latest/user_data"
	fe80 := "[fe80::a9fe:a9fe%cloud0]"
	status := func(code int) func(int, *http.Request) reply {
		return func(int, *http.Request) reply { return reply{status: code} }
	}
	body := func(int, *http.Request) reply { return reply{body: config} }
	for name, c := range map[string]struct {
		v4, v6 func(int, *http.Request) reply
		drive  time.Duration // after which it appears; 0: never
		want   outcome
	}{
		"drive beats 404":          {status(404), nil, time.Second, outcome{found: true}},
		"drive beats silence":      {nil, nil, time.Second, outcome{found: true}},
		"404 and no drive":         {status(404), nil, 0, outcome{empty: true, log: "404"}},
		"early 404 of one address": {status(404), func(n int, r *http.Request) reply { time.Sleep(time.Second); return body(n, r) }, 0, outcome{found: true}},
		"early 403 of one address": {body, status(403), 0, outcome{found: true}},
		"all refuse":               {status(403), status(403), 0, outcome{code: 1, log: "status 403"}},
		"500 for a while": {func(n int, r *http.Request) reply {
			return reply{status: map[bool]int{true: 500, false: 200}[n < 3], body: config}
		}, nil, 0, outcome{found: true}},
		"gzip": {func(int, *http.Request) reply { return reply{body: packed(config)} }, nil, 0, outcome{found: true}},
	} {
		t.Run(name, func(t *testing.T) {
			var four *service
			if c.v4 != nil {
				four = serve(t, c.v4, link)
			}
			if c.v6 != nil {
				serve(t, c.v6, fe80)
			}
			if c.drive > 0 {
				label(t, disc(t, "iso9660", "config-2", map[string]string{item: config}), "config-2", c.drive)
			}
			r := engine(t, t.TempDir(), "openstack", "fetch", nil, "-fetch-timeout", "8s")
			c.want.check(t, r)
			if four != nil && c.want.found && c.drive == 0 && name != "500 for a while" {
				if diff := cmp.Diff([]string{"GET 169.254.169.254" + item}, four.asked()); diff != "" {
					t.Error(diff)
				}
			}
			if left := mounts(t); left != "" {
				t.Errorf("left behind: %s", left)
			}
		})
	}
	t.Run("offline", func(t *testing.T) {
		for _, id := range []string{"openstack", "brightbox", "cloudstack"} {
			if r := engine(t, t.TempDir(), id, "fetch-offline", nil); r.code != 0 || !r.net || r.cache != "" {
				t.Errorf("%s: code %d, network wanted %v, cache %q", id, r.code, r.net, r.cache)
			}
		}
	})
}

// TestCloudStack covers the metadata service of the virtual router, which the DHCP lease names.
func TestCloudStack(t *testing.T) {
	lease := "/run/systemd/netif/leases/1"
	write(t, lease, "ADDRESS=192.0.2.7\nSERVER_ADDRESS=192.0.2.1\n")
	t.Cleanup(func() { os.RemoveAll("/run/systemd") })
	for name, c := range map[string]struct {
		answer reply
		want   outcome
	}{
		"found": {reply{body: config}, outcome{found: true}}, "gzip": {reply{body: packed(config)}, outcome{found: true}},
		"404": {reply{status: 404}, outcome{empty: true, log: "404"}}, "empty": {reply{}, outcome{empty: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(int, *http.Request) reply { return c.answer }, "192.0.2.1")
			c.want.check(t, engine(t, t.TempDir(), "cloudstack", "fetch", nil, "-fetch-timeout", "8s"))
			if diff := cmp.Diff([]string{"GET 192.0.2.1/latest/user-data"}, s.asked()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFirmware covers QEMU's firmware configuration device, as its driver shows it.
func TestFirmware(t *testing.T) {
	const root = "/sys/firmware/qemu_fw_cfg"
	const key = root + "/by_name/opt/com.coreos/config"
	for name, c := range map[string]struct {
		text string
		want outcome
	}{
		"found": {config, outcome{found: true}}, "gzip": {packed(config), outcome{found: true}}, "empty": {"", outcome{empty: true, log: "it is empty"}},
		"garbage": {"\x01\x02", outcome{code: 1}}, "cloud-config": {"#cloud-config\nhostname: a\n", outcome{code: 1, log: "this is a cloud-config for cloud-init"}},
		"script": {"#!/bin/sh\n", outcome{code: 1, log: "this is a shell script (/bin/sh)"}},
	} {
		t.Run(name, func(t *testing.T) {
			write(t, key+"/raw", c.text)
			write(t, key+"/size", strings.TrimSpace(must(t, "stat", "-c", "%s", key+"/raw"))+"\n")
			t.Cleanup(func() { os.RemoveAll(root) })
			c.want.check(t, engine(t, t.TempDir(), "qemu", "fetch-offline", nil))
		})
	}
	t.Run("absent", func(t *testing.T) {
		write(t, root+"/rev", "1\n")
		t.Cleanup(func() { os.RemoveAll(root) })
		outcome{empty: true, log: "the key is missing"}.check(t, engine(t, t.TempDir(), "qemu", "fetch-offline", nil))
	})
	t.Run("no driver", func(t *testing.T) {
		dir := t.TempDir()
		script(t, dir, "modprobe", "echo module $1 not found >&2; exit 1")
		outcome{code: 1, log: "load the driver of fw_cfg"}.check(t, engine(t, dir, "qemu", "fetch-offline", nil))
	})
}

func TestFile(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		env  []string
		want outcome
	}{
		"found": {config, nil, outcome{found: true}}, "gzip": {packed(config), nil, outcome{found: true}}, "empty": {"", nil, outcome{empty: true}},
		"garbage": {"{", nil, outcome{code: 1}}, "elsewhere": {"", []string{"IGNITION_CONFIG_FILE=other.ign"}, outcome{found: true}},
		"missing": {config, []string{"IGNITION_CONFIG_FILE=none"}, outcome{code: 1, log: "no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/config.ign", c.text)
			write(t, dir+"/other.ign", config)
			c.want.check(t, engine(t, dir, "file", "fetch-offline", c.env))
		})
	}
}

func TestMetal(t *testing.T) {
	r := engine(t, t.TempDir(), "metal", "fetch-offline", nil)
	outcome{empty: true, log: "kernel command line: it names no config"}.check(t, r)
	dir := t.TempDir()
	write(t, dir+"/etc/user.ign", config)
	outcome{found: true}.check(t, engine(t, dir, "metal", "fetch-offline", []string{"IGNITION_SYSTEM_LOCAL_CONFIG_DIR=" + dir + "/etc"}))
}

// TestGzip checks that a config from any source may be compressed.
func TestGzip(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/etc/user.ign", packed(`{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"http://192.0.2.1/more"}]}}}`))
	write(t, dir+"/etc/base.d/10-a", packed(`{"ignition":{"version":"3.4.0"}}`))
	serve(t, func(int, *http.Request) reply { return reply{body: packed(config)} }, "192.0.2.1")
	outcome{found: true}.check(t, engine(t, dir, "metal", "fetch", []string{"IGNITION_SYSTEM_LOCAL_CONFIG_DIR=" + dir + "/etc"}))
}

// TestOfflineOnNetworkPlatforms checks that the kernel command line and user.ign are read before a cloud is asked.
func TestOfflineOnNetworkPlatforms(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/etc/user.ign", config)
	r := engine(t, dir, "aws", "fetch-offline", []string{"IGNITION_SYSTEM_LOCAL_CONFIG_DIR=" + dir + "/etc"})
	outcome{found: true}.check(t, r)
	if r.net {
		t.Error("the network is asked for, though user.ign has a config that needs none")
	}
}

func TestBlueField(t *testing.T) {
	const fifo = "/sys/bus/platform/devices/MLNXBF04:00/bootfifo"
	for name, c := range map[string]struct {
		text string
		want outcome
	}{
		"found": {"\x00\x00" + config + "\x00\x00\x00", outcome{found: true}}, "gzip": {packed(config), outcome{found: true}},
		"gzip with padding": {packed(config) + "\x00\x00\x00", outcome{found: true}},
		"empty":             {"", outcome{empty: true}}, "nothing but NUL": {"\x00\x00", outcome{empty: true}}, "garbage": {"garbage", outcome{code: 1}}, "absent": {"-", outcome{empty: true}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.text != "-" {
				write(t, fifo, c.text)
				t.Cleanup(func() { os.RemoveAll(filepath.Dir(fifo)) })
			}
			dir := t.TempDir()
			script(t, dir, "modprobe", "echo $1 >"+dir+"/loaded")
			c.want.check(t, engine(t, dir, "nvidiabluefield", "fetch-offline", nil))
			if loaded, _ := os.ReadFile(dir + "/loaded"); string(loaded) != "mlxbf_bootctl\n" {
				t.Errorf("loaded %q", loaded)
			}
		})
	}
	dir := t.TempDir()
	script(t, dir, "modprobe", "exit 1")
	outcome{code: 1, log: "load the driver of the boot FIFO"}.check(t, engine(t, dir, "nvidiabluefield", "fetch-offline", nil))
}

func TestZVM(t *testing.T) {
	const list = "ORIGINID FILE CLASS RECORDS  CPY HOLD DATE  TIME     NAME      TYPE     DIST\n" +
		"LINUX1   0009 A PUN 00000010  001 NONE 11-25 10:00:00 OTHER  txt  LINUX2\n" +
		"LINUX1   0010 A PUN 00000010  001 NONE 11-25 10:00:00 CONFIG ign  LINUX2\n"
	for name, c := range map[string]struct {
		text, list string
		ignored    bool // the kernel ignores the reader
		want       outcome
	}{
		"found": {config + `\0\0\0`, list, false, outcome{found: true}}, "ignored at first": {config, list, true, outcome{found: true}},
		"empty": {"", list, false, outcome{empty: true}}, "absent": {config, strings.ReplaceAll(list, "ign", "txt"), false, outcome{empty: true}},
		"garbage": {"garbage", list, false, outcome{code: 1}}, "no list": {config, "-", false, outcome{code: 1, log: "list the spool files"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir+"/list", c.list)
			for _, name := range []string{"modprobe", "udevadm"} {
				script(t, dir, name, "echo "+name+" $* >>"+dir+"/ran")
			}
			script(t, dir, "cio_ignore", "echo cio_ignore $* >>"+dir+"/ran; touch "+dir+"/seen")
			script(t, dir, "chccwdev", "echo chccwdev $* >>"+dir+"/ran; "+map[bool]string{true: "[ -e " + dir + "/seen ]", false: "true"}[c.ignored])
			script(t, dir, "vmur", "echo vmur $* >>"+dir+"/ran\ncase $1 in li) ! grep -qx -- - "+dir+"/list && cat "+dir+"/list;; re) printf '"+c.text+"' >\"$4\";; esac")
			c.want.check(t, engine(t, dir, "zvm", "fetch-offline", nil))
			if name == "found" {
				ran, _ := os.ReadFile(dir + "/ran")
				want := "modprobe vmur\nchccwdev -e 000c\nudevadm settle\nvmur li\nvmur re -f 0010 CONFIG.ign\n"
				if diff := cmp.Diff(want, string(ran)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// TestElsewhere runs platforms whose channels this machine does not have. The error of each names the missing channel.
func TestElsewhere(t *testing.T) {
	for id, log := range map[string]string{
		"virtualbox": "/dev/vboxguest", "hyperv": "load the driver of the data exchange", "vmware": "no config provider here",
		"applehv": "vsock", "azurestack": "no disc is in any drive",
	} {
		dir := t.TempDir()
		script(t, dir, "modprobe", "exit 1")
		outcome{code: 1, log: log}.check(t, engine(t, dir, id, "fetch-offline", nil, "-fetch-timeout", "1s"))
	}
}

// TestAzure covers azure's special case: without user data it reads the provisioning disc, which is missing here.
func TestAzure(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want outcome
	}{
		"no user data":       {"", outcome{code: 1, log: "no disc is in any drive"}},
		"not base64":         {"!!!", outcome{code: 1, log: "not valid base64"}},
		"decodes to nothing": {"\n", outcome{empty: true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(int, *http.Request) reply { return reply{body: c.body} }, link)
			c.want.check(t, engine(t, t.TempDir(), "azure", "fetch", nil, "-fetch-timeout", "1s"))
			if len(s.asked()) != 1 {
				t.Errorf("asked %q", s.asked())
			}
		})
	}
}

func TestDelete(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(os.Getenv(inside), dir+"/ignition-rmcfg"); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]struct {
		code int
		text string
	}{
		"virtualbox": {1, "/dev/vboxguest"}, "vmware": {1, "not a VMware guest"}, "qemu": {1, "it has no way to do that"}, "ec2": {2, "not known"},
	} {
		cmd := exec.Command(dir+"/ignition-rmcfg", "--platform", id, "--log-to-stdout")
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want.code || !strings.Contains(string(out), want.text) {
			t.Errorf("%s: code %d\n%s", id, code, out)
		}
	}
}
