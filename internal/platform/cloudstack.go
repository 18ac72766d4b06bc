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

func cloudStackPlaces() []string {
	return append(configDrives(cloudStackFile).places(), "http://DHCP-SERVER"+cloudStackItem)
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

// leases is where DHCP clients keep their leases; the verbs stand for the number and the name of an interface.
var leases = []string{
	"run/systemd/netif/leases/%[1]d",                // systemd-networkd
	"run/NetworkManager/internal-*-%[2]s.lease",     // NetworkManager, in the initramfs
	"var/lib/NetworkManager/internal-*-%[2]s.lease", // NetworkManager
	"run/NetworkManager/devices/%[1]d",              // NetworkManager, state of the device
}

// dhcpServer returns the address of the first lease's server; it is empty if there is none yet.
func dhcpServer(env *Env) string {
	links, err := env.Interfaces()
	if err != nil {
		return ""
	}
	for _, l := range links {
		for _, pattern := range leases {
			names, err := fs.Glob(env.FS, leaseFile(pattern, l))
			if err != nil {
				continue
			}
			for _, name := range names {
				text, err := fs.ReadFile(env.FS, name)
				if err != nil {
					continue
				}
				for line := range strings.Lines(string(text)) {
					key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
					if (key == "SERVER_ADDRESS" || key == "dhcp_server_identifier") && net.ParseIP(value) != nil {
						return value
					}
				}
			}
		}
	}
	return ""
}

func leaseFile(pattern string, l net.Interface) string {
	name := strings.Replace(pattern, "%[1]d", fmt.Sprint(l.Index), 1)
	return strings.Replace(name, "%[2]s", l.Name, 1)
}
