// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Machine is one guest with its disks, which persist across boots.
type Machine struct {
	Guest Guest
	Dir   string   // all files of this machine
	Disks []string // sizes of the blank disks, for truncate(1): "512M"; "512M 4096" is one with sectors of 4096 bytes
	Late  int      // this many of the last disks are plugged in by Plug
	Paths int      // number of SCSI paths to the first disk; 0: it is a virtio disk
	TPM   bool     // an emulated TPM 2.0, whose state persists across boots
	Share string   // directory of the host that the guest has as a virtiofs share with the tag "share"; empty: none
	IOPS  int      // limit of requests per second of each disk; 0: unlimited
	CPUs  int      // emulated processors; 0: one. On two cores, two guests with one each finish sooner than two with two each
	Net   bool     // user-mode network: the host is 10.0.2.2
	// Metadata is the port of the host's loopback at which the guest's own network has the metadata service of a cloud; 0: none.
	Metadata int
	IPv6     string // the network is IPv6 only; the host's loopback answers requests to this address
	space    *space // namespace in which the machine runs; nil: the host's network
	// Forward is a port of the guest. The host reaches it at the port of its loopback that Port returns.
	Forward int
	Port    int
}

// A Boot is the start parameters of a machine.
type Boot struct {
	FwCfg string // file offered as fw_cfg opt/com.coreos/config; empty: none
	// ConfigDrive is the image of a config drive; empty: none. A disc is in an optical drive; all other images are disks.
	ConfigDrive string
	Disc        bool
	Files       string // one more disk, as /dev/disk/by-id/virtio-files; empty: none
	Cmdline     string // in addition to that of every boot
	UUID        string // of the hardware; empty: it has none
	Script      string // run in the guest once it is up
	Timeout     time.Duration
	// Console, if not nil, gets the output of the serial console as it arrives.
	Console io.Writer
}

// A Running is a started machine.
type Running struct {
	cmd     *exec.Cmd
	console *watched
	output  string // file with the output of the script
	done    chan struct{}
	err     error
	limit   *time.Timer
}

// Create makes the machine's disks, and the directory that it shares.
func (m *Machine) Create() error {
	if m.Share != "" {
		if err := os.Mkdir(m.Share, 0o755); err != nil {
			return fmt.Errorf("make share: %w", err)
		}
	}
	out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", m.Guest.Root, m.root()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("make root disk: %w: %s", err, out)
	}
	for i, disk := range m.Disks {
		size, _, _ := strings.Cut(disk, " ")
		if out, err := exec.Command("truncate", "-s", size, m.Disk(i)).CombinedOutput(); err != nil {
			return fmt.Errorf("make disk: %w: %s", err, out)
		}
	}
	return nil
}

func (m *Machine) root() string { return filepath.Join(m.Dir, "root.qcow2") }

// Disk returns the file of the n-th disk from 0; the guest has it as /dev/disk/by-id/virtio-labN, mostly /dev/vdb and on.
func (m *Machine) Disk(n int) string { return filepath.Join(m.Dir, fmt.Sprintf("disk%d", n)) }

// cmdline is the part of the kernel command line that all boots share: a serial console, and settings that make emulation faster.
// With norandmaps programs keep their addresses, so QEMU does not translate the same code twice. Without rep_good the kernel copies
// memory in plain loops, because QEMU runs "rep movs" one element at a time.
const cmdline = "root=LABEL=root rw console=ttyS0 panic=-1 quiet loglevel=4 nokaslr mitigations=off no_timer_check tsc=reliable " +
	"rcupdate.rcu_expedited=1 random.trust_cpu=on audit=0 apparmor=0 selinux=0 net.ifnames=0 8250.nr_uarts=1 " +
	"norandmaps clearcpuid=rep_good cryptomgr.notests raid=noautodetect systemd.default_timeout_start_sec=300 udev.event_timeout=300 " +
	"modprobe.blacklist=kvm,kvm_amd,kvm_intel,ccp,psmouse,floppy,libata,ata_piix,ata_generic,pcspkr,i2c_piix4,serio_raw"

// Start boots the machine.
func (m *Machine) Start(b Boot) (*Running, error) {
	script := filepath.Join(m.Dir, "script")
	if err := os.WriteFile(script, []byte(b.Script+"\n"), 0o644); err != nil {
		return nil, err
	}
	r := &Running{output: filepath.Join(m.Dir, "output"), done: make(chan struct{})}
	if err := os.WriteFile(r.output, nil, 0o644); err != nil {
		return nil, err
	}
	if err := os.WriteFile(m.forward(), fmt.Appendf(nil, forward, m.Metadata), 0o755); err != nil {
		return nil, err
	}
	r.cmd = exec.Command("qemu-system-x86_64", m.arguments(b, script, r.output)...)
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // a killed test leaves no guest behind
	pipe, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	r.cmd.Stderr = &stderr
	r.console = newWatched(b.Console)
	release, err := slot()
	if err != nil {
		return nil, err
	}
	if err := m.startDevices(); err != nil {
		release()
		return nil, err
	}
	if err := m.space.do(r.cmd.Start); err != nil {
		release()
		return nil, fmt.Errorf("start qemu: %w", err)
	}
	go func() {
		_, copied := io.Copy(r.console, pipe)
		r.err = errors.Join(copied, r.cmd.Wait())
		if r.err != nil {
			r.err = fmt.Errorf("qemu: %w: %s", r.err, stderr.String())
		}
		r.console.end()
		release()
		close(r.done)
	}()
	r.limit = time.AfterFunc(b.Timeout, func() { r.cmd.Process.Kill() })
	return r, nil
}

// slot waits for one of the slots for emulated guests, which all processes on this machine share.
func slot() (release func(), err error) {
	n := max(1, runtime.NumCPU())
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		for i := range n {
			f, err := os.OpenFile(filepath.Join(cacheDir(), fmt.Sprintf("slot%d", i)), os.O_CREATE|os.O_RDWR, 0o644)
			if err != nil {
				return nil, fmt.Errorf("wait for a free place: %w", err)
			}
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				return func() { f.Close() }, nil
			}
			f.Close()
		}
	}
}

// forward is the command that QEMU runs for each connection of the guest to the metadata service. By itself, QEMU would make
// one connection for all of them.
const forward = `#!/bin/bash
exec 3<>/dev/tcp/127.0.0.1/%d 4<&0
cat <&4 >&3 &
cat <&3
kill $!
`

func (m *Machine) forward() string { return filepath.Join(m.Dir, "forward") }

func (m *Machine) arguments(b Boot, script, output string) []string {
	args := []string{
		"-accel", "tcg,thread=multi,tb-size=512", "-machine", "pc,usb=off,vmport=off", "-cpu", "Westmere,+rdrand", "-smp", strconv.Itoa(max(1, m.CPUs)), "-m", "2048",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
		"-device", "virtio-rng-pci", "-device", "virtio-serial-pci,max_ports=4",
		"-chardev", "file,id=out,path=" + output, "-device", "virtserialport,chardev=out,name=firstlight",
		"-fw_cfg", "name=opt/firstlight/script,file=" + script,
		"-drive", "file=" + m.root() + ",if=none,id=root,format=qcow2,cache=unsafe", "-device", "virtio-blk-pci,drive=root",
		"-kernel", m.Guest.Kernel, "-initrd", m.Guest.Initramfs, "-append", cmdline + " " + b.Cmdline,
	}
	for i, disk := range m.Disks {
		if i == 0 && m.Paths > 0 {
			args = append(args, m.paths()...)
			continue
		}
		drive := fmt.Sprintf("file=%s,if=none,id=d%d,format=raw,cache=unsafe,discard=unmap", m.Disk(i), i)
		if m.IOPS > 0 {
			drive += fmt.Sprintf(",throttling.iops-total=%d", m.IOPS)
		}
		args = append(args, "-drive", drive)
		if i >= len(m.Disks)-m.Late {
			continue
		}
		device := fmt.Sprintf("virtio-blk-pci,drive=d%d,serial=lab%d", i, i)
		if _, sector, ok := strings.Cut(disk, " "); ok {
			device += ",logical_block_size=" + sector + ",physical_block_size=" + sector
		}
		args = append(args, "-device", device)
	}
	if m.Late > 0 {
		args = append(args, "-qmp", "unix:"+m.qmp()+",server=on,wait=off")
	}
	if m.TPM {
		args = append(args, "-chardev", "socket,id=tpm,path="+m.tpm(), "-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-tis,tpmdev=tpm0")
	}
	if m.Share != "" {
		args = append(args, "-object", "memory-backend-memfd,id=shared,size=2048M,share=on", "-machine", "memory-backend=shared",
			"-chardev", "socket,id=share,path="+m.share(), "-device", "vhost-user-fs-pci,chardev=share,tag=share")
	}
	if b.Files != "" {
		args = append(args, "-drive", "file="+b.Files+",if=none,id=files,format=raw,readonly=on")
		if m.Late == 0 { // else it is plugged in after the late disks, so that it does not take their names
			args = append(args, "-device", "virtio-blk-pci,drive=files,serial=files")
		}
	}
	if b.ConfigDrive != "" {
		media, device := "disk", []string{"-device", "virtio-blk-pci,drive=config"}
		if b.Disc {
			media, device = "cdrom", []string{"-device", "virtio-scsi-pci", "-device", "scsi-cd,drive=config"}
		}
		args = append(args, "-drive", "file="+b.ConfigDrive+",if=none,id=config,format=raw,readonly=on,media="+media)
		args = append(args, device...)
	}
	if b.UUID != "" {
		args = append(args, "-uuid", b.UUID)
	}
	if b.FwCfg != "" {
		args = append(args, "-fw_cfg", "name=opt/com.coreos/config,file="+b.FwCfg)
	}
	if m.Net {
		nic := "user,model=virtio-net-pci"
		if m.Forward != 0 {
			nic += fmt.Sprintf(",hostfwd=tcp:127.0.0.1:%d-:%d", m.Port, m.Forward)
		}
		switch {
		case m.IPv6 != "":
			nic += fmt.Sprintf(",ipv4=off,ipv6-net=%s/64,ipv6-host=%s,ipv6-dns=%s", network(m.IPv6), m.IPv6, network(m.IPv6)+"5")
		case m.Metadata != 0: // the address is in the guest's network, which is isolated from the host's
			nic += fmt.Sprintf(",net=169.254.0.0/16,host=169.254.0.2,dns=169.254.0.3,dhcpstart=169.254.0.15,guestfwd=tcp:%s:80-cmd:%s", metadataService, m.forward())
		}
		args = append(args, "-nic", nic)
	}
	return args
}

// paths returns the arguments for the SCSI disks that are paths to the first disk.
func (m *Machine) paths() []string {
	args := []string{"-device", "virtio-scsi-pci"}
	for i := range m.Paths {
		args = append(args, "-drive", fmt.Sprintf("file=%s,if=none,id=path%d,format=raw,file.locking=off,cache=unsafe", m.Disk(0), i),
			"-device", fmt.Sprintf("scsi-hd,drive=path%d,serial=lab0,wwn=0x5000000000000001,share-rw=on", i))
	}
	return args
}

// network returns the /64 network of an IPv6 address, in the form before "/64".
func network(address string) string {
	before, _, _ := strings.Cut(address, "::")
	return before + "::"
}

// Wait waits until the machine is off. It returns the output of the script, which is complete if there is no error.
func (r *Running) Wait() (string, error) {
	<-r.done
	out, err := os.ReadFile(r.output)
	text, ended := strings.CutSuffix(strings.TrimSpace(string(out)), "END")
	switch {
	case !r.limit.Stop():
		return text, errors.New("the guest did not end in time")
	case err == nil && r.err == nil && !ended:
		err = errors.New("the guest went off without a report")
	}
	return text, errors.Join(r.err, err)
}

// Kill cuts the power.
func (r *Running) Kill() {
	r.cmd.Process.Kill()
	<-r.done
	r.limit.Stop()
}

// AwaitConsole waits until the console has shown text, and returns false if the machine went off or ctx ended first.
func (r *Running) AwaitConsole(ctx context.Context, text string) bool {
	return r.console.await(ctx, text, 1)
}

// AwaitCount waits until the console has shown text n times.
func (r *Running) AwaitCount(ctx context.Context, text string, n int) bool {
	return r.console.await(ctx, text, n)
}

// AwaitOutput waits for the complete output of the script while the machine stays up.
func (r *Running) AwaitOutput(ctx context.Context) (string, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		out, err := os.ReadFile(r.output)
		if text, ended := strings.CutSuffix(strings.TrimSpace(string(out)), "END"); ended || err != nil {
			return text, err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-r.done:
			return "", errors.New("the guest went off without a report")
		case <-tick.C:
		}
	}
}

// Console returns the whole output of the console.
func (r *Running) Console() string { return r.console.String() }

// watched is a growing text in which callers wait for a part.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	also  io.Writer
	ended bool
	grown chan struct{} // closed and renewed whenever the text grows
}

func newWatched(also io.Writer) *watched { return &watched{also: also, grown: make(chan struct{})} }

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(p)
	if w.also != nil {
		w.also.Write(p)
	}
	close(w.grown)
	w.grown = make(chan struct{})
	return len(p), nil
}

func (w *watched) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	close(w.grown)
	w.grown = make(chan struct{})
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.ReplaceAll(w.text.String(), "\r", "")
}

func (w *watched) await(ctx context.Context, text string, n int) bool {
	for {
		w.mu.Lock()
		found, ended, grown := bytes.Count(w.text.Bytes(), []byte(text)) >= n, w.ended, w.grown
		w.mu.Unlock()
		if found || ended {
			return found
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return false
		}
	}
}

// tail returns the last n lines of a text.
func tail(text string, n int) string {
	all := lines(text)
	return strings.Join(all[max(0, len(all)-n):], "\n")
}

// lines splits a text into its lines.
func lines(text string) []string {
	var list []string
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		list = append(list, s.Text())
	}
	return list
}
