// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestApply: in a container, nodes and units are made; what belongs to a machine is refused or left out.
func TestApply(t *testing.T) {
	needRoot(t, "setting owners")
	const nodes = `"storage":{"files":[{"path":"/a","contents":{"source":"data:,x"}}]},
		"systemd":{"units":[{"name":"u.service","enabled":true,"contents":"[Install]\nWantedBy=t.target\n"}]}`
	forbidding := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer forbidding.Close()
	for name, c := range map[string]struct {
		version  string // goes before the version
		sections string
		ignore   bool
		offline  bool
		exit     int
		says     string
		once     string // is logged once
	}{
		"nodes and units":  {sections: nodes},
		"a user":           {sections: nodes + `,"passwd":{"users":[{"name":"u"}]}`, exit: 1, says: "passwd.users"},
		"a user, left out": {sections: nodes + `,"passwd":{"users":[{"name":"u"}]}`, ignore: true, says: "left out"},
		"kernel arguments": {sections: `"kernelArguments":{"shouldExist":["x"]}`, exit: 1, says: "kernelArguments"},
		"nothing to be got": {sections: `"storage":{"files":[{"path":"/a","contents":{"source":"http://127.0.0.1:1/"}}]}`, offline: true, exit: 1, says: "network",
			once: "Ignition failed at -:1:54 ($.storage.files.0)"},
		"not fetched": {sections: `"storage":{"files":[{"path":"/a","contents":{"source":"` + forbidding.URL + `"}}]}`, exit: 1, says: "status 403",
			once: "its source is at -:1:87 ($.storage.files.0.contents.source)"},
		"not fetched, at the end": {sections: `"storage":{"files":[{"path":"/a","contents":{"source":"` + forbidding.URL + `"}}]}`, exit: 1, says: "status 403",
			once: "Ignition failed at -:1:54 ($.storage.files.0)"},
		"config not fetched": {version: `"config":{"merge":[{"source":"` + forbidding.URL + `"}]},`, exit: 1, says: "status 403",
			once: "its source is at -:1:43 ($.ignition.config.merge.0.source)"},
		"config not fetched, at the end": {version: `"config":{"merge":[{"source":"` + forbidding.URL + `"}]},`, exit: 1, says: "status 403",
			once: "Ignition failed at -:1:34 ($.ignition.config.merge.0)"},
		"exists already": {sections: `"storage":{"files":[{"path":"/there","contents":{"source":"data:,x"}}]}`, exit: 1, says: "overwrite"},
		"not valid":      {sections: `"storage":{"files":[{"path":"relative"}]}`, exit: 1, says: "$.storage.files.0.path"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if err := os.WriteFile(filepath.Join(root, "there"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			exit := Apply(context.Background(), LiveOptions{
				Root: root, Config: "-", IgnoreUnsupported: c.ignore, Offline: c.offline,
				Stdin: strings.NewReader(`{"ignition":{` + c.version + `"version":"3.4.0"}` + comma(c.sections) + `}`), Stdout: &out, Stderr: &out,
				Getenv: func(name string) string { return map[string]string{"container": "test"}[name] },
			})
			if exit != c.exit || !strings.Contains(out.String(), c.says) {
				t.Errorf("exit %d:\n%s", exit, &out)
			}
			if c.once != "" && strings.Count(out.String(), c.once) != 1 {
				t.Errorf("%q is logged %d times:\n%s", c.once, strings.Count(out.String(), c.once), &out)
			}
			_, err := os.Lstat(filepath.Join(root, "etc/systemd/system/t.target.wants/u.service"))
			if (err == nil) != (c.exit == 0) {
				t.Errorf("the unit: %v", err)
			}
			for _, p := range []string{"etc/passwd", "etc/.firstlight", "etc/.ignition-result.json"} {
				if _, err := os.Lstat(filepath.Join(root, p)); err == nil {
					t.Errorf("%s was made", p)
				}
			}
		})
	}
}

func comma(sections string) string {
	if sections == "" {
		return ""
	}
	return "," + sections
}

// TestUmask: the file mode creation mask of the caller changes no mode.
func TestUmask(t *testing.T) {
	needRoot(t, "setting owners")
	const config = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/a/b","contents":{"source":"data:,x"}},{"path":"/a/c","mode":432}],
		"directories":[{"path":"/d/e"},{"path":"/f","mode":511}],"links":[{"path":"/l/m","target":"x"}]},
		"systemd":{"units":[{"name":"u.service","enabled":true,"contents":"[Install]\nWantedBy=t.target\n","dropins":[{"name":"x.conf","contents":"[Unit]\n"}]}]}}`
	usual := syscall.Umask(0o022)
	defer syscall.Umask(usual)
	want := ""
	for _, mask := range []int{0o022, 0, 0o077, 0o777} {
		root := t.TempDir()
		syscall.Umask(mask)
		var out bytes.Buffer
		exit := Apply(context.Background(), LiveOptions{
			Root: root, Config: "-", Stdin: strings.NewReader(config), Stdout: &out, Stderr: &out,
			Getenv: func(name string) string { return map[string]string{"container": "test"}[name] },
		})
		if exit != 0 {
			t.Fatalf("umask %04o: exit %d:\n%s", mask, exit, &out)
		}
		got := ""
		err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
			if info, failed := d.Info(); failed == nil && name != root {
				got += info.Mode().String() + " " + strings.TrimPrefix(name, root) + "\n"
			}
			return err
		})
		if want == "" {
			want = got
		}
		if err != nil || got != want {
			t.Errorf("umask %04o: %v\n%s\nwant\n%s", mask, err, got, want)
		}
	}
}
