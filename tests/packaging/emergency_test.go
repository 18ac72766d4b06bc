// SPDX-License-Identifier: Apache-2.0

package packaging

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// An emergency is a situation of the script of the emergency console.
type emergency struct {
	name     string
	enter    bool   // Enter is pressed
	later    bool   // no unit requires the first-boot target
	sealed   bool   // the root is sealed
	silenced bool   // StandardOutput=null
	shell    string // value of rd.shell
	unit     string // the failed unit
	reason   bool   // the engine left a reason
	want     string // the calls, in order
}

// TestEmergency runs the script of the emergency console with a stand-in for each program that it calls.
func TestEmergency(t *testing.T) {
	for _, e := range []emergency{
		{name: "hooks run before anybody presses Enter", unit: "ignition-files.service", reason: true, want: "hook reason"},
		{name: "Enter: hooks do not run twice", enter: true, unit: "ignition-files.service", reason: true, want: "hook reason dracut"},
		{name: "no shell: dracut's action", shell: "0", unit: "ignition-files.service", reason: true, want: "reason dracut"},
		{name: "a unit without a reason", unit: "ignition-fetch.service", want: "hook NOT-PROVISIONED"},
		{name: "a distribution's unit of a first boot", unit: "ignition-ostree-growfs.service", want: "hook NOT-PROVISIONED"},
		{name: "a distribution's unit of a later boot", later: true, unit: "ignition-ostree-growfs.service", want: "dracut hook"},
		{name: "a distribution's unit of a sealed boot", sealed: true, unit: "ignition-ostree-growfs.service", want: "dracut hook"},
		{name: "nothing of ours failed", want: "dracut hook"},
		{name: "a distribution silenced it", silenced: true, unit: "ignition-files.service", reason: true, want: "dracut hook"},
		{name: "a distribution silenced a unit without a reason", silenced: true, unit: "ignition-fetch.service", want: "dracut hook"},
	} {
		t.Run(e.name, func(t *testing.T) {
			if got := e.run(t); got != e.want {
				t.Errorf("happened: %s; want: %s", got, e.want)
			}
		})
	}
}

func (e emergency) run(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	events := dir + "/events"
	write(t, events, "")
	write(t, dir+"/consoles", "ttyS0 -W- (EC p a)\n")
	write(t, dir+"/hooks/emergency/50-distro.sh", "echo hook >>"+events+"\n")
	write(t, dir+"/lib.sh", `
source_hook() { for f in `+dir+`/hooks/$1/*.sh; do [ ! -e "$f" ] || . "$f"; done; }
getarg() { return 1; }
getargbool() { [ "`+e.shell+`" != 0 ]; }
`)
	// dracut's own script runs the hooks.
	write(t, dir+"/dracut-emergency", "#!/bin/sh\n. "+dir+"/lib.sh\necho dracut >>"+events+"\ngetargbool 1 rd.shell && source_hook emergency\nexit 0\n")
	write(t, dir+"/bin/journalctl", "#!/bin/sh\nexit 0\n")
	write(t, dir+"/bin/sleep", "#!/bin/sh\nexit 0\n")
	requiredBy, output := "initrd.target", "journal"
	if e.later {
		requiredBy = ""
	}
	if e.silenced {
		output = "null"
	}
	write(t, dir+"/bin/systemctl", `#!/bin/sh
case "$*" in
list-units*) [ -z "`+e.unit+`" ] || echo "`+e.unit+` loaded failed failed x" ;;
*RequiredBy*) echo "`+requiredBy+`" ;;
*StandardOutput*) echo `+output+` ;;
*) echo "$4" ;;
esac
`)
	if e.reason {
		write(t, dir+"/run/failure", "reason\n")
	}
	if e.sealed {
		write(t, dir+"/run/progress.json", `{"sealed":{"provisioned":"","bootID":""}}`)
	}
	write(t, dir+"/script", strings.NewReplacer("/lib/dracut-lib.sh", dir+"/lib.sh", "/run/ignition", dir+"/run", "/proc/consoles", dir+"/consoles",
		"/dev/$tty", dir+"/$tty", "/var/lib/dracut/hooks", dir+"/none", "/lib/dracut/hooks", dir+"/hooks", "/bin/dracut-emergency", dir+"/dracut-emergency",
		"cat $failure", "cat $failure >>"+events+"; cat $failure").Replace(read(t, top+"/dracut/30ignition/firstlight-emergency")))
	cmd := exec.Command("sh", dir+"/script")
	cmd.Env = append(os.Environ(), "PATH="+dir+"/bin:"+os.Getenv("PATH"))
	if e.enter {
		cmd.Stdin = strings.NewReader("\n")
	}
	var exit *exec.ExitError
	if out, err := cmd.CombinedOutput(); err != nil && !errors.As(err, &exit) || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	var happened []string
	for line := range strings.Lines(read(t, events)) {
		switch line = strings.TrimSpace(line); {
		case strings.Contains(line, "NOT PROVISIONED"):
			happened = append(happened, "NOT-PROVISIONED")
		case line == "hook" || line == "reason" || line == "dracut":
			happened = append(happened, line)
		}
	}
	return strings.Join(happened, " ")
}
