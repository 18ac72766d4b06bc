// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"
)

const (
	cloudStackFile = "/cloudstack/userdata/user_data.txt"
	cloudStackItem = "/latest/user-data"
)

// cloudStackPlaces names the places for people.
var cloudStackPlaces = []string{
	cloudStackFile + " of the filesystem labeled config-2", cloudStackFile + " of the filesystem labeled CONFIG-2",
	"http://DHCP-SERVER" + cloudStackItem,
}

// cloudStack asks the config drive and the metadata service, which is the virtual router: the server of the DHCP lease.
func cloudStack(ctx context.Context, env *Env) (Found, error) {
	router := logic{[]string{"http://DHCP-SERVER" + cloudStackItem}, cloudStackRouter}
	return firstOf(ctx, env, append(configDrives(cloudStackFile).sources, router))
}

func cloudStackRouter(ctx context.Context, env *Env) (Found, error) {
	within, cancel := context.WithTimeout(ctx, env.Timeout)
	defer cancel()
	for {
		if server := dhcpServer(env); server != "" {
			return at(cloudStackItem, server).find(ctx, env)
		}
		select {
		case <-within.Done():
			const place = "http://DHCP-SERVER" + cloudStackItem
			_, err := env.try(place, func() ([]byte, error) { return nil, errNoLease })
			return Found{Name: place}, &Error{place, err, "bring an interface up by DHCP: its server is the metadata service"}
		case <-time.After(look):
		}
	}
}

var errNoLease = errors.New("no DHCP lease names its server")

// leases lists where DHCP clients keep their leases: the directory and the end of the file's name. In the name, # stands for
// the number of an interface and @ for its name.
var leases = []struct{ dir, end string }{
	{"run/systemd/netif/leases", "#"},      // systemd-networkd
	{"run/NetworkManager", "-@.lease"},     // NetworkManager, in the initramfs
	{"var/lib/NetworkManager", "-@.lease"}, // NetworkManager
	{"run/NetworkManager/devices", "#"},    // NetworkManager, the state of a device
}

// dhcpServer returns the address of the first lease's server, or "" if there is no lease yet.
func dhcpServer(env *Env) string {
	links, err := env.Interfaces()
	if err != nil {
		return ""
	}
	for _, l := range links {
		for _, lease := range leases {
			end := strings.Replace(strings.Replace(lease.end, "#", fmt.Sprint(l.Index), 1), "@", l.Name, 1)
			entries, err := fs.ReadDir(env.FS, lease.dir)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if e.Name() != end && (end[0] != '-' || !strings.HasSuffix(e.Name(), end)) {
					continue
				}
				if server := leaseServer(env.FS, lease.dir+"/"+e.Name()); server != "" {
					return server
				}
			}
		}
	}
	return ""
}

// leaseServer returns the address of the server that a lease names.
func leaseServer(files fs.FS, name string) string {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if (key == "SERVER_ADDRESS" || key == "dhcp_server_identifier") && net.ParseIP(value) != nil {
			return value
		}
	}
	return ""
}
