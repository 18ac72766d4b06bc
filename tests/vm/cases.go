// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Case is a directory with the inputs of a machine, and its expected results.
//
//	case.json   the members below
//	config.ign  the config, or config.bu in YAML; {{URL}} stands for the address at which the host serves this directory, {{TANG}},
//	            {{THUMBPRINT}} and "{{ADVERTISEMENT}}" for a Tang server
//	expect      the lines that the guest must report after its first boot
//	change      run in the guest at the end of the first boot
//	expect.2    the same after a second boot with the same command line
//	console     patterns that the console must match, one a line; with "!" in front, must not match
//
// A line of expect is a kind, a name, and words; the guest's line of the same kind and name must have all these words. A line
// "log PATTERN" requires a line in the engine's log. The guest must not report a line with "!" in front.
type Case struct {
	Name, Dir string `json:"-"`

	About   string   `json:"about"`
	Source  string   `json:"source"`  // "fw_cfg"; "url": on the kernel command line; "drive"; "metadata"; "none": no platform either
	Cmdline string   `json:"cmdline"` // more of it
	Disks   []string `json:"disks"`   // sizes of blank disks
	Late    int      `json:"late"`    // this many of the last disks come when the machine has waited for 20 s
	TPM     bool     `json:"tpm"`     // with a TPM 2.0
	Tang    bool     `json:"tang"`    // with a Tang server
	Share   bool     `json:"share"`   // with a virtiofs share, which is empty
	Offline bool     `json:"offline"` // without a network interface
	Fails   bool     `json:"fails"`   // the boot must stop, with the reason at the end of the console and all disks blank
	Long    bool     `json:"long"`    // tried by ./build soak only, and by name: other cases have most of it
	Mute    bool     `json:"mute"`    // it stops for a reason that only the emergency console can report
	Secrets []string `json:"secrets"` // must not be on the console
	// Platform is the id on the kernel command line; empty: "qemu", or "metal" for a config at a URL.
	Platform string `json:"platform"`
	// Drive is a config drive: its format ("iso9660", "vfat", or "disc" for Azure's), its label, and the path of the config
	// on it.
	Drive []string `json:"drive"`
	// Metadata is the path at which a service of the guest's own network, 169.254.169.254, serves the config.
	Metadata string `json:"metadata"`
	Mock     bool   `json:"mock"`   // that service is AWS's mock of EC2's, with sessions required
	Base64   bool   `json:"base64"` // it serves the config in base64
	IPv6     string `json:"ipv6"`   // the guest's network is IPv6 only, and this is the address of the service

	metadata int               // port of the loopback at which the service of Metadata listens; 0: none
	space    *space            // namespace in which it listens; nil: the host's network
	URL      string            `json:"-"` // of the served directory, as guests see it
	fill     *strings.Replacer // of placeholders
}

// Load reads the case in a directory.
func Load(dir string) (Case, error) {
	c := Case{Name: filepath.Base(dir), Dir: dir}
	text, err := os.ReadFile(filepath.Join(dir, "case.json"))
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read %s: %w", c.Name, err)
	}
	return c, nil
}

// read returns the lines of a file of the case without blank lines and comments; a missing file has none.
func (c Case) read(name string) []string {
	text, err := os.ReadFile(filepath.Join(c.Dir, name))
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(lines(string(text)), func(l string) bool {
		return strings.TrimSpace(l) == "" || strings.HasPrefix(l, "#")
	})
}

// config returns the name of the machine's config file.
func (c Case) config() string {
	if _, err := os.Stat(filepath.Join(c.Dir, "config.bu")); err == nil {
		return "config.bu"
	}
	return "config.ign"
}

// Serve serves the files of the case as guests see them, until stop; with a Tang server, whose keys are in a directory.
func (c *Case) Serve(keys string) (stop func(), err error) {
	var tang Tang
	if c.Tang {
		if err := tang.Start(keys); err != nil {
			return nil, err
		}
	}
	listener, err := c.listen()
	if err != nil {
		tang.Close()
		c.space.close()
		return nil, err
	}
	c.URL = fmt.Sprintf("http://10.0.2.2:%d", listener.Addr().(*net.TCPAddr).Port)
	c.fill = strings.NewReplacer(append(tang.Placeholders(), "{{URL}}", c.URL)...)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Path)
		own := c.Metadata != "" && (strings.HasPrefix(r.Host, metadataService) || r.Host == "["+c.IPv6+"]")
		if own {
			if name = ""; r.URL.Path == c.Metadata {
				name = c.config()
			}
		}
		text, err := os.ReadFile(filepath.Join(c.Dir, name))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		if own && c.Base64 {
			text = []byte(base64.StdEncoding.EncodeToString(text))
		}
		c.fill.WriteString(w, string(text))
	})}
	if c.Metadata != "" {
		c.metadata = listener.Addr().(*net.TCPAddr).Port
	}
	go server.Serve(listener)
	closeAll := func() { server.Close(); tang.Close(); c.space.close() }
	if !c.Mock {
		return closeAll, nil
	}
	mock, err := startMock(filepath.Join(c.Dir, "config.ign"), c.Metadata, keys)
	if err != nil {
		closeAll()
		return nil, err
	}
	c.metadata = mock.port
	return func() { mock.stop(); closeAll() }, nil
}

// listen opens the port of the server: any port, or the service's own port in a network namespace. QEMU has IPv6 addresses
// of the guest's network only for the host's loopback as a whole.
func (c *Case) listen() (l net.Listener, err error) {
	if c.IPv6 == "" {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	if c.space, err = newSpace(); err != nil {
		return nil, err
	}
	err = c.space.do(func() (err error) { l, err = net.Listen("tcp6", "[::1]:80"); return err })
	return l, err
}

// bootTime bounds one boot on a slow, loaded machine.
const bootTime = 6 * time.Minute

// Machine returns a machine in a directory for the case, without its disks.
func (c Case) Machine(guest Guest, dir string) *Machine {
	m := &Machine{Guest: guest, Dir: dir, Disks: c.Disks, Late: c.Late, TPM: c.TPM, Net: !c.Offline, Metadata: c.metadata, IPv6: c.IPv6, space: c.space}
	if c.Share {
		m.Share = filepath.Join(dir, "share")
	}
	return m
}

// Boot returns the start parameters of the machine, with the script that reports the facts named in an expectation.
func (c Case) Boot(m *Machine, expect string) (Boot, error) {
	b := Boot{Cmdline: "ignition.firstboot ignition.platform.id=qemu " + c.Cmdline, Timeout: bootTime}
	switch c.Source {
	case "fw_cfg":
		text, err := os.ReadFile(filepath.Join(c.Dir, c.config()))
		if err != nil {
			return b, err
		}
		b.FwCfg = filepath.Join(m.Dir, "config.ign")
		if c.fill != nil {
			text = []byte(c.fill.Replace(string(text)))
		}
		if err := os.WriteFile(b.FwCfg, text, 0o644); err != nil {
			return b, err
		}
	case "url":
		b.Cmdline = strings.Replace(b.Cmdline, "=qemu", "=metal", 1) + " ignition.config.url=" + c.URL + "/" + c.config()
	case "drive":
		b.ConfigDrive = filepath.Join(m.Dir, "config-drive")
		b.Disc = len(c.Drive) > 0 && c.Drive[0] == "disc"
		if err := makeDrive(b.ConfigDrive, filepath.Join(c.Dir, c.config()), c.Drive); err != nil {
			return b, err
		}
	case "metadata":
	case "none":
		b.Cmdline = "ignition.firstboot " + c.Cmdline
	default:
		return b, fmt.Errorf("%s: source %q is not known", c.Name, c.Source)
	}
	if c.Platform != "" {
		b.Cmdline = strings.Replace(b.Cmdline, "platform.id=qemu", "platform.id="+c.Platform, 1)
	}
	facts, err := os.ReadFile(filepath.Join(m.Guest.scripts, "facts"))
	b.Script = Wanted(c.read(expect)) + string(facts) + "report\n"
	return b, err
}

// Wanted returns, from an expectation, the lists that the script of facts reads.
func Wanted(expect []string) string {
	lists := map[string][]string{}
	for _, l := range expect {
		if words := strings.Fields(strings.TrimPrefix(l, "!")); len(words) > 1 {
			lists[words[0]] = append(lists[words[0]], "'"+words[1]+"'")
		}
	}
	return fmt.Sprintf("files=(%s) users=(%s) units=(%s)\n",
		strings.Join(lists["file"], " "), strings.Join(lists["user"], " "), strings.Join(lists["unit"], " "))
}

// Compare returns the expected lines that the guest did not report.
func Compare(expect []string, said string) []string {
	var wrong []string
	facts := lines(said)
	for _, e := range expect {
		line, not := strings.CutPrefix(e, "!")
		closest, found := find(line, facts)
		if found != not {
			continue
		}
		wrong = append(wrong, "expected: "+e+"\n     got: "+closest)
	}
	for _, f := range facts { // no case wants that
		if strings.HasPrefix(f, "volume ") && strings.HasSuffix(f, " opens=no") {
			wrong = append(wrong, "a later boot cannot open it: "+f)
		}
	}
	return wrong
}

// find returns the line that matches an expectation, or the closest one.
func find(expect string, facts []string) (line string, found bool) {
	kind, pattern, _ := strings.Cut(expect, " ")
	if kind == "log" {
		re := regexp.MustCompile(pattern)
		i := slices.IndexFunc(facts, func(f string) bool { return strings.HasPrefix(f, "log ") && re.MatchString(f) })
		if i < 0 {
			return "", false
		}
		return facts[i], true
	}
	want := strings.Fields(expect)
	for _, f := range facts {
		have := strings.Fields(f)
		if len(have) < 2 || have[0] != want[0] || have[1] != want[1] {
			continue
		}
		line = f
		if !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) }) {
			return f, true
		}
	}
	return line, false
}
