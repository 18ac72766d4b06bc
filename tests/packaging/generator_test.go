// SPDX-License-Identifier: Apache-2.0

package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const generator = top + "/dracut/30ignition/ignition-generator"

// TestGenerator runs the generator on kernel command lines, as systemd does, and compares the units that it pulls in.
func TestGenerator(t *testing.T) {
	first := []string{"ignition-complete.target.requires/ignition-diskful.target", "initrd.target.requires/ignition-complete.target"}
	later := []string{"ignition-subsequent.target.requires/ignition-diskful-subsequent.target", "initrd.target.requires/ignition-subsequent.target"}
	for _, c := range []struct {
		cmdline, env string
		links        []string
	}{
		{"quiet ignition.firstboot ignition.platform.id=qemu", "qemu", first},
		{"ignition.firstboot=1 ignition.platform.id=metal ignition.platform.id=qemu", "qemu", first},
		{"ignition.firstboot=yes", "", first},
		{"", "", later},
		{"ignition.firstboot=", "", later},
		{"ignition.firstboot=0", "", later},
		{"ignition.firstboot ignition.firstboot=no", "", later},
		{"ignition.firstboot=off ignition.firstboot=1 x=a*", "", first},
		{"xignition.firstboot ignition.firstbootx ignition.platform.ids=a", "", later},
		{"ignition.platform.id", "ignition.platform.id", later},
		{"ignition.platform.id=a=b\tignition.firstboot", "a=b", first},
	} {
		t.Run(c.cmdline, func(t *testing.T) {
			links, env := generate(t, c.cmdline, "")
			if !slices.Equal(links, c.links) || env != "PLATFORM_ID="+c.env+"\n" {
				t.Errorf("links %q, environment %q", links, env)
			}
		})
	}
}

// TestSourcedGenerator: a distribution's generator sources ours, uses its functions, and replaces an empty platform. Ours
// does not change its shell options, and does not stop it.
func TestSourcedGenerator(t *testing.T) {
	const theirs = `
before=$-
. GENERATOR
[[ $before == "$-" ]] || echo "shell options were $before, are $-"
[[ -z $unset_variable ]]
false
[[ $UNIT_DIR == "$1" ]] || echo "UNIT_DIR is $UNIT_DIR"
[[ $(cmdline_arg root) == LABEL=r && $(cmdline_arg none x) == x && $(cmdline_arg none) == '' ]] || echo "cmdline_arg"
cmdline_bool distro.first && ! cmdline_bool distro.second || echo "cmdline_bool"
add_requires distro.service ignition-complete.target
. ENVIRONMENT
if [ -z "${PLATFORM_ID}" ]; then
    echo "PLATFORM_ID=detected" >ENVIRONMENT
fi
`
	links, env := generate(t, "root=LABEL=r ignition.firstboot distro.first distro.second=0", theirs)
	want := []string{
		"ignition-complete.target.requires/distro.service", "ignition-complete.target.requires/ignition-diskful.target",
		"initrd.target.requires/ignition-complete.target",
	}
	if !slices.Equal(links, want) || env != "PLATFORM_ID=detected\n" {
		t.Errorf("links %q, environment %q", links, env)
	}
}

// generate runs the generator, or a distribution's that sources it, with the test's files in place of the machine's. It
// returns the created links and the environment file.
func generate(t *testing.T, cmdline, script string) (links []string, env string) {
	t.Helper()
	dir := t.TempDir()
	text := read(t, generator)
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	at := strings.NewReplacer("/proc/cmdline", dir+"/cmdline", "/run/ignition.env", dir+"/env", "/dev/kmsg", dir+"/kmsg", "GENERATOR", ours, "ENVIRONMENT", dir+"/env")
	write(t, ours, at.Replace(text))
	write(t, theirs, at.Replace(script))
	write(t, dir+"/cmdline", cmdline+"\n")
	run := ours
	if script != "" {
		run = theirs
	}
	units := filepath.Join(dir, "units")
	out, err := exec.Command("bash", run, units, units, units).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("%v\n%s", err, out)
	}
	if text := read(t, dir+"/kmsg"); text != "" {
		t.Errorf("the kernel's log has %s", text)
	}
	found, err := filepath.Glob(units + "/*/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range found {
		name, err := filepath.Rel(units, link)
		if target, failed := os.Readlink(link); err != nil || failed != nil || target != "/usr/lib/systemd/system/"+filepath.Base(link) {
			t.Errorf("%s leads to %s (%v, %v)", link, target, err, failed)
		}
		links = append(links, name)
	}
	return links, read(t, dir+"/env")
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}
