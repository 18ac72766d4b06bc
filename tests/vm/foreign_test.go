// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
)

// A foreign is content of a disk that no config asked for: its kind as the message names it, the size in MiB, and the shell
// commands that make it in the sparse file $IMAGE. $DIR has a file, and $BLOCK is a block device for $IMAGE.
type foreign struct {
	kind string
	mib  int64
	make string
}

// foreigners lists all contents that programs of Debian 12 can make without their own kernel.
var foreigners = []foreign{
	{"ext2", 8, "mkfs.ext2 -q -F $IMAGE"},
	{"ext3", 16, "mkfs.ext3 -q -F $IMAGE"},
	{"jbd", 16, "mke2fs -q -F -O journal_dev $IMAGE"},
	{"xfs", 320, "mkfs.xfs -q -f $IMAGE"},
	{"xfs_external_log", 64, "truncate -s 512M data; mkfs.xfs -q -f -l logdev=$IMAGE data"},
	{"btrfs", 128, "mkfs.btrfs -q -f $IMAGE"},
	{"vfat", 8, "mkfs.fat $IMAGE"},
	{"exfat", 16, "mkfs.exfat $IMAGE"},
	{"ntfs", 16, "mkfs.ntfs -q -F -Q -s 512 -p 0 -H 0 -S 0 $IMAGE"},
	{"swap", 8, "mkswap -f $IMAGE"},
	{"crypto_LUKS", 8, "echo k >key; cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 $IMAGE key"},
	{"crypto_LUKS", 32, "echo k >key; cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 $IMAGE key"},
	{"DM_verity_hash", 8, "truncate -s 1M data; veritysetup format data $IMAGE"},
	{"iso9660", 8, "genisoimage -quiet -o iso $DIR; dd if=iso of=$IMAGE conv=notrunc status=none"},
	{"udf", 32, "mkudffs $IMAGE"},
	{"udf", 32, "mkudffs -b 4096 $IMAGE"},
	{"reiserfs", 64, "mkfs.reiserfs -q -ff $IMAGE"},
	{"reiser4", 64, "mkfs.reiser4 -y -f $IMAGE"},
	{"jfs", 32, "mkfs.jfs -q $IMAGE"},
	{"nilfs2", 256, "mkfs.nilfs2 -q -f $IMAGE"},
	{"f2fs", 128, "mkfs.f2fs -q -f $IMAGE"},
	{"gfs2", 128, "mkfs.gfs2 -q -O -p lock_nolock -j 1 -J 8 $IMAGE"},
	{"ocfs2", 256, "mkfs.ocfs2 -q -F -x -M local $IMAGE"},
	{"minix", 1, "mkfs.minix -1 $IMAGE"},
	{"minix", 1, "mkfs.minix -2 $IMAGE"},
	{"minix", 1, "mkfs.minix -3 $IMAGE"},
	{"bfs", 1, "mkfs.bfs $IMAGE"},
	{"hfs", 8, "hformat -l firstlight $IMAGE"},
	{"apfs", 600, "mkapfs $IMAGE"},
	{"ufs", 8, "makefs -t ffs -s 8m ufs $DIR; dd if=ufs of=$IMAGE conv=notrunc,sparse status=none"},
	{"ufs", 8, "makefs -t ffs -o version=2 -s 8m ufs $DIR; dd if=ufs of=$IMAGE conv=notrunc,sparse status=none"},
	{"squashfs", 1, "mksquashfs $DIR fs -quiet -no-progress; dd if=fs of=$IMAGE conv=notrunc status=none"},
	{"erofs", 1, "mkfs.erofs fs $DIR; dd if=fs of=$IMAGE conv=notrunc status=none"},
	{"cramfs", 1, "mkfs.cramfs $DIR fs; dd if=fs of=$IMAGE conv=notrunc status=none"},
	{"romfs", 1, "genromfs -d $DIR -f fs; dd if=fs of=$IMAGE conv=notrunc status=none"},
	{"ubifs", 16, "mkfs.ubifs -r $DIR -m 2048 -e 126976 -c 100 -o fs; dd if=fs of=$IMAGE conv=notrunc status=none"},
	{"ubi", 8, "printf '[v]\\nmode=ubi\\nvol_id=0\\nvol_size=1MiB\\nvol_type=dynamic\\nvol_name=x\\n' >ini; ubinize -o ubi -m 2048 -p 128KiB ini; dd if=ubi of=$IMAGE conv=notrunc status=none"},
	{"bcache", 64, "make-bcache -C $IMAGE"},
	{"bcache", 32, "make-bcache -B $IMAGE"},
	{"LVM2_member", 16, `pvcreate -qq -ff -y --config "devices { use_devicesfile=0 filter=[\"a|^$BLOCK\$|\",\"r|.*|\"] }" $BLOCK`},
	{"drbd", 16, "drbdmeta --force 0 v08 $IMAGE internal create-md"},
	{"drbd", 16, "drbdmeta --force 0 v09 $BLOCK internal create-md 1"},
	{"zfs_member", 96, "zfs-fuse -n & daemon=$!; until zpool list; do sleep 0.2; kill -0 $daemon; done; zpool create -f -m none firstlight $IMAGE; zpool export firstlight; kill $daemon; wait $daemon || :"},
	{"gpt", 8, "sgdisk -n 1:0:0 $IMAGE"},
	{"dos", 8, "echo , | sfdisk -q -X dos $IMAGE"},
	{"sun", 8, "echo , | sfdisk -q -X sun $IMAGE"},
	{"sgi", 8, "echo , | sfdisk -q -X sgi $IMAGE"},
}

// TestForeign gives a guest a disk with one partition for each kind, and a config that wants a filesystem on all of them
// without wiping. The stage must name every one, and must not change a byte of the disk.
func TestForeign(t *testing.T) {
	t.Parallel()
	guest := needGuest(t)
	var size int64 = 4
	for _, f := range foreigners {
		size += f.mib
	}
	lab, stop, err := NewLab(guest, t.TempDir(), []string{fmt.Sprintf("%dM", size), "64M"})
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	config, err := fillForeign(t, lab.Disk(0), size)
	if err != nil {
		t.Fatal(err)
	}
	before := sum(t, lab.Disk(0))
	said := judgeForeign(t, lab, config)
	if !strings.Contains(said, "engine failed") {
		t.Error("the stage did not fail")
	}
	for i, f := range foreigners {
		re := regexp.MustCompile(fmt.Sprintf(`log .*/dev/disk/by-partlabel/p%d \([^)]*\) cannot be used: it (holds|has a partition table of type) %s\b`, i, f.kind))
		if !re.MatchString(said) {
			t.Errorf("p%d, %s, is not named as a conflict", i, f.kind)
		}
	}
	if sum(t, lab.Disk(0)) != before {
		t.Error("the disk has changed")
	}
	if at, blank := isBlank(t, lab.Disk(1)); !blank {
		t.Errorf("the empty disk was written to at %d although the stage failed", at)
	}
	if t.Failed() {
		t.Log(said)
	}
	t.Logf("%d members kept", len(foreigners))
}

// fillForeign partitions a disk and makes one kind in each partition. It returns a config that wants other contents in all
// of them, and on another, empty disk.
func fillForeign(t *testing.T, disk string, mib int64) (string, error) {
	table, err := gpt.New(512, gpt.Sectors(mib<<11), gpt.GUID{1})
	if err != nil {
		return "", err
	}
	out, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer out.Close()
	type filesystem struct {
		Device string `json:"device"`
		Format string `json:"format"`
	}
	wants := []filesystem{{"/dev/disk/by-id/virtio-lab1", "ext4"}}
	at := int64(1)
	for i, f := range foreigners {
		table.Partitions = append(table.Partitions, gpt.Partition{Number: i + 1, Type: gpt.LinuxData, ID: gpt.GUID{2, byte(i)},
			Label: fmt.Sprintf("p%d", i), First: gpt.Sectors(at << 11), Last: gpt.Sectors((at+f.mib)<<11) - 1})
		if err := copySparse(out, makeForeign(t, f), at<<20); err != nil {
			return "", err
		}
		at += f.mib
		wants = append(wants, filesystem{fmt.Sprintf("/dev/disk/by-partlabel/p%d", i), "ext4"})
	}
	groups, err := table.Encode(gpt.Found{}, nil)
	if err != nil {
		return "", err
	}
	for _, g := range groups {
		for _, w := range g {
			if _, err := out.WriteAt(w.Data, w.Offset); err != nil {
				return "", err
			}
		}
	}
	text, err := json.Marshal(map[string]any{"ignition": map[string]string{"version": "3.4.0"}, "storage": map[string]any{"filesystems": wants}})
	return string(text), err
}

// makeForeign returns an image of one kind.
func makeForeign(t *testing.T, f foreign) string {
	t.Helper()
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	script := `set -e; mkdir dir; echo hello >dir/file; truncate -s $MIB"M" $IMAGE
		case $MAKE in *BLOCK*) BLOCK=$(losetup -f --show $IMAGE); trap 'losetup -d $BLOCK' EXIT; export BLOCK ;; esac
		timeout 60 sh -ec "$MAKE"`
	cmd := exec.Command("sh", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "IMAGE="+image, "DIR="+filepath.Join(dir, "dir"), fmt.Sprintf("MIB=%d", f.mib), "MAKE="+f.make)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", f.kind, err, out)
	}
	return image
}

// copySparse copies a file to an offset of a disk, without its zeros.
func copySparse(disk io.WriterAt, name string, to int64) error {
	in, err := os.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	block, zeros := make([]byte, 1<<16), make([]byte, 1<<16)
	for at := int64(0); ; {
		n, err := in.Read(block)
		if n > 0 && !bytes.Equal(block[:n], zeros[:n]) {
			if _, err := disk.WriteAt(block[:n], to+at); err != nil {
				return err
			}
		}
		at += int64(n)
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// judgeForeign runs the stages of a boot up to disks in the guest and returns their messages.
func judgeForeign(t *testing.T, lab *Lab, config string) string {
	t.Helper()
	archive, err := lab.archive(nil)
	if err != nil {
		t.Fatal(err)
	}
	files := filepath.Join(lab.Dir, "files.tar")
	if err := os.WriteFile(files, archive, 0o644); err != nil {
		t.Fatal(err)
	}
	script := `mkdir /run/live && cd /run/live && tar -xf /dev/disk/by-id/virtio-files
sed -E 's/(^| )(root|ignition)[^ ]*//g' /proc/cmdline >/run/cmdline && mount --bind /run/cmdline /proc/cmdline
cat >config.ign <<'END_OF_CONFIG'
` + config + `
END_OF_CONFIG
stage() { PATH=/usr/sbin:/usr/bin IGNITION_CONFIG_FILE=config.ign ./ignition -platform file -root /run/target -log-to-stdout -stage "$1"; }
{ stage fetch-offline && { [[ -f /run/ignition.json ]] || stage fetch; } && stage disks && echo engine passed || echo engine failed; } 2>&1 | sed 's/^/log /'
`
	r, err := lab.Start(Boot{Files: files, Timeout: bootTime, Script: script})
	if err != nil {
		t.Fatal(err)
	}
	said, err := r.Wait()
	if err != nil {
		t.Fatalf("%v; the console ends with\n%s\nthe guest said\n%s", err, tail(r.Console(), 40), said)
	}
	return said
}

// sum returns the digest of a disk: of its non-zero blocks with their offsets. It does not read holes of the file.
func sum(t *testing.T, name string) [sha256.Size]byte {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	block, zeros := make([]byte, 1<<16), make([]byte, 1<<16)
	for at := int64(0); ; at += int64(len(block)) {
		data, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if err == unix.ENXIO {
			return [sha256.Size]byte(h.Sum(nil))
		} else if err != nil {
			t.Fatal(err)
		}
		at = data &^ int64(len(block)-1)
		n, err := f.ReadAt(block, at)
		if err != nil && err != io.EOF {
			t.Fatal(err)
		}
		if !bytes.Equal(block[:n], zeros[:n]) {
			fmt.Fprintln(h, at, n)
			h.Write(block[:n])
		}
	}
}
