// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/disk/probe"
)

const (
	mib    = int64(1) << 20
	uuid1  = "11223344-5566-7788-99aa-bbccddeeff00"
	volume = "firstlight"
)

// kind is one way to fill an image; IMAGE and DIR in the commands stand for the image and a directory with files.
type kind struct {
	name     string
	size     int64
	commands []string
	fill     func(t *testing.T, image string)
}

func kinds() []kind {
	return []kind{
		{name: "blank", size: 8 * mib},
		{name: "ext2", size: 16 * mib, commands: []string{"mkfs.ext2 -q -F -L firstlight -U " + uuid1 + " IMAGE"}},
		{name: "ext3", size: 32 * mib, commands: []string{"mkfs.ext3 -q -F -L firstlight -U " + uuid1 + " IMAGE"}},
		{name: "ext4", size: 32 * mib, commands: []string{"mkfs.ext4 -q -F -L firstlight -U " + uuid1 + " IMAGE"}},
		{name: "ext4 without journal", size: 32 * mib, commands: []string{"mkfs.ext4 -q -F -O ^has_journal IMAGE"}},
		{name: "ext4 block 1024", size: 32 * mib, commands: []string{"mkfs.ext4 -q -F -b 1024 IMAGE"}},
		{name: "ext journal device", size: 32 * mib, commands: []string{"mke2fs -q -F -O journal_dev IMAGE"}},
		{name: "xfs", size: 512 * mib, commands: []string{"mkfs.xfs -q -f -L firstlight -m uuid=" + uuid1 + " IMAGE"}},
		{name: "btrfs", size: 256 * mib, commands: []string{"mkfs.btrfs -q --force -L firstlight -U " + uuid1 + " IMAGE"}},
		{name: "fat12", size: 2 * mib, commands: []string{"mkfs.fat -F 12 -n FIRSTLIGHT -i a1b2c3d4 IMAGE"}},
		{name: "fat16", size: 32 * mib, commands: []string{"mkfs.fat -F 16 -n FIRSTLIGHT -i a1b2c3d4 IMAGE"}},
		{name: "fat32", size: 64 * mib, commands: []string{"mkfs.fat -F 32 -n FIRSTLIGHT -i a1b2c3d4 IMAGE"}},
		{name: "fat without label", size: 64 * mib, commands: []string{"mkfs.fat IMAGE"}},
		{name: "fat with sectors of 4096", size: 512 * mib, commands: []string{"mkfs.fat -S 4096 -n X IMAGE"}},
		{name: "exfat", size: 32 * mib, commands: []string{"mkfs.exfat -L firstlight IMAGE"}},
		{name: "exfat with clusters of 32 MiB", size: 512 * mib, commands: []string{"mkfs.exfat -c 32M -L firstlight IMAGE"}},
		{name: "ntfs", size: 32 * mib, commands: []string{"mkfs.ntfs -q -F -Q -s 512 -p 0 -H 0 -S 0 -L firstlight IMAGE"}},
		{name: "swap", size: 8 * mib, commands: []string{"mkswap -f -L firstlight -U " + uuid1 + " IMAGE"}},
		{name: "swap with pages of 64 KiB", size: 8 * mib, commands: []string{"mkswap -f -p 65536 IMAGE"}},
		{name: "luks1", size: 32 * mib, commands: luks("luks1", "")},
		{name: "luks2", size: 32 * mib, commands: luks("luks2", "--label firstlight --uuid "+uuid1)},
		{name: "verity", size: 8 * mib, commands: []string{"truncate -s 1M DIR/data", "veritysetup format --uuid=" + uuid1 + " DIR/data IMAGE"}},
		{name: "iso9660", size: mib, commands: []string{"genisoimage -quiet -V firstlight -o IMAGE DIR"}},
		{name: "iso9660 with udf", size: mib, commands: []string{"genisoimage -quiet -udf -V firstlight -o IMAGE DIR"}},
		{name: "iso9660 with Joliet", size: mib, commands: []string{"genisoimage -quiet -J -V firstlight -o IMAGE DIR"}},
		{name: "udf", size: 32 * mib, commands: []string{"mkudffs -l firstlight IMAGE"}},
		{name: "udf with blocks of 512", size: 32 * mib, commands: []string{"mkudffs -b 512 -l firstlight IMAGE"}},
		{name: "udf with blocks of 4096", size: 32 * mib, commands: []string{"mkudffs -b 4096 -l firstlight IMAGE"}},
		{name: "reiser4", size: 64 * mib, commands: []string{"mkfs.reiser4 -y -f -L firstlight IMAGE"}},
		{name: "ubifs", size: 2 * mib, commands: []string{"mkfs.ubifs -r DIR -m 2048 -e 126976 -c 100 -o IMAGE"}},
		{name: "xfs log", size: 64 * mib, commands: []string{"truncate -s 512M DIR/data", "mkfs.xfs -q -f -l logdev=IMAGE DIR/data"}},
		{name: "squashfs", size: mib, commands: []string{"rm IMAGE", "mksquashfs DIR IMAGE -quiet -no-progress"}},
		{name: "f2fs", size: 128 * mib, commands: []string{"mkfs.f2fs -q -f -l firstlight IMAGE"}},
		{name: "erofs", size: mib, commands: []string{"mkfs.erofs -U " + uuid1 + " IMAGE DIR"}},
		{name: "nilfs2", size: 256 * mib, commands: []string{"mkfs.nilfs2 -q -f -L firstlight IMAGE"}},
		{name: "jfs", size: 32 * mib, commands: []string{"mkfs.jfs -q -L firstlight IMAGE"}},
		{name: "reiserfs", size: 64 * mib, commands: []string{"mkfs.reiserfs -q -ff -l firstlight -u " + uuid1 + " IMAGE"}},
		{name: "gfs2", size: 128 * mib, commands: []string{"mkfs.gfs2 -q -O -p lock_nolock -j 1 -J 8 IMAGE"}},
		{name: "ocfs2", size: 256 * mib, commands: []string{"mkfs.ocfs2 -q -F -x -M local -L firstlight IMAGE"}},
		{name: "minix 1", size: mib, commands: []string{"mkfs.minix -1 IMAGE"}},
		{name: "minix 2", size: mib, commands: []string{"mkfs.minix -2 IMAGE"}},
		{name: "minix 3", size: mib, commands: []string{"mkfs.minix -3 IMAGE"}},
		{name: "cramfs", size: mib, commands: []string{"rm IMAGE", "mkfs.cramfs -n firstlight DIR IMAGE"}},
		{name: "romfs", size: mib, commands: []string{"genromfs -d DIR -V firstlight -f IMAGE"}},
		{name: "bfs", size: mib, commands: []string{"mkfs.bfs IMAGE"}},
		{name: "hfs", size: 8 * mib, commands: []string{"hformat -l firstlight IMAGE"}},
		{name: "bcache", size: 32 * mib, commands: []string{"make-bcache -B IMAGE"}},
		{name: "gpt", size: 8 * mib, commands: []string{"sgdisk -n 1:0:0 IMAGE"}},
		{name: "dos", size: 8 * mib, commands: []string{"sh -c echo_,_|_sfdisk_-q_-X_dos_IMAGE"}},
		{name: "md 0.90", size: 8 * mib, fill: mdOld},
		{name: "md 1.0", size: 8*mib + 512, fill: mdAt(func(size int64) int64 { return (size/512 - 16) &^ 7 * 512 })},
		{name: "md 1.1", size: 8 * mib, fill: mdAt(func(int64) int64 { return 0 })},
		{name: "md 1.2", size: 8 * mib, fill: mdAt(func(int64) int64 { return 4096 })},
		{name: "lvm2", size: 8 * mib, fill: lvm},
		{name: "zfs", size: 64 * mib, fill: zfs},
		// Leftovers from earlier uses of a disk.
		{name: "ext4, then swap over its start", size: 32 * mib, commands: []string{"mkswap IMAGE", "mkfs.ext4 -q -F IMAGE"},
			fill: func(t *testing.T, image string) { patch(t, image, 4086, []byte("SWAPSPACE2")) }},
		{name: "btrfs and ext4", size: 256 * mib, commands: []string{"mkfs.btrfs -q IMAGE"}, fill: graft("mkfs.ext4 -q -F -b 1024 COPY", 1024, 1024)},
		{name: "md 1.0 around ext4", size: 32 * mib, commands: []string{"mkfs.ext4 -q -F IMAGE"},
			fill: mdAt(func(size int64) int64 { return (size/512 - 16) &^ 7 * 512 })},
		{name: "luks2 over jfs", size: 64 * mib, commands: append([]string{"mkfs.jfs -q IMAGE"}, luks("luks2", "")...)},
		{name: "luks2 whose first header is gone", size: 32 * mib, commands: luks("luks2", ""),
			fill: func(t *testing.T, image string) { patch(t, image, 0, make([]byte, 4096)) }},
		{name: "gpt whose first header is gone", size: 8 * mib, commands: []string{"sgdisk -n 1:0:0 IMAGE"},
			fill: func(t *testing.T, image string) { patch(t, image, 512, make([]byte, 512)) }},
		{name: "gpt on btrfs", size: 64 * mib, commands: []string{"mkfs.btrfs -q -f --mixed IMAGE", "sgdisk -n 1:0:0 IMAGE"}},
		{name: "iso9660 with a master boot record", size: mib, commands: []string{"genisoimage -quiet -o IMAGE DIR", "sgdisk -n 1:0:0 IMAGE"}},
	}
}

func luks(version, more string) []string {
	return []string{"sh -c echo_key>DIR/key", "cryptsetup luksFormat -q --type " + version +
		" --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file DIR/key " + more + " IMAGE"}
}

// mdAt writes a superblock of version 1 at the offset for a device of this size.
func mdAt(place func(int64) int64) func(*testing.T, string) {
	return func(t *testing.T, image string) {
		offset := place(size(t, image))
		sb, le := make([]byte, 256), binary.LittleEndian
		le.PutUint32(sb, 0xa92b4efc)
		le.PutUint32(sb[4:], 1)
		copy(sb[16:], "0123456789abcdef")
		copy(sb[32:], "any:data")
		le.PutUint64(sb[80:], 2048)
		le.PutUint64(sb[128:], 2048)
		le.PutUint64(sb[144:], uint64(offset/512))
		var sum uint64
		for i := 0; i < len(sb); i += 4 {
			sum += uint64(le.Uint32(sb[i:]))
		}
		le.PutUint32(sb[216:], uint32(sum)+uint32(sum>>32))
		patch(t, image, offset, sb)
	}
}

func mdOld(t *testing.T, image string) {
	sb, le := make([]byte, 4096), binary.LittleEndian
	for i, v := range []uint32{0xa92b4efc, 0, 90, 0, 0, 0x01020304, 0, 1, 4096, 2, 2, 0, 0, 0x05060708, 0x090a0b0c, 0x0d0e0f10} {
		le.PutUint32(sb[4*i:], v)
	}
	patch(t, image, size(t, image)&^(64<<10-1)-64<<10, sb)
}

// lvm writes the label of a physical volume.
func lvm(t *testing.T, image string) {
	h, le := make([]byte, 512), binary.LittleEndian
	copy(h, "LABELONE")
	le.PutUint64(h[8:], 1)
	le.PutUint32(h[20:], 32)
	copy(h[24:], "LVM2 001")
	copy(h[32:], "abcdefABCDefghEFGHijklIJKLmnopMN")
	le.PutUint32(h[16:], ^crc32.Update(^uint32(0xf597a6cf), crc32.IEEETable, h[20:]))
	patch(t, image, 512, h)
}

// zfs writes the labels of a pool member.
func zfs(t *testing.T, image string) {
	for _, p := range zfsLabels() {
		patch(t, image, target{size: size(t, image)}.offset(p.at), p.data)
	}
}

// graft copies a piece of an image, made by a command, into the image.
func graft(command string, offset, length int64) func(*testing.T, string) {
	return func(t *testing.T, image string) {
		other := blank(t, 32*mib)
		fields := strings.Fields(strings.ReplaceAll(command, "COPY", other))
		run(t, fields[0], fields[1:]...)
		data, err := os.ReadFile(other)
		if err != nil {
			t.Fatal(err)
		}
		patch(t, image, offset, data[offset:offset+length])
	}
}

func size(t *testing.T, image string) int64 {
	info, err := os.Stat(image)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// make makes the image of a kind. In an argument of sh, an underscore stands for a space.
func (k kind) make(t *testing.T) string {
	image := blank(t, k.size)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte(strings.Repeat("content\n", 900)), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range k.commands {
		words := strings.Fields(c)
		need(t, words[0])
		if words[0] == "sh" {
			words[2] = strings.ReplaceAll(words[2], "_", " ")
		}
		for i, w := range words {
			words[i] = strings.NewReplacer("IMAGE", image, "DIR", dir).Replace(w)
		}
		run(t, words[0], words[1:]...)
	}
	if k.fill != nil {
		k.fill(t, image)
	}
	return image
}

func probeImage(t *testing.T, image string) []probe.Signature {
	t.Helper()
	f, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found, err := probe.Probe(f, size(t, image), 512)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// blkid returns blkid(8)'s result for an image, by name; nil if it finds nothing, ambivalent if it reports that.
func blkid(image string) (found map[string]string, ambivalent bool) {
	out, err := try("blkid", "-p", "-o", "export", image)
	if err != nil {
		return nil, strings.Contains(err.Error(), "exit status 8")
	}
	found = map[string]string{}
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		found[name] = strings.ReplaceAll(value, "\\", "")
	}
	return found, false
}

func TestProbeAgreesWithBlkid(t *testing.T) {
	need(t, "blkid", "wipefs")
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			image := k.make(t)
			found := probeImage(t, image)
			got, ambiguous, _ := probe.Content(found)
			want, ambivalent := blkid(image)
			if ambivalent != ambiguous {
				t.Errorf("ambiguous is %v, blkid says %v: %v", ambiguous, ambivalent, found)
			}
			if !ambivalent {
				for name, value := range map[string]string{"TYPE": got.Type, "LABEL": got.Label, "UUID": got.UUID} {
					if want[name] != value {
						t.Errorf("%s is %q, blkid says %q", name, value, want[name])
					}
				}
			}
			// blkid takes the boot sector of exFAT for a master boot record.
			if table := want["PTTYPE"]; table != "" && got.Type != "exfat" && !slices.ContainsFunc(found, func(s probe.Signature) bool { return s.Type == table }) {
				t.Errorf("partition table %s was not found: %v", table, found)
			}
			eraseAndCompare(t, image, found)
		})
	}
}

// eraseAndCompare checks that our extents include all of wipefs(8)'s, and that nothing is left after erasing them.
func eraseAndCompare(t *testing.T, image string, found []probe.Signature) {
	t.Helper()
	extents := probe.Erase(found)
	for _, w := range wipefs(t, image) {
		covered := slices.ContainsFunc(extents, func(e probe.Extent) bool {
			return e.Offset <= w.Offset && w.Offset+w.Length <= e.Offset+e.Length
		})
		if !covered {
			t.Errorf("wipefs erases %+v, we do not: %v", w, found)
		}
	}
	for _, e := range extents {
		patch(t, image, e.Offset, make([]byte, e.Length))
	}
	if left := wipefs(t, image); len(left) > 0 {
		t.Errorf("wipefs still finds %+v", left)
	}
	if left := probeImage(t, image); len(left) > 0 {
		t.Errorf("we still find %v", left)
	}
	if left, ambivalent := blkid(image); len(left) > 0 || ambivalent {
		t.Errorf("blkid still finds %v", left)
	}
}

// wipefs returns everything that wipefs(8) finds, copies included, by erasing on a copy of the image until nothing is left.
func wipefs(t *testing.T, image string) []probe.Extent {
	t.Helper()
	scratch := image + ".scratch"
	run(t, "cp", "--sparse=always", image, scratch)
	defer os.Remove(scratch)
	var all []probe.Extent
	for line := range strings.Lines(run(t, "wipefs", "--all", "--force", scratch)) {
		var length, offset int64
		_, rest, ok := strings.Cut(line, ": ")
		if _, err := fmt.Sscanf(rest, "%d bytes were erased at offset 0x%x", &length, &offset); !ok || err != nil {
			if _, err := fmt.Sscanf(rest, "%d byte was erased at offset 0x%x", &length, &offset); err != nil {
				continue
			}
		}
		all = append(all, probe.Extent{Offset: offset, Length: length})
	}
	return all
}
