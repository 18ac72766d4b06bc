// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// A secret is one canary: its text, and the forms in which it may appear.
type secret struct {
	text  string
	forms [][]byte // in lower case
	exact [][]byte
}

// newSecret derives the forms: the text, in hexadecimal, and in base64 at each of the three offsets.
func newSecret(text string) secret {
	s := secret{text: text, forms: [][]byte{[]byte(strings.ToLower(text)), []byte(hex.EncodeToString([]byte(text)))}}
	for shift := range 3 {
		padded := append(make([]byte, shift), text...)
		encoded := base64.StdEncoding.EncodeToString(padded[:len(padded)/3*3])
		if shift > 0 {
			encoded = encoded[4:]
		}
		s.exact = append(s.exact, []byte(encoded))
	}
	return s
}

func (s secret) in(text, lower []byte) bool {
	found := func(in []byte) func([]byte) bool { return func(form []byte) bool { return bytes.Contains(in, form) } }
	return slices.ContainsFunc(s.forms, found(lower)) || slices.ContainsFunc(s.exact, found(text))
}

// template is the config of the user. A word in double braces stands for the canary of that name.
const template = `{"ignition": {"version": "3.6.0",
 "config": {"merge": [{"source": "http://{{mergeUser}}:{{mergePass}}@127.0.0.1/child?sig={{mergeQuery}}#{{mergeFragment}}",
   "httpHeaders": [{"name": "X-{{mergeHeaderName}}", "value": "{{mergeHeaderValue}}"}], "verification": {"hash": "sha512-{{hashChild}}"}}]},
 "proxy": {"httpsProxy": "http://{{proxyUser}}:{{proxyPass}}@127.0.0.1:3128"},
 "security": {"tls": {"certificateAuthorities": [{"source": "http://127.0.0.1/ca?sig={{caQuery}}",
   "httpHeaders": [{"name": "Authorization", "value": "Bearer {{caHeaderValue}}"}]}]}},
 "timeouts": {"httpTotal": 2}},
"storage": {
 "files": [
  {"path": "/etc/inline", "mode": 384, "contents": {"source": "data:,{{inline}}"}},
  {"path": "/etc/inline64", "mode": 384, "contents": {"source": "data:;base64,{{=inline64}}"}},
  {"path": "/etc/hashed", "mode": 384, "contents": {"source": "data:,{{inlineHashed}}", "verification": {"hash": "sha512-{{hashInline}}"}}},
  {"path": "/etc/fetched", "mode": 384, "contents": {"source": "http://{{user}}:{{pass}}@127.0.0.1/file?token={{query}}#{{fragment}}",
   "httpHeaders": [{"name": "X-{{headerName}}", "value": "{{headerValue}}"}], "verification": {"hash": "sha512-{{hashFetched}}"}}},
  {"path": "/etc/zipped", "mode": 384, "contents": {"source": "http://127.0.0.1/gz?sig={{zippedQuery}}", "compression": "gzip"}},
  {"path": "/etc/motd", "append": [{"source": "data:,{{appended}}"}, {"source": "http://127.0.0.1/append?sig={{appendQuery}}"}]}
 ],
 "links": [{"path": "/etc/link", "target": "/etc/inline"}],
 "directories": [{"path": "/srv/data"}]
},
"systemd": {"units": [
 {"name": "a.service", "enabled": true,
  "contents": "[Unit]\nDescription={{unitDescription}}\n# {{unitComment}}\n[Service]\nEnvironment=\"TOKEN={{unitEnvironment}}\"\nExecStart=/bin/x --token {{unitExec}}\n[Install]\nWantedBy=multi-user.target\n",
  "dropins": [{"name": "10-x.conf", "contents": "[Service]\nSetCredential=key:{{dropinCredential}}\nExecStartPre=/bin/y {{dropinExec}}\n"}]}
]},
"passwd": {
 "groups": [{"name": "team", "passwordHash": "$6$salt${{groupHash}}"}],
 "users": [{"name": "core", "passwordHash": "$6$salt${{userHash}}", "groups": ["team"],
  "sshAuthorizedKeys": ["ssh-ed25519 AAAA{{sshKey}} {{sshComment}}"]}]
}}`

// child is the config on the server.
const child = `{"ignition": {"version": "3.6.0"}, "storage": {"files": [
 {"path": "/etc/child", "mode": 384, "contents": {"source": "data:,{{childInline}}"}}]},
 "passwd": {"users": [{"name": "second", "passwordHash": "$6$salt${{childHash}}"}]}}`

// volumes is the config of the disk stages, which run on a model.
const volumes = `{"ignition": {"version": "3.6.0"}, "storage": {
 "disks": [{"device": "/dev/vda", "wipeTable": true, "partitions": [{"label": "a", "sizeMiB": 40}, {"label": "b", "sizeMiB": 40}, {"label": "c", "sizeMiB": 40}]}],
 "luks": [
  {"name": "one", "device": "/dev/disk/by-partlabel/a", "keyFile": {"source": "data:,{{luksInline}}"}},
  {"name": "two", "device": "/dev/disk/by-partlabel/b", "keyFile": {"source": "data:;base64,{{=luksInline64}}"},
   "clevis": {"tang": [{"url": "http://{{tangUser}}:{{tangPass}}@HOST/", "thumbprint": "{{thumbprint}}", "advertisement": "{\"payload\":\"{{advertisement}}\"}"},
    {"url": "http://{{tangTwoUser}}:{{tangTwoPass}}@HOST/two", "thumbprint": "{{tangTwoThumbprint}}"}]}},
  {"name": "three", "device": "/dev/disk/by-partlabel/c", "keyFile": {"source": "SERVER/key?sig={{luksQuery}}",
   "httpHeaders": [{"name": "X-{{luksHeaderName}}", "value": "{{luksHeaderValue}}"}], "verification": {"hash": "sha512-{{hashKey}}"}},
   "clevis": {"custom": {"pin": "tpm2", "config": "{\"pcr_ids\":\"{{clevisConfig}}\"}"}}}
 ],
 "filesystems": [{"device": "/dev/mapper/one", "format": "ext4", "path": "/one"}]
}}`

// bodies has the server's answers by path. None of them is text of the config.
var bodies = map[string]string{"/file": "{{fetched}}", "/gz": "{{zipped}}", "/append": "{{appendedFetched}}", "/child": child}

var placeholder = regexp.MustCompile(`\{\{(=?)(\w+)\}\}`)

// plant returns all canaries by name: those of the configs and of the servers.
func plant() map[string]secret {
	all := map[string]secret{}
	sources := []string{template, volumes, "{{fetchedKey}}"}
	sources = slices.AppendSeq(sources, maps.Values(bodies))
	for _, text := range sources {
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			all[m[2]] = newSecret("cnry" + strings.ToLower(m[2]) + "7x")
		}
	}
	for name, of := range map[string]string{"hashInline": all["inlineHashed"].text, "hashFetched": all["fetched"].text, "hashKey": all["fetchedKey"].text} {
		all[name] = newSecret(fmt.Sprintf("%x", sha512.Sum512([]byte(of))))
	}
	all["hashChild"] = newSecret(fmt.Sprintf("%x", sha512.Sum512([]byte(fill(child, all)))))
	return all
}

// fill puts the canaries into a text, in base64 if "=" precedes their name.
func fill(text string, all map[string]secret) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		m := placeholder.FindStringSubmatch(found)
		if m[1] == "=" {
			return base64.StdEncoding.EncodeToString([]byte(all[m[2]].text))
		}
		return all[m[2]].text
	})
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}
