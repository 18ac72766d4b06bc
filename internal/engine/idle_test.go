// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"os"
	"strings"
	"testing"
)

// idleStages returns the stages that units skip, by the files that their conditions look for.
func (b *testBoot) idleStages() string {
	b.t.Helper()
	entries, err := os.ReadDir(b.path("run/idle"))
	if err != nil && !os.IsNotExist(err) {
		b.t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// TestIdle: the stages that a config gives nothing to do, in the stage that fetches it.
func TestIdle(t *testing.T) {
	for _, c := range []struct{ name, config, want string }{
		{"empty", `{"ignition":{"version":"3.4.0"}}`, "disks kargs mount"},
		{"files", motd, "disks kargs mount"},
		{"kernel arguments", `{"ignition":{"version":"3.4.0"},"kernelArguments":{"shouldNotExist":["quiet"]}}`, "disks mount"},
		{"a disk", `{"ignition":{"version":"3.4.0"},"storage":{"disks":[{"device":"/dev/vdb","wipeTable":true}]}}`, "kargs mount"},
		{"an array", `{"ignition":{"version":"3.4.0"},"storage":{"raid":[{"name":"a","level":"raid1","devices":["/dev/vdb","/dev/vdc"]}]}}`, "kargs mount"},
		{"a volume", `{"ignition":{"version":"3.4.0"},"storage":{"luks":[{"name":"a","device":"/dev/vdb"}]}}`, "kargs mount"},
		{"a filesystem", `{"ignition":{"version":"3.4.0"},"storage":{"filesystems":[{"device":"/dev/vdb","format":"ext4","path":"/data"}]}}`, "kargs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTestBoot(t, "", c.config)
			b.write("run/idle/kargs", "") // left over from an earlier attempt with another config
			b.stage("fetch-offline", "root")
			if got := b.idleStages(); got != c.want {
				t.Errorf("the idle stages are %q, not %q", got, c.want)
			}
		})
	}
}

// TestIdleUnits: each stage that can be idle has a unit with the condition.
func TestIdleUnits(t *testing.T) {
	for _, s := range stages() {
		text, err := os.ReadFile("../../dracut/30ignition/ignition-" + s.name + ".service")
		if os.IsNotExist(err) {
			continue // umount is part of the unit of mount
		} else if err != nil {
			t.Fatal(err)
		}
		can := strings.Contains(" kargs disks mount ", " "+s.name+" ")
		if has := strings.Contains(string(text), "\nConditionPathExists=!/run/ignition/idle/"+s.name+"\n"); has != can {
			t.Errorf("the unit of %s has the condition: %t", s.name, has)
		}
	}
}

// TestIdleElsewhere: a fetch for another root, and one that leaves fetching to the next stage, skip no stage of the boot.
func TestIdleElsewhere(t *testing.T) {
	b := newTestBoot(t, "", `{"ignition":{"version":"3.4.0"},"storage":{"filesystems":[{"device":"/dev/vdb","format":"ext4","path":"/data"}]}}`)
	b.stage("fetch-offline", "root")
	b.write("config.ign", `{"ignition":{"version":"3.4.0"}}`)
	b.stage("fetch-offline", "other")
	if got := b.idleStages(); got != "kargs" {
		t.Errorf("after a fetch for another root the idle stages are %q", got)
	}
	b = newTestBoot(t, "ignition.config.url=http://127.0.0.1:1/", motd)
	b.stage("fetch-offline", "root")
	if got := b.idleStages(); b.read("run/ignition.json") != "" || got != "" {
		t.Errorf("before the config is there the idle stages are %q", got)
	}
}

// TestIdleChanged: if a program has rewritten the cached config after a stage was found idle, the files stage does the stage's work.
func TestIdleChanged(t *testing.T) {
	b := newTestBoot(t, "", motd)
	b.stage("fetch-offline", "root")
	b.write("bin/ignition-kargs-helper", "#!/bin/sh\necho \"$@\" >"+b.path("called")+"\n")
	if err := os.Chmod(b.path("bin/ignition-kargs-helper"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", b.path("bin")+":"+os.Getenv("PATH"))
	b.write("run/ignition.json", strings.Replace(motd, `"storage"`, `"kernelArguments":{"shouldExist":["added"]},"storage"`, 1))
	log := b.stage("files", "root")
	if called := b.read("called"); !strings.Contains(called, "added") {
		t.Errorf("the helper was called with %q:\n%s", called, log)
	}
	if b.read("root/etc/motd") != "hello" {
		t.Error("the files stage did not do its own work")
	}
}
