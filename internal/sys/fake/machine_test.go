// SPDX-License-Identifier: Apache-2.0

package fake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/google/go-cmp/cmp"
)

func keepAll(string) bool { return true }

// booted returns a machine with two disks of 64 MiB.
func booted() *Machine {
	m := New("test")
	m.AddDisk("vda", 64*mib, 512)
	m.AddDisk("vdb", 64*mib, 4096)
	m.Boot()
	return m
}

func openDisk(t *testing.T, m *Machine, node string) sys.Disk {
	t.Helper()
	d, err := m.OpenDisk(context.Background(), node)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// part writes a table with partitions of 20 MiB to a disk, and has the kernel read it.
func part(t *testing.T, m *Machine, disk string, labels ...string) {
	t.Helper()
	b, err := m.Block(disk)
	if err != nil {
		t.Fatal(err)
	}
	table, err := gpt.New(b.SectorSize, gpt.Sectors(b.Size/int64(b.SectorSize)), gpt.GUID{9})
	if err != nil {
		t.Fatal(err)
	}
	size := gpt.Sectors(20 * mib / int64(b.SectorSize))
	for i, label := range labels {
		first := gpt.Sectors(mib/int64(b.SectorSize)) + gpt.Sectors(i)*size
		table.Partitions = append(table.Partitions, gpt.Partition{
			Number: i + 1, Type: gpt.LinuxData, ID: gpt.GUID{byte(i), disk[len(disk)-1]}, Label: label, First: first, Last: first + size - 1})
	}
	groups, err := table.Encode(gpt.Found{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := openDisk(t, m, disk)
	for _, w := range slices.Concat(groups...) {
		if _, err := d.WriteAt(w.Data, w.Offset); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	err = m.readTable(m.devices[disk])
	m.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	m.Settle()
}

func TestUnsyncedWritesAreLost(t *testing.T) {
	m := booted()
	a := openDisk(t, m, "/dev/vda")
	text := []byte("durable")
	if _, err := a.WriteAt(text, 1000); err != nil {
		t.Fatal(err)
	}
	if err := a.Sync(); err != nil {
		t.Fatal(err)
	}
	if _, err := a.WriteAt([]byte("VOLATILE"), 1000); err != nil {
		t.Fatal(err)
	}
	for want, loss := range map[string]Loss{"durable": LoseAll, "VOLATIL": LoseNothing} {
		after := m.PowerLoss(loss)
		after.Boot()
		got := make([]byte, 7)
		d := openDisk(t, after, "/dev/vda")
		if _, err := d.ReadAt(got, 1000); err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}

// A sync of a partition flushes the drive. It does not flush what another program wrote to the page cache of the disk.
func TestSyncIsOfOneDevice(t *testing.T) {
	m := booted()
	part(t, m, "/dev/vda", "a")
	disk, partition := openDisk(t, m, "/dev/vda"), openDisk(t, m, "/dev/vda1")
	place := 40 * mib
	write := func() {
		if _, err := disk.WriteAt([]byte("x"), place); err != nil {
			t.Fatal(err)
		}
		if err := partition.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	survives := func() bool {
		got := make([]byte, 1)
		after := m.PowerLoss(LoseAll)
		after.devices["/dev/vda"].image.read(got, place)
		return got[0] == 'x'
	}
	if write(); survives() {
		t.Error("a write through the open disk survived")
	}
	disk.Close()
	if err := partition.Sync(); err != nil || !survives() {
		t.Errorf("a write through the closed disk did not survive a flush of the drive: %v", err)
	}
}

// Sectors survive as a whole or not at all, and the same ones for the same seed.
func TestLoseSome(t *testing.T) {
	m := booted()
	d := openDisk(t, m, "/dev/vdb")
	if _, err := d.WriteAt(bytes.Repeat([]byte("y"), 64<<10), 0); err != nil {
		t.Fatal(err)
	}
	read := func(m *Machine) []byte {
		got := make([]byte, 64<<10)
		m.devices["/dev/vdb"].image.read(got, 0)
		return got
	}
	first, again := read(m.PowerLoss(LoseSome(7))), read(m.PowerLoss(LoseSome(7)))
	if !bytes.Equal(first, again) {
		t.Error("the same seed lost other sectors")
	}
	kept := 0
	for at := 0; at < len(first); at += 4096 {
		n := bytes.Count(first[at:at+4096], []byte("y"))
		if n != 0 && n != 4096 {
			t.Fatalf("%d bytes of the sector at %d survived", n, at)
		}
		kept += n
	}
	if kept == 0 || kept == len(first) {
		t.Errorf("%d bytes survived", kept)
	}
}

func TestKernelPartitions(t *testing.T) {
	m := booted()
	d := openDisk(t, m, "/dev/vda")
	check := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	ctx := context.Background()
	check(d.AddPartition(1, mib, 10*mib), nil)
	check(d.AddPartition(2, 5*mib, 10*mib), errBusy)
	check(d.AddPartition(1, 20*mib, mib), errBusy)
	check(d.AddPartition(2, 11*mib, 10*mib), nil)
	check(d.ResizePartition(1, mib, 11*mib), errBusy)
	check(d.ResizePartition(1, 2*mib, 5*mib), errInvalid)
	check(d.ResizePartition(1, mib, 5*mib), nil)
	check(d.ResizePartition(7, mib, 5*mib), errNoDevice)
	check(d.DeletePartition(ctx, 7), errNoDevice)
	d.Close()
	run(t, m, "mkfs.ext4 -F /dev/vda1")
	run(t, m, "mount -o defaults -t ext4 /dev/vda1 /sysroot")
	d = openDisk(t, m, "/dev/vda")
	check(d.DeletePartition(ctx, 1), errBusy)
	check(m.Unmount("/sysroot"), nil)
	check(d.DeletePartition(ctx, 1), nil)
	all, err := m.Partitions("/dev/vda")
	if err != nil || len(all) != 1 || all[0].Node != "/dev/vda2" || all[0].Start != 11*mib || all[0].Size != 10*mib {
		t.Errorf("%+v, %v", all, err)
	}
}

// The kernel sees a table only through its primary copy and the protective MBR.
func TestKernelReadsTables(t *testing.T) {
	for _, c := range []struct {
		offset int64 // of a sector that is damaged
		want   int
	}{{-1, 2}, {0, 0}, {512, 0}, {64*mib - 512, 2}} {
		m := booted()
		part(t, m, "/dev/vda", "a", "b")
		if c.offset >= 0 {
			m.devices["/dev/vda"].image.write(make([]byte, 512), c.offset, inDrive)
		}
		again := m.Reboot()
		if all, err := again.Partitions("/dev/vda"); err != nil || len(all) != c.want {
			t.Errorf("sector at %d is gone: %d partitions, %v; want %d", c.offset, len(all), err, c.want)
		}
	}
}

func TestLinks(t *testing.T) {
	m := booted()
	part(t, m, "/dev/vda", "my root", "m1")
	part(t, m, "/dev/vdb", "m2")
	run(t, m, "mkfs.ext4 -F -L data -U "+uuid1+" /dev/vda1")
	run(t, m, "mdadm --create pool --run --homehost any --level raid1 --raid-devices 2 /dev/vda2 /dev/vdb1")
	for path, want := range map[string]string{
		`/dev/disk/by-partlabel/my\x20root`: "/dev/vda1", "/dev/disk/by-id/virtio-vda-part2": "/dev/vda2", "/dev/disk/by-id/virtio-vdb": "/dev/vdb",
		"/dev/disk/by-label/data": "", "/dev/md/pool": "",
	} {
		if got, err := m.Resolve(path); got != want || want == "" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("before udev: %s leads to %q, %v; want %q", path, got, err, want)
		}
	}
	m.Settle()
	for path, want := range map[string]string{
		"/dev/disk/by-label/data": "/dev/vda1", "/dev/disk/by-uuid/" + uuid1: "/dev/vda1", "/dev/md/pool": "/dev/md127",
		"/dev/disk/by-id/md-name-any:pool": "/dev/md127",
	} {
		if got, err := m.Resolve(path); got != want || err != nil {
			t.Errorf("%s leads to %q, %v; want %q", path, got, err, want)
		}
	}
	if b, err := m.Block("/dev/vda2"); err != nil || !slices.Equal(b.Holders, []string{"/dev/md127"}) {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestAwaitTakesNoTime(t *testing.T) {
	m := booted()
	began := time.Now()
	err := m.Await(context.Background(), time.Hour, "nothing", func() bool { return false })
	if !errors.Is(err, sys.ErrTimeout) || m.Elapsed() != time.Hour || time.Since(began) > time.Second {
		t.Errorf("%v after %v", err, m.Elapsed())
	}
	_, absent, err := m.AwaitDevices(context.Background(), []string{"/dev/vda", "/dev/vdz"})
	if err != nil || len(absent) != 1 || absent["/dev/vdz"] == "" {
		t.Errorf("%v, %v", absent, err)
	}
}

// Data written to an array reads back, and reaches as many members as the level promises.
func TestArrays(t *testing.T) {
	for level, onMembers := range map[string]int{"linear": 1, "raid0": 1, "raid1": 4, "raid4": 1, "raid5": 1, "raid6": 1, "raid10": 2} {
		m := New("arrays")
		var members []string
		for _, disk := range []string{"vda", "vdb", "vdc", "vdd"} {
			m.AddDisk(disk, 4*mib, 512)
			members = append(members, "/dev/"+disk)
		}
		m.Boot()
		run(t, m, "mdadm --create pool --run --homehost any --chunk 64 --level "+level+" --raid-devices 4 "+strings.Join(members, " "))
		m.Settle()
		d := openDisk(t, m, "/dev/md/pool")
		b, _ := m.Block("/dev/md127")
		data := make([]byte, b.Size)
		for i := range data {
			data[i] = byte(i>>9) ^ byte(i>>17) ^ 0x5A
		}
		mark := []byte("a text of sixteen"[:16])
		copy(data[640<<10:], mark)
		got := make([]byte, len(data))
		if _, err := d.WriteAt(data, 0); err != nil {
			t.Fatalf("%s: %v", level, err)
		}
		if _, err := d.ReadAt(got, 0); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: other data is read: %v", level, err)
		}
		found := 0
		for _, node := range members {
			raw := make([]byte, 4*mib)
			m.devices[node].image.read(raw, 0)
			found += bytes.Count(raw, mark)
		}
		if found != onMembers {
			t.Errorf("%s: on %d members, want %d", level, found, onMembers)
		}
		again := m.Reboot()
		if node, err := again.Resolve("/dev/md/pool"); err != nil || again.devices[node].size != b.Size {
			t.Errorf("%s: not assembled again: %v", level, err)
		}
	}
}

// An array whose creation was cut short holds the members that were written.
func TestHalfAnArray(t *testing.T) {
	m := booted()
	const create = "mdadm --create pool --run --homehost any --level raid1 --raid-devices 2 /dev/vda /dev/vdb"
	m.StopBefore(4) // run, write, sync, write
	if err := try(m, create); !errors.Is(err, ErrStopped) {
		t.Fatal(err, m.Effects())
	}
	after := m.PowerLoss(LoseAll)
	after.Boot()
	b, err := after.Block("/dev/md127")
	if err != nil || b.Size != 0 || !slices.Equal(b.Members, []string{"/dev/vda"}) {
		t.Errorf("%+v, %v", b, err)
	}
	if err := try(after, create); err == nil {
		t.Error("a member in use was taken")
	}
	run(t, after, "mdadm --stop /dev/md127")
	run(t, after, create)
}

func TestVolumes(t *testing.T) {
	m := booted()
	const key = " --key-file " + sys.SecretFile
	run(t, m, "cryptsetup luksFormat --type luks2 --label l"+key+" /dev/vda")
	run(t, m, "cryptsetup luksOpen /dev/vda sec --persistent --allow-discards"+key)
	run(t, m, "mkfs.xfs -f -L inner /dev/mapper/sec")
	m.Settle()
	if node, err := m.Resolve("/dev/disk/by-label/inner"); err != nil || node != "/dev/dm-0" {
		t.Errorf("%q, %v", node, err)
	}
	if err := try(m, "cryptsetup luksFormat"+key+" /dev/vda"); err == nil {
		t.Error("a device in use was formatted")
	}
	run(t, m, "clevis luks bind -f -k "+sys.SecretFile+" -d /dev/vda tpm2 {}")
	run(t, m, "cryptsetup luksRemoveKey /dev/vda "+sys.SecretFile)
	run(t, m, "cryptsetup luksClose sec")
	if err := try(m, "cryptsetup luksOpen /dev/vda sec"+key); err == nil {
		t.Error("a removed key opens the volume")
	}
	again := m.Reboot()
	run(t, again, "clevis luks unlock -d /dev/vda -n sec")
	s := again.State(func(string) bool { return false })
	want := map[string]Contents{
		"/dev/vda": {Size: 64 * mib, Type: "crypto_LUKS", Label: "l", UUID: invented, Whole: true, Flags: []string{"allow-discards"},
			Unlockers: []string{"clevis tpm2 {}"}},
		"/dev/vdb":   {Size: 64 * mib, Whole: true},
		"volume sec": {Size: 48 * mib, Type: "xfs", Label: "inner", UUID: invented, Whole: true},
	}
	if d := cmp.Diff(want, s.Devices); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

// Stopped before their only sync, mke2fs and mkfs.btrfs may leave what looks like the complete filesystem. An unfinished xfs
// has its label, but is marked as unfinished.
func TestHalfMade(t *testing.T) {
	for command, trap := range map[string]bool{"mkfs.ext4 -F -L x": true, "mkfs.xfs -f -L x": true, "mkfs.btrfs --force -L x": true,
		"mkfs.fat -n x": false, "mkswap -f -L x": false} {
		count, half := 0, false
		for n := 1; ; n++ {
			m := booted()
			m.StopBefore(n)
			err := try(m, command+" /dev/vda")
			if err == nil {
				count = n - 1
				break
			}
			if !errors.Is(err, ErrStopped) || len(m.Effects()) != n {
				t.Fatalf("%s: %v after %q", command, err, m.Effects())
			}
			for seed := range uint64(16) {
				after := m.PowerLoss(LoseSome(seed))
				after.Boot()
				c := after.State(keepAll).Devices["/dev/vda"]
				half = half || c.Label == "x" && !c.Whole
			}
		}
		if count < 4 || half != trap {
			t.Errorf("%s has %d effects; is there half of a filesystem at any of them: %v", command, count, half)
		}
	}
}

// Two machines with the same seed do the same; a clone is independent.
func TestDeterminism(t *testing.T) {
	var states []State
	for range 2 {
		m := booted()
		part(t, m, "/dev/vda", "a")
		run(t, m, "mkfs.btrfs --force /dev/vda1")
		m.Settle()
		states = append(states, m.State(keepAll))
		c := m.Clone()
		run(t, c, "mkfs.ext4 -F /dev/vda1")
		if d := cmp.Diff(states[0], m.State(keepAll)); d != "" {
			t.Errorf("the clone changed its origin (-before +after)\n%s", d)
		}
		if d := cmp.Diff(states[0], c.State(keepAll)); d == "" {
			t.Error("the clone did not change")
		}
	}
	if d := cmp.Diff(states[0], states[1]); d != "" {
		t.Errorf("(-first +second)\n%s", d)
	}
}

func TestHook(t *testing.T) {
	m := booted()
	refusal := errors.New("no")
	m.Before = func(effect string) error {
		if strings.HasPrefix(effect, "mkswap: sync") {
			return fmt.Errorf("%s: %w", effect, refusal)
		}
		return nil
	}
	if err := try(m, "mkswap -f /dev/vda"); !errors.Is(err, refusal) {
		t.Error(err)
	}
}

// Without udev, the programs make the links of their devices themselves.
func TestNoUdev(t *testing.T) {
	m := booted()
	part(t, m, "/dev/vda", "a")
	m.NoUdev = true
	m = m.Reboot()
	run(t, m, "mdadm --create pool --run --homehost any --level raid1 --raid-devices 2 /dev/vda1 /dev/vdb")
	run(t, m, "cryptsetup luksFormat --key-file "+sys.SecretFile+" /dev/md/pool")
	run(t, m, "cryptsetup luksOpen /dev/md/pool sec --key-file "+sys.SecretFile)
	for path, want := range map[string]string{"/dev/mapper/sec": "/dev/dm-0", "/dev/vda1": "/dev/vda1", "/dev/disk/by-partlabel/a": ""} {
		if got, _ := m.Resolve(path); got != want {
			t.Errorf("%s leads to %q, want %q", path, got, want)
		}
	}
	if m.HasUdev() || m.UdevProperty("/dev/vda1", "ID_PART_ENTRY_NAME") != "" {
		t.Error("there is udev")
	}
}

// While a disk is open, udev ignores it and its partitions.
func TestLockKeepsUdevAway(t *testing.T) {
	m := booted()
	d := openDisk(t, m, "/dev/vda")
	if _, err := m.OpenDisk(context.Background(), "/dev/vda"); !errors.Is(err, errLocked) {
		t.Errorf("opened twice: %v", err)
	}
	if err := d.AddPartition(1, mib, 20*mib); err != nil {
		t.Fatal(err)
	}
	seen := func() bool { _, err := m.Resolve("/dev/disk/by-id/virtio-vda-part1"); return err == nil }
	if err := m.Await(context.Background(), time.Minute, "a link", seen); !errors.Is(err, sys.ErrTimeout) {
		t.Errorf("the link is made: %v", err)
	}
	d.Close()
	if err := m.Await(context.Background(), time.Minute, "a link", seen); err != nil {
		t.Error(err)
	}
}

// A program that wrote to a whole disk and closed it makes udev have the kernel read its partition table again.
func TestWritersMakeTheKernelLook(t *testing.T) {
	m := booted()
	part(t, m, "/dev/vda", "a")
	run(t, m, "mkfs.btrfs --force /dev/vda")
	if all, err := m.Partitions("/dev/vda"); err != nil || len(all) != 1 {
		t.Errorf("before udev: %v, %v", all, err)
	}
	m.Settle()
	if all, err := m.Partitions("/dev/vda"); err != nil || len(all) != 0 {
		t.Errorf("after udev: %v, %v", all, err)
	}
}

// Old superblocks inside a new partition become an array as soon as udev sees it.
func TestStaleSuperblocks(t *testing.T) {
	m := booted()
	part(t, m, "/dev/vda", "m0", "m1")
	run(t, m, "mdadm --create old --run --homehost any --level raid0 --raid-devices 2 /dev/vda1 /dev/vda2")
	m.Settle()
	run(t, m, "mdadm --stop /dev/md/old")
	part(t, m, "/dev/vda")
	if all, _ := m.Partitions("/dev/vda"); len(all) != 0 {
		t.Fatal(all)
	}
	part(t, m, "/dev/vda", "n0", "n1")
	if b, err := m.Block("/dev/vda1"); err != nil || !slices.Equal(b.Holders, []string{"/dev/md127"}) {
		t.Errorf("%+v, %v", b, err)
	}
}

func BenchmarkCloneAndBoot(b *testing.B) {
	m := booted()
	for b.Loop() {
		m.Reboot()
	}
}
