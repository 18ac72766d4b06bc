// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"path"
	"strings"
)

// An Origin is where a unit may come from although no unit file of its name exists before the system runs.
type Origin struct {
	Path string // a file; or, with a slash at its end, a directory of which any entry may bring the unit
	What string // brings it, for people
}

// quadlets are the suffixes of podman-systemd.unit(5), with what each adds to the name of the service.
var quadlets = []struct{ suffix, adds string }{
	{".container", ""}, {".kube", ""}, {".volume", "-volume"}, {".network", "-network"}, {".pod", "-pod"},
	{".image", "-image"}, {".build", "-build"},
}

// quadletDirs are where podman looks for them.
var quadletDirs = []string{"/etc/containers/systemd", "/run/containers/systemd", "/usr/share/containers/systemd"}

// extensionDirs hold system extensions (systemd-sysext(8), systemd-confext(8)), whose units are visible only after they are
// merged.
var extensionDirs = []string{
	"/etc/extensions/", "/run/extensions/", "/var/lib/extensions/", "/usr/local/lib/extensions/", "/usr/lib/extensions/",
	"/run/confexts/", "/var/lib/confexts/", "/usr/local/lib/confexts/", "/usr/lib/confexts/",
}

// Origins returns where a unit may come from when the system runs: files that generators turn into units, and system extensions.
// The likeliest come first.
func Origins(name string) []Origin {
	n := SplitName(name)
	var all []Origin
	switch n.Suffix {
	case "service":
		all = serviceOrigins(n)
	case "mount", "automount", "swap":
		all = append(all, Origin{"/etc/fstab", "a line of /etc/fstab"})
	}
	for _, dir := range extensionDirs {
		all = append(all, Origin{dir, "a system extension in " + strings.TrimSuffix(dir, "/")})
	}
	return all
}

func serviceOrigins(n Name) []Origin {
	var all []Origin
	stem := strings.TrimSuffix(n.Template().String(), "."+n.Suffix)
	for _, q := range quadlets {
		base, ok := strings.CutSuffix(stem, q.adds)
		if !ok || base == "" {
			continue
		}
		for _, dir := range quadletDirs {
			file := path.Join(dir, base+q.suffix)
			all = append(all, Origin{file, "the quadlet " + file})
		}
	}
	switch {
	case !n.At:
		script := "/etc/init.d/" + stem
		all = append(all, Origin{script, "the script " + script})
	case n.Prefix == "systemd-cryptsetup":
		all = append(all, Origin{"/etc/crypttab", "a line of /etc/crypttab"})
	case n.Prefix == "systemd-veritysetup":
		all = append(all, Origin{"/etc/veritytab", "a line of /etc/veritytab"})
	}
	return all
}
