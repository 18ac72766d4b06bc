// SPDX-License-Identifier: Apache-2.0

package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/disk/gpt"
	"github.com/firstlight-boot/firstlight/internal/sys"
	"github.com/firstlight-boot/firstlight/internal/sys/fake"
)

// passphrase is the key of a machine's initial volumes.
const passphrase = "passphrase"

// testCase is a file of testdata: a machine before its first boot, and a config.
type testCase struct {
	About string
	// Start describes the machine, a line for each step: "disk NAME MIB [SECTOR]" attaches a disk, "table DISK LABEL:MIB…" partitions it,
	// "forget DISK" takes its table away; everything else is the command of a helper program, in which SECRET is the file with the passphrase.
	Start []string
	// InOrder, if not empty, is the reason why a power cut must not reorder writes.
	InOrder string
	NoUdev  bool // udev does not run
	Config  json.RawMessage
}

func parseCase(text []byte) (testCase, config.Document, error) {
	var c testCase
	if err := json.Unmarshal(text, &c); err != nil {
		return c, config.Document{}, err
	}
	doc, report := config.Parse(diag.NewSource("config", c.Config))
	if report.HasErrors() {
		return c, doc, fmt.Errorf("%v", report)
	}
	return c, doc, nil
}

// machine returns the initial machine of a case, booted.
func (c testCase) machine(seed string) (*fake.Machine, error) {
	m := fake.New(seed)
	m.NoUdev = c.NoUdev
	m.Boot()
	for _, line := range c.Start {
		words := strings.Fields(line)
		var err error
		switch words[0] {
		case "disk":
			err = attach(m, words[1:])
		case "table":
			err = partition(m, words[1], words[2:])
		case "forget":
			err = forget(m, words[1])
		default:
			err = command(m, words)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", line, err)
		}
		if words[0] == "disk" || words[0] == "table" || words[0] == "forget" {
			m = m.Reboot()
		}
		m.Settle()
	}
	return m.Reboot(), nil
}

func attach(m *fake.Machine, words []string) error {
	mib, err := strconv.ParseInt(words[1], 10, 32)
	sector := 512
	if len(words) > 2 && err == nil {
		sector, err = strconv.Atoi(words[2])
	}
	m.AddDisk(words[0], mib<<20, sector)
	return err
}

func command(m *fake.Machine, words []string) error {
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, "SECRET", sys.SecretFile)
	}
	_, err := m.Run(context.Background(), sys.Command{Name: words[0], Args: words[1:], Secret: []byte(passphrase)})
	return err
}

// partition writes a table to a disk, with adjacent partitions from 1 MiB on.
func partition(m *fake.Machine, disk string, words []string) error {
	b, err := m.Block("/dev/" + disk)
	if err != nil {
		return err
	}
	perMiB := gpt.Sectors(1 << 20 / b.SectorSize)
	table, err := gpt.New(b.SectorSize, gpt.Sectors(b.Size/int64(b.SectorSize)), id(disk, 0))
	if err != nil {
		return err
	}
	at := perMiB
	for i, w := range words {
		label, size, _ := strings.Cut(w, ":")
		mib, err := strconv.Atoi(size)
		if err != nil {
			return err
		}
		last := at + gpt.Sectors(mib)*perMiB - 1
		table.Partitions = append(table.Partitions, gpt.Partition{
			Number: i + 1, Type: gpt.LinuxData, ID: id(disk, i+1), Label: label, First: at, Last: last})
		at = last + 1
	}
	groups, err := table.Encode(gpt.Found{}, nil)
	if err != nil {
		return err
	}
	return onDisk(m, disk, func(d sys.Disk) error {
		for _, w := range slices.Concat(groups...) {
			if _, err := d.WriteAt(w.Data, w.Offset); err != nil {
				return err
			}
		}
		return nil
	})
}

// id returns the GUID of a partition of a disk, or of its table.
func id(disk string, number int) gpt.GUID {
	g := gpt.GUID{byte(number + 1)}
	copy(g[10:], disk)
	return g
}

// forget removes the table from a disk.
func forget(m *fake.Machine, disk string) error {
	b, err := m.Block("/dev/" + disk)
	if err != nil {
		return err
	}
	return onDisk(m, disk, func(d sys.Disk) error {
		for _, e := range gpt.ZapExtents(b.SectorSize, gpt.Sectors(b.Size/int64(b.SectorSize)), nil) {
			sector := int64(b.SectorSize)
			if err := d.Zero(int64(e.First)*sector, int64(e.Last-e.First+1)*sector); err != nil {
				return err
			}
		}
		return nil
	})
}

func onDisk(m *fake.Machine, disk string, do func(sys.Disk) error) error {
	d, err := m.OpenDisk(context.Background(), "/dev/"+disk)
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}
