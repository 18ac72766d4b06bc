// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"net"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/metadata"
)

// openStackIPv6 is the address of the metadata service on each link (OpenStack Neutron, metadata over IPv6).
const openStackIPv6 = "fe80::a9fe:a9fe"

// openStackPlaces names the places for people.
var openStackPlaces = []string{
	openStack + " of the filesystem labeled config-2", openStack + " of the filesystem labeled CONFIG-2",
	"http://" + linkLocal + openStack, "http://[" + openStackIPv6 + "%IFACE]" + openStack,
}

// configDrives are the drives of OpenStack and CloudStack, whose label has two spellings.
func configDrives(file string) anyOf {
	return anyOf{[]source{drive{label: "config-2", files: []string{file}}, drive{label: "CONFIG-2", files: []string{file}}}}
}

// openStackRace asks the config drive and the metadata service, the latter over IPv4 and over IPv6 on every link. A drive
// with content wins over a service that has no config.
func openStackRace(ctx context.Context, env *Env) (Found, error) {
	sources := append(configDrives(openStack).sources, at(openStack, linkLocal))
	links, err := env.Interfaces()
	if err != nil {
		env.Log.Warn("list the network interfaces: " + err.Error())
	}
	for _, l := range links {
		if l.Flags&net.FlagUp != 0 && l.Flags&net.FlagLoopback == 0 && hasIPv6(l) {
			sources = append(sources, service{path: openStack, absent: true, Service: &metadata.Service{
				Hosts: []string{"[" + openStackIPv6 + "%" + l.Name + "]"},
			}})
		}
	}
	return firstOf(ctx, env, sources)
}

func hasIPv6(l net.Interface) bool {
	addresses, err := l.Addrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if strings.Contains(a.String(), ":") {
			return true
		}
	}
	return false
}
