// SPDX-License-Identifier: Apache-2.0

package rules_test

import (
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
)

// TestImpossible checks what no machine can do: it is accepted as Ignition accepts it when a config is parsed, and refused before
// anything is written, when the merged config is validated.
func TestImpossible(t *testing.T) {
	long := strings.Repeat("n", 256)
	for _, c := range []struct{ members, want string }{
		{`"storage":{"files":[{"path":"/a/` + long + `"}]}`, "E201 $.storage.files.0.path"},
		{`"storage":{"files":[{"path":"/` + long[1:] + `"}]}`, ""},
		{`"storage":{"directories":[{"path":"/a\u0000b"}]}`, "E201 $.storage.directories.0.path"},
		{`"storage":{"links":[{"path":"/a","target":"` + strings.Repeat("d/", 2048) + `"}]}`, "E201 $.storage.links.0.target"},
		{`"systemd":{"units":[{"name":"` + long + `.service"}]}`, "E201 $.systemd.units.0.name"},
		{`"systemd":{"units":[{"name":"a.service","dropins":[{"name":"a\u0000.conf"}]}]}`, "E201 $.systemd.units.0.dropins.0.name"},
		{`"passwd":{"users":[{"name":"a","homeDir":"/` + long + `"}]}`, "E201 $.passwd.users.0.homeDir"},
		{`"passwd":{"users":[{"name":"a","homeDir":"/a\u0000b"}]}`, "E702 $.passwd.users.0.homeDir"},
		{`"storage":{"filesystems":[{"device":"/dev/vda","format":"ext4","path":"/` + long + `"}]}`, "E201 $.storage.filesystems.0.path"},
		{`"storage":{"filesystems":[{"device":"/dev/v\u0000a","format":"ext4"}]}`, "E201 $.storage.filesystems.0.device"},
		{`"storage":{"disks":[{"device":"/dev/v\u0000a"}]}`, "E201 $.storage.disks.0.device"},
		{`"storage":{"luks":[{"name":"` + long + `","device":"/dev/vda"}]}`, "E201 $.storage.luks.0.name"},
		{`"storage":{"luks":[{"name":"` + long[:128] + `","device":"/dev/vda"}]}`, "E201 $.storage.luks.0.name"},
		{`"storage":{"luks":[{"name":"` + long[:127] + `","device":"/dev/vda"}]}`, ""},
		{`"storage":{"luks":[{"name":"a","device":"/dev/v\u0000a"}]}`, "E201 $.storage.luks.0.device"},
		{`"storage":{"raid":[{"name":"a","level":"stripe","devices":["/dev/a","/dev/\u0000"]}]}`, "E201 $.storage.raid.0.devices.1"},
		{`"ignition":{"version":"3.6.0","proxy":{"httpProxy":"http://h:99999"}}`, "E130 $.ignition.proxy.httpProxy"},
		{`"ignition":{"version":"3.6.0","proxy":{"httpsProxy":"https:///x"}}`, "E130 $.ignition.proxy.httpsProxy"},
		{`"storage":{"luks":[{"name":"a","device":"/dev/vda","clevis":{"tang":[{"url":"http://h:0","thumbprint":"x"}]}}]}`, "E130 $.storage.luks.0.clevis.tang.0.url"},
		{`"storage":{"files":[{"path":"/a","user":{"id":4294967296}}]}`, "E213 $.storage.files.0.user.id"},
		{`"storage":{"files":[{"path":"/a","group":{"id":-2}}]}`, "E213 $.storage.files.0.group.id"},
		{`"storage":{"files":[{"path":"/a","user":{"id":4294967294}}]}`, ""},
		{`"passwd":{"users":[{"name":""}]}`, "E701 $.passwd.users.0.name"},
		{`"passwd":{"users":[{"name":"a:b"}]}`, "E701 $.passwd.users.0.name"},
		{`"passwd":{"users":[{"name":"-a"}]}`, "E701 $.passwd.users.0.name"},
		{`"passwd":{"groups":[{"name":"a b"}]}`, "E701 $.passwd.groups.0.name"},
		{`"passwd":{"users":[{"name":"a_b-C.9$"}]}`, ""},
		{`"passwd":{"users":[{"name":"a","gecos":"A:B"}]}`, "E702 $.passwd.users.0.gecos"},
		{`"passwd":{"users":[{"name":"a","homeDir":"/h\nx"}]}`, "E702 $.passwd.users.0.homeDir"},
		{`"passwd":{"users":[{"name":"a","shell":"/bin:sh"}]}`, "E702 $.passwd.users.0.shell"},
		{`"passwd":{"users":[{"name":"a","passwordHash":"$6$a\n"}]}`, "E702 $.passwd.users.0.passwordHash"},
		{`"passwd":{"groups":[{"name":"a","passwordHash":"x:y"}]}`, "E702 $.passwd.groups.0.passwordHash"},
		{`"passwd":{"users":[{"name":"a","shouldExist":false,"gecos":"A:B","uid":-1}]}`, ""},
		{`"passwd":{"users":[{"name":"a","uid":-1}]}`, "E703 $.passwd.users.0.uid"},
		{`"passwd":{"users":[{"name":"a","uid":4294967295}]}`, "E703 $.passwd.users.0.uid"},
		{`"passwd":{"groups":[{"name":"a","gid":9223372036854775807}]}`, "E703 $.passwd.groups.0.gid"},
		{`"passwd":{"users":[{"name":"a","homeDir":"home/a"}]}`, "E705 $.passwd.users.0.homeDir"},
		{`"passwd":{"users":[{"name":"a","shell":"bash"}]}`, "E705 $.passwd.users.0.shell"},
		{`"passwd":{"users":[{"name":"a","uid":5},{"name":"b","uid":5}]}`, ""},
	} {
		text := `{"ignition":{"version":"3.6.0"},` + c.members + `}`
		if strings.HasPrefix(c.members, `"ignition"`) {
			text = "{" + c.members + "}"
		}
		d, report := config.Parse(diag.NewSource("f", []byte(text)))
		if len(report) > 0 {
			t.Errorf("%.100s: parsing says %v", c.members, report)
		}
		got := ""
		for _, f := range config.Validate(d) {
			got += f.Code + " " + f.Path.String()
			if f.Severity != diag.Error || f.Place().Line != 1 || strings.Contains(f.Summary, "\x00") {
				t.Errorf("%.100s: %+v", c.members, f)
			}
		}
		if got != c.want {
			t.Errorf("%.100s: got %q, want %q", c.members, got, c.want)
		}
	}
}
