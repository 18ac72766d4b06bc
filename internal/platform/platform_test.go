// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTable(t *testing.T) {
	const contract = "akamai aliyun applehv aws azure azurestack brightbox cloudstack digitalocean exoscale file gcp hetzner hyperv " +
		"ibmcloud kubevirt metal nutanix nvidiabluefield openstack oraclecloud packet powervs proxmoxve qemu scaleway upcloud " +
		"virtualbox vmware vultr zvm"
	if got := strings.Join(IDs(), " "); got != contract {
		t.Errorf("the ids are\n%s, want\n%s", got, contract)
	}
	for _, p := range All() {
		if p.source == nil || len(p.Places()) == 0 || p.Empty == "" || p.Set == "" || p.Network != Local && p.Network != Remote {
			t.Errorf("the row of %s has a gap: %+v", p.ID, p)
		}
	}
	if _, ok := Find("ec2"); ok {
		t.Error("a historic id is accepted")
	}
}

// drives are fake devices: files by label, and discs that become ready.
type drives struct {
	mu     sync.Mutex
	labels map[string]fs.FS
	after  map[string]time.Time
	broken map[string]int // how many mounts of a device fail
	discs  map[string]fs.FS
	format string
}

func (d *drives) Labeled(label string) (string, bool) {
	_, ok := d.labels[label]
	return label, ok && !time.Now().Before(d.after[label])
}

func (d *drives) Discs(context.Context) ([]string, error) {
	var list []string
	for name := range d.discs {
		list = append(list, name)
	}
	slices.Sort(list)
	return list, nil
}

func (d *drives) Look(_ context.Context, device, format string, f func(fs.FS) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken == nil {
		d.broken = map[string]int{}
	}
	if d.broken[device]--; d.broken[device] >= 0 || format != "auto" && format != d.format {
		return errors.New("mount " + device + ": wrong fs type")
	}
	if files, ok := d.labels[device]; ok {
		return f(files)
	}
	return f(d.discs[device])
}

// machine returns an empty Env, and its recorded attempts.
func machine(t *testing.T) (*Env, *[]Attempt) {
	var mu sync.Mutex
	noted := &[]Attempt{}
	env := &Env{
		FS: fstest.MapFS{}, Getenv: func(string) string { return "" }, Log: slog.New(slog.DiscardHandler), Timeout: 2 * time.Minute,
		Drives: &drives{}, Interfaces: func() ([]net.Interface, error) { return nil, nil },
		Run: func(_ context.Context, name string, args ...string) ([]byte, error) {
			return nil, errors.New("no " + name)
		},
		Read: func(context.Context, string) ([]byte, error) { return nil, fs.ErrNotExist },
		note: func(a Attempt) {
			mu.Lock()
			defer mu.Unlock()
			*noted = append(*noted, a)
		},
	}
	return env, noted
}

// A result is the expected answer of a source.
type result struct {
	data, fail string
	took       time.Duration // 0: whatever
}

func (r result) check(t *testing.T, found Found, err error, took time.Duration) {
	t.Helper()
	if r.fail == "" && err != nil || r.fail != "" && (err == nil || !strings.Contains(err.Error(), r.fail)) {
		t.Errorf("error %v, want %q", err, r.fail)
	}
	if string(found.Data) != r.data {
		t.Errorf("found %q, want %q", found.Data, r.data)
	}
	if r.took > 0 && took.Round(time.Second) != r.took {
		t.Errorf("took %s, want %s", took, r.took)
	}
}

func entry(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestFirmware(t *testing.T) {
	const key = fwCfg + "/by_name/opt/com.coreos/config/"
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  result
	}{
		"found":     {fstest.MapFS{key + "size": entry("3\n"), key + "raw": entry("abc")}, result{data: "abc"}},
		"no key":    {fstest.MapFS{fwCfg + "/rev": entry("1")}, result{}},
		"empty":     {fstest.MapFS{key + "size": entry("0"), key + "raw": entry("")}, result{}},
		"too long":  {fstest.MapFS{key + "size": entry("2"), key + "raw": entry("abc")}, result{fail: "more than the 2 bytes"}},
		"too short": {fstest.MapFS{key + "size": entry("4"), key + "raw": entry("abc")}, result{fail: "ends after 3 of 4 bytes"}},
		"absurd":    {fstest.MapFS{key + "size": entry("99999999999"), key + "raw": entry("abc")}, result{fail: "the limit of a config"}},
		"garbage":   {fstest.MapFS{key + "size": entry("x"), key + "raw": entry("abc")}, result{fail: "not a number"}},
		"no driver": {fstest.MapFS{}, result{fail: "load the driver"}},
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := machine(t)
			env.FS = c.files
			found, err := qemu{"amd64"}.find(t.Context(), env)
			c.want.check(t, found, err, 0)
		})
	}
}

func TestSerialDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		env, _ := machine(t)
		env.FS = fstest.MapFS{virtioBlock: entry("")}
		began := time.Now()
		env.Read = func(_ context.Context, p string) ([]byte, error) {
			if p != serial || time.Since(began) < time.Minute {
				return nil, fs.ErrNotExist
			}
			return []byte("abc\x00\x00"), nil
		}
		found, err := qemu{"s390x"}.find(t.Context(), env)
		result{data: "abc", took: time.Minute}.check(t, found, err, time.Since(began))
	})
	synctest.Test(t, func(t *testing.T) {
		env, _ := machine(t)
		env.FS = fstest.MapFS{virtioBlock: entry("")}
		began := time.Now()
		found, err := qemu{"ppc64le"}.find(t.Context(), env)
		result{fail: "has not appeared within 5m0s", took: 5 * time.Minute}.check(t, found, err, time.Since(began))
	})
}

func TestDrives(t *testing.T) {
	with := func(name, text string) fs.FS { return fstest.MapFS{name: entry(text)} }
	none := fstest.MapFS{"other": entry("")}
	for _, c := range []struct {
		name, id string
		d        *drives
		after    time.Duration // the device appears
		want     result
	}{
		{"found", "ibmcloud", &drives{labels: map[string]fs.FS{"cidata": with("user-data", "x")}}, 0, result{data: "x"}},
		{"late", "ibmcloud", &drives{labels: map[string]fs.FS{"cidata": with("user-data", "x")}}, 20 * time.Second, result{data: "x", took: 20 * time.Second}},
		{"never", "ibmcloud", &drives{}, 0, result{took: 30 * time.Second}},
		{"no file", "ibmcloud", &drives{labels: map[string]fs.FS{"cidata": none}}, 0, result{}},
		{"not mountable at first", "ibmcloud", &drives{labels: map[string]fs.FS{"cidata": with("user-data", "x")}, broken: map[string]int{"cidata": 2}}, 0, result{data: "x", took: 2 * time.Second}},
		{"never mountable", "ibmcloud", &drives{labels: map[string]fs.FS{"cidata": none}, broken: map[string]int{"cidata": 999}}, 0, result{fail: "wrong fs type", took: 30 * time.Second}},
		{"found", "nutanix", &drives{labels: map[string]fs.FS{"config-2": with("openstack/latest/user_data", "x")}}, 0, result{data: "x"}},
		{"never", "nutanix", &drives{}, 0, result{fail: "none labeled config-2 has appeared", took: 2 * time.Minute}},
		{"not mountable", "powervs", &drives{labels: map[string]fs.FS{"config-2": none}, broken: map[string]int{"config-2": 1}}, 0, result{fail: "wrong fs type"}},
		{"no file", "powervs", &drives{labels: map[string]fs.FS{"config-2": none}}, 0, result{}},
		{"cloud-config is passed over", "proxmoxve", &drives{labels: map[string]fs.FS{"cidata": fstest.MapFS{
			"user-data": entry("#cloud-config\nhostname: a\n"), "vendor-data": entry("x")}}}, 0, result{data: "x"}},
		{"nothing but cloud-config", "proxmoxve", &drives{labels: map[string]fs.FS{"cidata": fstest.MapFS{
			"user-data": entry("#cloud-config\n"), "vendor-data": entry("#cloud-config\n")}}}, 0, result{}},
		{"user-data first", "proxmoxve", &drives{labels: map[string]fs.FS{"cidata": fstest.MapFS{
			"user-data": entry("x"), "vendor-data": entry("y")}}}, 0, result{data: "x"}},
		{"a drive with content wins", "kubevirt", &drives{labels: map[string]fs.FS{
			"cidata": none, "config-2": with("openstack/latest/user_data", "x")}}, 2 * time.Second, result{data: "x", took: 2 * time.Second}},
		{"no file", "kubevirt", &drives{labels: map[string]fs.FS{"cidata": none}}, 0, result{took: settle}},
		{"never", "kubevirt", &drives{}, 0, result{fail: "has appeared within", took: 2 * time.Minute}},
	} {
		t.Run(c.id+" "+c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env, noted := machine(t)
				c.d.after = map[string]time.Time{}
				for label := range c.d.labels {
					if label != "cidata" || c.id != "kubevirt" {
						c.d.after[label] = time.Now().Add(c.after)
					}
				}
				env.Drives = c.d
				p, _ := Find(c.id)
				began := time.Now()
				found, err := p.source.find(t.Context(), env)
				c.want.check(t, found, err, time.Since(began))
				if len(*noted) == 0 {
					t.Error("no attempt was noted")
				}
			})
		})
	}
}

func TestProvisioningDisc(t *testing.T) {
	disc := fstest.MapFS{azureMark: entry("<Environment/>"), azureData: entry("x")}
	for name, c := range map[string]struct {
		d    *drives
		want result
	}{
		"found":          {&drives{format: "udf", discs: map[string]fs.FS{"sr0": disc}}, result{data: "x"}},
		"iso":            {&drives{format: "iso9660", discs: map[string]fs.FS{"sr0": disc}}, result{data: "x"}},
		"no custom data": {&drives{format: "udf", discs: map[string]fs.FS{"sr0": fstest.MapFS{azureMark: entry("")}}}, result{}},
		"second drive":   {&drives{format: "udf", discs: map[string]fs.FS{"sr0": fstest.MapFS{}, "sr1": disc}}, result{data: "x"}},
		"ready later":    {&drives{format: "udf", discs: map[string]fs.FS{"sr0": disc}, broken: map[string]int{"sr0": 6}}, result{data: "x", took: 3 * time.Second}},
		"another disc":   {&drives{format: "udf", discs: map[string]fs.FS{"sr0": fstest.MapFS{}}}, result{fail: "no ovf-env.xml", took: 2 * time.Minute}},
		"no disc at all": {&drives{}, result{fail: "no disc is in any drive", took: 2 * time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				env, _ := machine(t)
				env.Drives = c.d
				p, _ := Find("azurestack")
				began := time.Now()
				found, err := p.source.find(t.Context(), env)
				if name == "another disc" { // mounting with the last format fails
					c.want.fail = "not found within 2m0s"
				}
				c.want.check(t, found, err, time.Since(began))
			})
		})
	}
}

// exchange plays the host of Hyper-V.
type exchange struct {
	messages [][]byte
	sent     []uint32
}

func (e *exchange) Receive(message []byte, _ time.Duration) (int, error) {
	if len(e.messages) == 0 {
		return 0, nil
	}
	n := copy(message, e.messages[0])
	e.messages = e.messages[1:]
	return n, nil
}

func (e *exchange) Send(message []byte) error {
	e.sent = append(e.sent, binary.NativeEndian.Uint32(message))
	return nil
}

func (e *exchange) Close() error { return nil }

func kvp(operation, pool byte, key, value string) []byte {
	m := make([]byte, kvpMessage)
	m[0], m[1] = operation, pool
	binary.NativeEndian.PutUint32(m[8:], uint32(len(key)+1))
	binary.NativeEndian.PutUint32(m[12:], uint32(len(value)+1))
	copy(m[16:], key)
	copy(m[16+kvpKey:], value)
	return m
}

func TestHyperV(t *testing.T) {
	malformed := kvp(kvpSet, 0, "ignition.config", "no")
	binary.NativeEndian.PutUint32(malformed[8:], kvpKey+1)
	nothing := kvp(kvpSet, 0, "ignition.config", "no")
	binary.NativeEndian.PutUint32(nothing[12:], 0)
	for name, c := range map[string]struct {
		messages [][]byte
		want     result
		sent     []uint32
	}{
		"found":    {[][]byte{kvp(kvpRegister, 0, "", ""), kvp(kvpSet, 0, kvpName, "abc")}, result{data: "abc"}, []uint32{kvpRegister, 0}},
		"split":    {[][]byte{kvp(kvpSet, 0, kvpName+".1", "b"), kvp(kvpSet, 0, kvpName+".0", "a"), kvp(kvpSet, 0, kvpName+".3", "d")}, result{data: "ab"}, []uint32{kvpRegister, 0, 0, 0}},
		"repeated": {[][]byte{kvp(kvpSet, 0, kvpName, "a"), kvp(kvpSet, 0, kvpName, "b")}, result{data: "a"}, []uint32{kvpRegister, 0, 0}},
		"pool":     {[][]byte{kvp(kvpSet, 1, kvpName, "a")}, result{}, []uint32{kvpRegister, 0}},
		"absent":   {nil, result{}, []uint32{kvpRegister}},
		"others":   {[][]byte{kvp(0, 0, kvpName, "a"), kvp(3, 0, kvpName, "a"), kvp(kvpSet, 9, "k", "v")}, result{}, []uint32{kvpRegister, kvpFail, kvpFail, kvpFail}},
		"sizes":    {[][]byte{malformed, nothing, kvp(kvpSet, 0, kvpName, "a")}, result{data: "a"}, []uint32{kvpRegister, kvpFail, kvpFail, 0}},
		"short":    {[][]byte{{1, 2, 3}}, result{fail: "3 bytes instead of"}, []uint32{kvpRegister}},
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := machine(t)
			env.FS = fstest.MapFS{kvpDriver: entry("")}
			device := &exchange{messages: c.messages}
			env.Channels.KVP = func() (Exchange, error) { return device, nil }
			found, err := hyperV(t.Context(), env)
			c.want.check(t, found, err, 0)
			if diff := cmp.Diff(c.sent, device.sent); diff != "" {
				t.Errorf("answers:\n%s", diff)
			}
			if err == nil && len(found.Files) != kvpPools {
				t.Errorf("%d files for the target root", len(found.Files))
			}
			if name == "split" {
				text := found.Files[0]
				if text.Path != "/var/lib/hyperv/.kvp_pool_0" || len(text.Data) != 3*(kvpKey+kvpValue) ||
					strings.TrimRight(string(text.Data[:kvpKey]), "\x00") != kvpName+".1" || text.Data[kvpKey] != 'b' {
					t.Errorf("pool 0 is kept as %q", text.Path)
				}
			}
		})
	}
}

// properties are those of a VirtualBox machine.
type properties struct {
	values map[string]string
	locked bool
}

func (p properties) Get(name string) ([]byte, error) {
	v, ok := p.values[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(v), nil
}

func (p properties) Delete(name string) error {
	switch _, ok := p.values[name]; {
	case p.locked:
		return fs.ErrPermission
	case !ok:
		return fs.ErrNotExist
	}
	delete(p.values, name)
	return nil
}

func (properties) Close() error { return nil }

func TestVirtualBox(t *testing.T) {
	for name, c := range map[string]struct {
		values map[string]string
		want   result
	}{
		"found":    {map[string]string{vboxConfig: "abc\x00RDONLYGUEST\x00"}, result{data: "abc"}},
		"absent":   {map[string]string{}, result{}},
		"encoding": {map[string]string{vboxConfig: "abc\x00\x00", vboxEncoding: "gzip\x00\x00"}, result{fail: "no encoding is defined"}},
		"no end":   {map[string]string{vboxConfig: "abc"}, result{fail: "has no end"}},
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := machine(t)
			env.Channels.VBox = func() (Properties, error) { return properties{values: c.values}, nil }
			found, err := virtualBox(t.Context(), env)
			c.want.check(t, found, err, 0)
		})
	}
	env, _ := machine(t)
	p := properties{values: map[string]string{vboxConfig: "abc\x00\x00"}}
	env.Channels.VBox = func() (Properties, error) { return p, nil }
	for range 2 { // the second finds nothing to delete
		if err := virtualBoxDelete(t.Context(), env); err != nil || len(p.values) > 0 {
			t.Errorf("error %v, left %v", err, p.values)
		}
	}
	p = properties{values: map[string]string{vboxConfig: "abc\x00\x00"}, locked: true}
	if err := virtualBoxDelete(t.Context(), env); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("error %v", err)
	}
}

// guestinfo are the variables of a VMware machine.
type guestinfo map[string]string

func (g guestinfo) Get(key string) (string, error) { return g[key], nil }
func (g guestinfo) Set(key, value string) error    { g[key] = value; return nil }

const ovf = `<?xml version="1.0"?><!-- a > b -->
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:oe="http://schemas.dmtf.org/ovf/environment/1">
  <PropertySection>
    <Property oe:key="hostname" oe:value="a &amp; b"/>
    <Property oe:key="guestinfo.ignition.config.data.encoding" oe:value="base64"/>
    <Property oe:key="guestinfo.ignition.config.data" oe:value="YWJj"></Property>
  </PropertySection>
</Environment>
`

func TestVMware(t *testing.T) {
	const packed = "H4sIAAAAAAAA/0tMSgYAwkEkNQMAAAA=" // "abc"
	raw, err := decodeBase64([]byte(packed))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		values guestinfo
		want   result
	}{
		"raw":              {guestinfo{vmwareData: "abc"}, result{data: "abc"}},
		"base64":           {guestinfo{vmwareData: "YWJj", vmwareEncoding: "b64"}, result{data: "abc"}},
		"gzip":             {guestinfo{vmwareData: string(raw), vmwareEncoding: "gzip"}, result{data: "abc"}},
		"gzip in base64":   {guestinfo{vmwareData: packed, vmwareEncoding: "gz+b64"}, result{data: "abc"}},
		"unset":            {guestinfo{}, result{}},
		"encoding only":    {guestinfo{vmwareEncoding: "gzip"}, result{}},
		"unknown encoding": {guestinfo{vmwareData: "x", vmwareEncoding: "zstd"}, result{fail: `unknown encoding "zstd"`}},
		"garbage":          {guestinfo{vmwareData: "!", vmwareEncoding: "base64"}, result{fail: "not valid base64"}},
		"no gzip":          {guestinfo{vmwareData: "YWJj", vmwareEncoding: "gzip+base64"}, result{fail: "decompress"}},
		"ovf":              {guestinfo{vmwareOVF: ovf}, result{data: "abc"}},
		"overridden":       {guestinfo{vmwareOVF: ovf, vmwareData: "ZGVm"}, result{data: "def"}},
		"other namespace":  {guestinfo{vmwareOVF: `<E><PropertySection><Property key="guestinfo.ignition.config.data" value="abc"/></PropertySection></E>`}, result{data: "abc"}},
		"broken ovf":       {guestinfo{vmwareOVF: "<Environment", vmwareData: "abc"}, result{data: "abc"}},
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := machine(t)
			env.Channels.VMware = func() (Guestinfo, error) { return c.values, nil }
			found, err := vmWare(t.Context(), env)
			c.want.check(t, found, err, 0)
		})
	}
	env, _ := machine(t)
	env.Channels.VMware = func() (Guestinfo, error) { return nil, ErrNoProvider }
	if _, err := vmWare(t.Context(), env); !errors.Is(err, ErrNoProvider) {
		t.Errorf("outside of VMware: %v", err)
	}
	if err := vmWareDelete(t.Context(), env); err == nil || !strings.Contains(err.Error(), "not a VMware guest") {
		t.Errorf("delete outside of VMware: %v", err)
	}
}

func TestVMwareDelete(t *testing.T) {
	left := strings.Replace(ovf, `
    <Property oe:key="guestinfo.ignition.config.data.encoding" oe:value="base64"/>
    <Property oe:key="guestinfo.ignition.config.data" oe:value="YWJj"></Property>`, "\n    \n    ", 1)
	foreign := strings.ReplaceAll(ovf, "http://schemas.dmtf.org/ovf/environment/1", "urn:other")
	for name, c := range map[string]struct{ before, after guestinfo }{
		"data":            {guestinfo{vmwareData: "x", vmwareEncoding: "gzip"}, guestinfo{vmwareData: "e30K", vmwareEncoding: "base64"}},
		"deleted already": {guestinfo{vmwareData: "e30K", vmwareEncoding: "base64"}, guestinfo{vmwareData: "e30K", vmwareEncoding: "base64"}},
		"nothing":         {guestinfo{}, guestinfo{}},
		"ovf":             {guestinfo{vmwareOVF: ovf}, guestinfo{vmwareOVF: left}},
		"other namespace": {guestinfo{vmwareOVF: foreign}, guestinfo{vmwareOVF: foreign}},
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := machine(t)
			env.Channels.VMware = func() (Guestinfo, error) { return c.before, nil }
			if err := vmWareDelete(t.Context(), env); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.after, c.before); diff != "" {
				t.Error(diff)
			}
		})
	}
	env, _ := machine(t)
	env.Channels.VMware = func() (Guestinfo, error) { return guestinfo{vmwareOVF: "<a"}, nil }
	if err := vmWareDelete(t.Context(), env); err == nil {
		t.Error("a broken environment is taken")
	}
}

func TestAppleHV(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   result
	}{
		"found":   {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", result{data: "abc"}},
		"chunks":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", result{data: "abc"}},
		"to end":  {"HTTP/1.1 200 OK\r\n\r\nabc", result{data: "abc"}},
		"empty":   {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", result{}},
		"error":   {"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno", result{fail: "status 500"}},
		"garbage": {"hello", result{fail: "read the host's answer"}},
	} {
		t.Run(name, func(t *testing.T) {
			env, _ := machine(t)
			env.FS = fstest.MapFS{vsockSeen: entry("")}
			here, host := net.Pipe()
			request := make(chan string, 1)
			go func() {
				buffer := make([]byte, 4096)
				n, _ := host.Read(buffer)
				request <- string(buffer[:n])
				host.Write([]byte(c.answer))
				host.Close()
			}()
			env.Channels.VSock = func(_ context.Context, cid, port uint32) (net.Conn, error) {
				if cid != 2 || port != 1024 {
					t.Errorf("connects to %d:%d", cid, port)
				}
				return here, nil
			}
			found, err := appleHV(t.Context(), env)
			c.want.check(t, found, err, 0)
			if got := <-request; got != "GET / HTTP/1.1\r\nHost: d\r\nAccept: application/json\r\n\r\n" {
				t.Errorf("request %q", got)
			}
		})
	}
	env, _ := machine(t)
	if _, err := appleHV(t.Context(), env); err == nil || !strings.Contains(err.Error(), "load the driver") {
		t.Errorf("without driver: %v", err)
	}
}

// TestNeedNet checks that network platforms do nothing offline, and that the others do not ask for the network.
func TestNeedNet(t *testing.T) {
	for _, p := range All() {
		if p.Network != Remote {
			continue
		}
		env, _ := machine(t)
		env.Offline = true
		if _, err := p.Fetch(t.Context(), *env, func(Attempt) {}); !errors.Is(err, ErrNeedNet) {
			t.Errorf("%s offline: %v", p.ID, err)
		}
	}
}

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name  string
		files fstest.MapFS
		want  string
		fail  string
	}{
		{"aws", fstest.MapFS{vendor: entry("Amazon EC2\n"), bios: entry("Amazon EC2\n")}, "aws", ""},
		{"gcp", fstest.MapFS{product: entry("Google Compute Engine\n"), vendor: entry("Google\n")}, "gcp", ""},
		{"openstack on QEMU", fstest.MapFS{vendor: entry("OpenStack Foundation\n"), product: entry("OpenStack Nova\n"), fwCfg + "/rev": entry("")}, "openstack", ""},
		{"hetzner on QEMU", fstest.MapFS{vendor: entry("Hetzner\n"), fwCfg + "/rev": entry("")}, "hetzner", ""},
		{"qemu", fstest.MapFS{vendor: entry("QEMU\n"), fwCfg + "/rev": entry("")}, "qemu", ""},
		{"virtualbox", fstest.MapFS{vendor: entry("innotek GmbH\n"), product: entry("VirtualBox\n")}, "virtualbox", ""},
		{"hyperv", fstest.MapFS{vendor: entry("Microsoft Corporation\n"), product: entry("Virtual Machine\n")}, "hyperv", ""},
		{"azure, of two kinds", fstest.MapFS{vendor: entry("Microsoft Corporation\n"), chassis: entry("7783-7084-3265-9085-8269-3286-77\n")}, "", "azure and azurestack"},
		{"a server", fstest.MapFS{vendor: entry("Dell Inc.\n")}, "", "nothing in the firmware"},
	} {
		got, facts, err := Detect(c.files)
		if got != c.want || c.fail == "" && (err != nil || len(facts) == 0) || c.fail != "" && (err == nil || !strings.Contains(err.Error(), c.fail)) {
			t.Errorf("%s: %q by %v, error %v", c.name, got, facts, err)
		}
	}
	for _, c := range clues {
		if _, ok := Find(c.id); !ok {
			t.Errorf("a clue points to %q, which is not a platform", c.id)
		}
	}
}

func TestDHCPServer(t *testing.T) {
	link := net.Interface{Index: 3, Name: "eth0"}
	for name, c := range map[string]struct {
		file, text, want string
	}{
		"networkd":       {"run/systemd/netif/leases/3", "ADDRESS=10.1.1.7\nSERVER_ADDRESS=10.1.1.1\n", "10.1.1.1"},
		"networkmanager": {"var/lib/NetworkManager/internal-uuid-eth0.lease", "SERVER_ADDRESS=10.1.1.2\n", "10.1.1.2"},
		"no server":      {"run/systemd/netif/leases/3", "ADDRESS=10.1.1.7\n", ""},
		"other link":     {"run/systemd/netif/leases/4", "SERVER_ADDRESS=10.1.1.1\n", ""},
		"no address":     {"run/systemd/netif/leases/3", "SERVER_ADDRESS=evil/path\n", ""},
	} {
		env, _ := machine(t)
		env.FS = fstest.MapFS{c.file: entry(c.text)}
		env.Interfaces = func() ([]net.Interface, error) { return []net.Interface{link}, nil }
		if got := dhcpServer(env); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzOVF(f *testing.F) {
	f.Add(ovf)
	f.Add("<a><b c='&#x41;'/></a>")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ovfProperties(text)
		for _, p := range list {
			if err == nil && (p.from < 0 || p.to <= p.from || p.to > len(text)) {
				t.Errorf("property at %d to %d of %d", p.from, p.to, len(text))
			}
		}
		if _, err := withoutProperties(text); err != nil && len(err.Error()) > 100 {
			t.Error("the error shows the text")
		}
	})
}

func FuzzKVP(f *testing.F) {
	f.Add(kvp(kvpSet, 0, kvpName, "abc"))
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) < kvpMessage {
			message = append(message, make([]byte, kvpMessage-len(message))...)
		}
		var all pools
		if err := all.add(message); err == nil && len(all.files()) != kvpPools {
			t.Error("files are missing")
		}
		all.config()
	})
}
