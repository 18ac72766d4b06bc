// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
	"github.com/firstlight-boot/firstlight/internal/sys"
)

const (
	mib   = int64(1) << 20
	uuid1 = "11223344-5566-7788-99aa-bbccddeeff00"
)

// run runs a program of the machine.
func run(t *testing.T, m *Machine, command string) {
	t.Helper()
	if err := try(m, command); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

func try(m *Machine, command string) error {
	words := strings.Fields(command)
	_, err := m.Run(context.Background(), sys.Command{Name: words[0], Args: words[1:], Secret: []byte("passphrase")})
	return err
}

// export writes a device to a file.
func export(t *testing.T, m *Machine, node string) string {
	t.Helper()
	d, err := m.find(node)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "image")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	buf := make([]byte, mib)
	for at := int64(0); at < d.size; at += mib {
		n, _ := view{m, d}.ReadAt(buf, at)
		if allZero(buf[:n]) {
			continue
		}
		if _, err := file.WriteAt(buf[:n], at); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Truncate(d.size); err != nil {
		t.Fatal(err)
	}
	return name
}

// tool runs a real program, if the machine of the test has it.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skip("needs " + name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// The real blkid(8) and package probe recognize what the modeled programs write.
func TestSignaturesAreReal(t *testing.T) {
	const key = " --key-file " + sys.SecretFile
	for _, c := range []struct{ command, kind, label, uuid string }{
		{"mkfs.ext4 -F -U " + uuid1 + " -L data /dev/vda", "ext4", "data", uuid1},
		{"mkfs.xfs -f -m uuid=" + uuid1 + " -L data /dev/vda", "xfs", "data", uuid1},
		{"mkfs.btrfs --force -U " + uuid1 + " -L data /dev/vda", "btrfs", "data", uuid1},
		{"mkfs.fat -i a1b2c3d4 -n DATA /dev/vda", "vfat", "DATA", "A1B2-C3D4"},
		{"mkfs.fat -i a1b2c3d4 -n DATA /dev/vdc", "vfat", "DATA", "A1B2-C3D4"},
		{"mkswap -f -U " + uuid1 + " -L data /dev/vda", "swap", "data", uuid1},
		{"cryptsetup luksFormat --type luks2 --label data --uuid " + uuid1 + key + " /dev/vda", "crypto_LUKS", "data", uuid1},
		{"mdadm --create data --run --homehost any --level raid1 --raid-devices 2 /dev/vda /dev/vdb", "linux_raid_member", "any:data", ""},
		{"mdadm --create data --run --level raid1 --raid-devices 2 --metadata 1.0 /dev/vda /dev/vdb", "linux_raid_member", "any:data", ""},
	} {
		m := New("tools")
		m.AddDisk("vda", 256*mib, 512)
		m.AddDisk("vdb", 256*mib, 512)
		m.AddDisk("vdc", 600*mib, 512)
		m.Boot()
		run(t, m, c.command)
		words := strings.Fields(c.command)
		node := words[len(words)-1]
		image := export(t, m, node)
		blkid := map[string]string{}
		for line := range strings.Lines(tool(t, "blkid", "-p", "-o", "export", image)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			blkid[name] = strings.ReplaceAll(value, "\\", "")
		}
		file, err := os.Open(image)
		if err != nil {
			t.Fatal(err)
		}
		found, err := probe.Probe(file, m.devices[node].size, 512)
		file.Close()
		s, ambiguous, _ := probe.Content(found)
		if err != nil || ambiguous {
			t.Errorf("%s: %v, %v", c.command, found, err)
		}
		if c.uuid == "" {
			c.uuid = s.UUID
		}
		want := []string{c.kind, c.label, c.uuid}
		if d := cmp.Diff(want, []string{s.Type, s.Label, s.UUID}); d != "" {
			t.Errorf("%s, probe (-want +got)\n%s", c.command, d)
		}
		if d := cmp.Diff(want, []string{blkid["TYPE"], blkid["LABEL"], blkid["UUID"]}); d != "" {
			t.Errorf("%s, blkid (-want +got)\n%s", c.command, d)
		}
	}
}

// cryptsetup(8) reads the model's header from either copy.
func TestHeaderIsReal(t *testing.T) {
	m := New("header")
	m.AddDisk("vda", 64*mib, 512)
	m.Boot()
	run(t, m, "cryptsetup luksFormat --type luks2 --key-file "+sys.SecretFile+" /dev/vda")
	run(t, m, "cryptsetup luksOpen /dev/vda sec --persistent --allow-discards --key-file "+sys.SecretFile)
	text := tool(t, "cryptsetup", "luksDump", export(t, m, "/dev/vda"))
	for _, want := range []string{"allow-discards", "0: luks2", "offset: 16777216"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// mdadm(8) reads the model's superblocks.
func TestSuperblockIsReal(t *testing.T) {
	for level, metadata := range map[string]string{"raid0": "1.2", "raid1": "1.0", "raid5": "1.2", "raid10": "1.2"} {
		m := New("md")
		for _, disk := range []string{"vda", "vdb", "vdc"} {
			m.AddDisk(disk, 64*mib, 512)
		}
		m.Boot()
		run(t, m, "mdadm --create data --run --homehost any --metadata "+metadata+" --level "+level+" --raid-devices 2 --spare-devices 1 /dev/vda /dev/vdb /dev/vdc")
		for node, want := range map[string][]string{"/dev/vdb": {"Version : " + metadata, "Raid Level : " + level, "Device Role : Active device 1", "correct"},
			"/dev/vdc": {"Device Role : spare"}} {
			text := tool(t, "mdadm", "--examine", export(t, m, node))
			for _, w := range want {
				if !strings.Contains(text, w) {
					t.Errorf("%s of %s: no %q in\n%s", node, level, w, text)
				}
			}
		}
	}
}
