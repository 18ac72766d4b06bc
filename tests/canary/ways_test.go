// SPDX-License-Identifier: Apache-2.0

package canary

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A way to fail changes the config, with its placeholders, or the world around the engine.
type way struct {
	name     string
	config   func(string) string
	world    func(*world)
	harmless bool   // no failure is expected
	shows    string // canaries that log and console show by design: a hash mismatch shows both digests
}

// waysToFail returns all ways to fail.
func waysToFail() []way {
	var all []way
	for _, list := range [][]way{cutShort(), wrongTypes(), invalid(), badServers(), badRoots(), badRuns()} {
		all = append(all, list...)
	}
	return all
}

// swap replaces a text of the config.
func swap(old, with string) func(string) string {
	return func(config string) string { return strings.Replace(config, old, with, 1) }
}

// cutShort truncates the config in the middle of a secret, or after it.
func cutShort() []way {
	var list []way
	for _, name := range []string{
		"mergePass", "mergeHeaderValue", "hashChild", "proxyPass", "caHeaderValue", "inline", "hashInline", "query", "headerName", "headerValue",
		"unitEnvironment", "unitExec", "dropinCredential", "groupHash", "userHash", "sshKey",
	} {
		list = append(list, way{name: "config ends behind " + name, config: func(config string) string {
			before, _, _ := strings.Cut(config, "{{"+name+"}}")
			return before + "{{" + name + "}}"
		}})
	}
	return list
}

// wrongTypes has secrets in values of the wrong type, and in unknown members.
func wrongTypes() []way {
	var list []way
	for name, change := range map[string][2]string{
		"source is a list":         {`"source": "data:,{{inline}}"`, `"source": ["data:,{{inline}}"]`},
		"hash is an object":        {`"hash": "sha512-{{hashInline}}"`, `"hash": {"sha512": "{{hashInline}}"}`},
		"unit is a list":           {`"contents": "[Unit]`, `"contents": ["{{unitExec}}"], "contents": "[Unit]`},
		"drop-in is an object":     {`"contents": "[Service]\nSetC`, `"contents": {"text": "{{dropinExec}}"}, "x": "[Service]\nSetC`},
		"password is an object":    {`"passwordHash": "$6$salt${{userHash}}"`, `"passwordHash": {"hash": "{{userHash}}"}`},
		"keys are a text":          {`["ssh-ed25519 AAAA{{sshKey}} {{sshComment}}"]`, `"ssh-ed25519 AAAA{{sshKey}} {{sshComment}}"`},
		"header value is a list":   {`"value": "{{headerValue}}"`, `"value": ["{{headerValue}}"]`},
		"header name is an object": {`{"name": "X-{{headerName}}", "value"`, `{"name": {"x": "X-{{headerName}}"}, "value"`},
		"headers are an object":    {`[{"name": "X-{{headerName}}", "value": "{{headerValue}}"}]`, `{"X-{{headerName}}": "{{headerValue}}"}`},
		"proxy is a list":          {`"http://{{proxyUser}}:{{proxyPass}}@127.0.0.1:3128"`, `["http://{{proxyUser}}:{{proxyPass}}@127.0.0.1:3128"]`},
		"contents is a text":       {`"contents": {"source": "data:,{{inline}}"}`, `"contents": "{{inline}}"`},
		"number for a password":    {`"passwordHash": "$6$salt${{groupHash}}"`, `"passwordHash": 12`},
	} {
		list = append(list, way{name: name, config: swap(change[0], change[1])})
	}
	list = append(list,
		way{name: "unknown members with secrets", harmless: true, config: swap(`"links"`, `"password": "{{inline}}", "contents": {"inline": "{{inline}}"}, "links"`)},
		way{name: "members in the wrong place", harmless: true, config: swap(`"path": "/etc/inline",`, `"path": "/etc/inline", "inline": "{{inline}}", "httpHeaders": [{"name": "X-{{headerName}}", "value": "{{headerValue}}"}],`)})
	return list
}

// invalid has secrets in invalid values.
func invalid() []way {
	const fetched = `"http://{{user}}:{{pass}}@127.0.0.1/file?token={{query}}#{{fragment}}"`
	const key = `"ssh-ed25519 AAAA{{sshKey}} {{sshComment}}"`
	// Values that are valid for the engine and for Ignition.
	warned := []string{"key twice", "key with a NUL byte", "timeout that is negative", "unit that is not a unit", "unit with a broken section",
		"drop-in that is not a unit"}
	var list []way
	for name, change := range map[string][2]string{
		"hash of another function":       {`"sha512-{{hashInline}}"`, `"md5-{{hashInline}}"`},
		"hash without a function":        {`"sha512-{{hashInline}}"`, `"{{hashInline}}"`},
		"hash too short":                 {`"sha512-{{hashInline}}"`, `"sha512-00"`},
		"hash too long":                  {`"sha512-{{hashInline}}"`, `"sha512-{{hashInline}}00"`},
		"wrong hash":                     {`"sha512-{{hashInline}}"`, `"sha512-{{hashFetched}}"`},
		"source of an unknown scheme":    {fetched, `"ftp://{{user}}:{{pass}}@127.0.0.1/?{{query}}"`},
		"source without a scheme":        {fetched, `"{{user}}:{{pass}}@127.0.0.1/?{{query}}"`},
		"opaque source":                  {fetched, `"http:{{user}}:{{pass}}@127.0.0.1/?{{query}}"`},
		"source without a host":          {fetched, `"http://{{user}}:{{pass}}@/?{{query}}"`},
		"source with a bad port":         {fetched, `"http://{{user}}:{{pass}}@127.0.0.1:99999/?{{query}}"`},
		"source with a bad escape":       {fetched, `"http://{{user}}:{{pass}}@127.0.0.1/%zz?{{query}}"`},
		"source with a space":            {fetched, `"http://{{user}}:{{pass}} @127.0.0.1/?{{query}}"`},
		"source with a line break":       {fetched, `"http://{{user}}:{{pass}}@127.0.0.1/\n?{{query}}"`},
		"source that is contents":        {`"data:,{{inline}}"`, `"{{inline}}"`},
		"source that is text":            {`"data:,{{inline}}"`, `"password: {{inline}} and more"`},
		"data that is not base64":        {`"data:,{{inline}}"`, `"data:;base64,{{inline}}!"`},
		"data with a bad escape":         {`"data:,{{inline}}"`, `"data:,{{inline}}%zz"`},
		"data without a comma":           {`"data:,{{inline}}"`, `"data:{{inline}}"`},
		"data that is not gzip":          {`"data:,{{inline}}"`, `"data:,{{inline}}", "compression": "gzip"`},
		"unknown compression":            {`"compression": "gzip"`, `"compression": "xz"`},
		"header name with a space":       {`"X-{{headerName}}"`, `"X {{headerName}}"`},
		"header value with a break":      {`"{{headerValue}}"`, `"{{headerValue}}\r\nX: y"`},
		"header twice":                   {`[{"name": "X-{{headerName}}", "value": "{{headerValue}}"}]`, `[{"name": "X-{{headerName}}", "value": "{{headerValue}}"}, {"name": "X-{{headerName}}", "value": "{{headerValue}}"}]`},
		"headers of a data URL":          {`"data:,{{inline}}"`, `"data:,{{inline}}", "httpHeaders": [{"name": "X-{{headerName}}", "value": "{{headerValue}}"}]`},
		"unit that is not a unit":        {`"contents": "[Unit]\n`, `"contents": "{{unitExec}}\n`},
		"unit with a broken section":     {`\n[Service]\nEnv`, `\n[Service {{unitComment}}\nEnv`},
		"unit with a line without =":     {`\n[Service]\nEnv`, `\n[Service]\n{{unitExec}}\nEnv`},
		"drop-in that is not a unit":     {`"contents": "[Service]\nSetC`, `"contents": "{{dropinExec}}\nSetC`},
		"drop-in of another type":        {`10-x.conf`, `10-x.txt`},
		"unit of another type":           {`"a.service"`, `"a.txt"`},
		"password with a colon":          {`"$6$salt${{userHash}}"`, `"{{userHash}}:x"`},
		"password with a line break":     {`"$6$salt${{userHash}}"`, `"{{userHash}}\nroot::0"`},
		"group password with a colon":    {`"$6$salt${{groupHash}}"`, `"{{groupHash}}:x"`},
		"key with a NUL byte":            {key, `"ssh-ed25519 {{sshKey}}\u0000"`},
		"key twice":                      {key, key + ", " + key},
		"user name with a colon":         {`"name": "core"`, `"name": "a:b"`},
		"proxy without a scheme":         {`"http://{{proxyUser}}:{{proxyPass}}@127.0.0.1:3128"`, `"{{proxyUser}}:{{proxyPass}}@127.0.0.1:3128"`},
		"proxy of another scheme":        {`"http://{{proxyUser}}:{{proxyPass}}@127.0.0.1:3128"`, `"socks5://{{proxyUser}}:{{proxyPass}}@127.0.0.1:3128"`},
		"mode that is none":              {`"mode": 384, "contents": {"source": "data:,{{inline}}"}`, `"mode": 99999, "contents": {"source": "data:,{{inline}}"}`},
		"path that is relative":          {`"path": "/etc/inline", `, `"path": "etc/inline", `},
		"path twice":                     {`"path": "/srv/data"`, `"path": "/etc/inline"`},
		"unknown version":                {`3.6.0`, `9.9.9`},
		"version is missing":             {`"version": "3.6.0",`, ``},
		"merge source of a bad scheme":   {`"http://{{mergeUser}}:`, `"gopher://{{mergeUser}}:`},
		"merge header name with spaces":  {`"X-{{mergeHeaderName}}"`, `"X {{mergeHeaderName}}"`},
		"authority that is not a source": {`"http://127.0.0.1/ca?sig={{caQuery}}"`, `"127.0.0.1/ca?sig={{caQuery}}"`},
		"timeout that is negative":       {`"httpTotal": 2`, `"httpTotal": -2`},
	} {
		w := way{name: name, config: swap(change[0], change[1]), harmless: slices.Contains(warned, name)}
		if name == "wrong hash" {
			w.shows = "hashInline hashFetched"
		}
		list = append(list, w)
	}
	whole := func(name, text string) way {
		return way{name: name, config: func(string) string { return text }}
	}
	return append(list,
		whole("a cloud-config", "#cloud-config\npassword: {{userHash}}\nssh_authorized_keys:\n  - ssh-rsa {{sshKey}}\n"),
		whole("a script", "#!/bin/sh\nexport TOKEN={{inline}}\n"),
		whole("a MIME message", "Content-Type: multipart/mixed; boundary=\"{{inline}}\"\nMIME-Version: 1.0\n\n--{{inline}}\n"),
		whole("a page", "<html><body>{{inline}}</body></html>"),
		whole("a text", "{{inline}}"),
		whole("YAML with a syntax error", "variant: fcos\nversion: 1.6.0\nstorage:\n  files:\n    - path: /a\n      contents:\n        inline: \"{{inline}}\n  x: [\n"),
		whole("YAML with an unknown member", "variant: fcos\nversion: 1.6.0\npasswd:\n  users:\n    - name: core\n      password: {{userHash}}\n      ssh_authorized_keys: {{sshKey}}\n"),
		whole("YAML with a wrong value", "variant: fcos\nversion: 1.6.0\nstorage:\n  files:\n    - path: a\n      contents:\n        inline: |\n          {{inline}}\n        verification:\n          hash: sha512-{{hashInline}}\n"),
		whole("Ignition 2", `{"ignition":{"version":"2.3.0"},"passwd":{"users":[{"name":"core","passwordHash":"{{userHash}}"}]}}`),
	)
}

// echoes answers with all secrets of the request, wherever a server can put them.
func echoes(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text := r.URL.RawQuery + r.URL.Fragment
		if user, pass, ok := r.BasicAuth(); ok {
			text += "." + user + "." + pass
		}
		for name, values := range r.Header {
			if strings.HasPrefix(name, "X-") || name == "Authorization" {
				text += "." + name + "." + strings.Join(values, ".")
			}
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 %d %s\r\nX-Echo: %s\r\nLocation: http://%s/%s\r\nWWW-Authenticate: Basic realm=\"%s\"\r\nContent-Length: %d\r\n\r\n%s",
			status, text, text, text, text, text, len(text), text)
	}
}

func says(status int, text string) func(*world) http.HandlerFunc {
	return func(w *world) http.HandlerFunc {
		return func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(status)
			io.WriteString(rw, fill(text, w.all))
		}
	}
}

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// badServers combines all behaviors of the server with each reference of the config.
func badServers() []way {
	var list []way
	fixed := func(h http.HandlerFunc) func(*world) http.HandlerFunc {
		return func(*world) http.HandlerFunc { return h }
	}
	for _, at := range []string{"/child", "/file", "/gz", "/append", "/ca"} {
		for name, h := range map[string]func(*world) http.HandlerFunc{
			"says 404":                says(404, "{{inline}}"),
			"says 403 with an echo":   fixed(echoes(403)),
			"says 500 with an echo":   fixed(echoes(500)),
			"redirects to an echo":    fixed(echoes(302)),
			"speaks nonsense":         fixed(echoes(-1)),
			"hangs up":                fixed(hangsUp),
			"falls silent":            fixed(silent),
			"has something else":      says(200, "{{inline}} {{fetched}}"),
			"has nothing":             says(200, ""),
			"has a broken child":      says(200, `{"ignition": {"version": "3.6.0"}, "passwd": {"users": [{"name": "x", "passwordHash": "{{userHash}}`),
			"has an invalid child":    says(200, `{"ignition": {"version": "3.6.0"}, "passwd": {"users": [{"name": ":", "passwordHash": "{{userHash}}:"}]}}`),
			"is a partial answer":     says(206, "{{fetched}}"),
			"has another's signature": says(200, "\x1f\x8b\x08{{zipped}}"),
		} {
			another := name == "has nothing" || strings.Contains(name, "child") || name == "has something else" || strings.Contains(name, "signature")
			w := way{name: at + " " + name, world: func(w *world) { w.answers[at] = h(w) }}
			switch {
			case another && at == "/append":
				continue // as good as any contents
			case another && at == "/ca":
				w.harmless = name == "has nothing"
			case another:
				w.shows = map[string]string{"/child": "hashChild", "/file": "hashFetched"}[at]
			}
			list = append(list, w)
		}
	}
	unhashed := swap(`, "verification": {"hash": "sha512-{{hashChild}}"}`, "")
	for name, text := range map[string]string{
		"child is invalid as a whole": `{"ignition": {"version": "3.6.0"}, "storage": {"files": [{"path": "/etc/child", "contents": {"source": "{{childInline}}"}}]}}`,
		"child is cut off":            `{"ignition": {"version": "3.6.0"}, "passwd": {"users": [{"name": "x", "passwordHash": "{{childHash}}`,
		"child refers to itself":      `{"ignition": {"version": "3.6.0", "config": {"replace": {"source": "http://{{mergeUser}}:{{mergePass}}@127.0.0.1/child?{{mergeQuery}}"}}}}`,
		"child refers to nothing":     `{"ignition": {"version": "3.6.0", "config": {"merge": [{"source": "http://{{mergeUser}}:{{mergePass}}@127.0.0.1/none?{{mergeQuery}}"}]}}}`,
	} {
		list = append(list, way{name: name, config: unhashed, world: func(w *world) { w.answers["/child"] = says(200, text)(w) }})
	}
	return append(list, way{name: "nobody listens", config: swap(`@127.0.0.1/child`, `@127.0.0.1:81/child`)},
		way{name: "no such host", config: swap(`@127.0.0.1/child`, `@nowhere.invalid/child`)},
		way{name: "a server that speaks no TLS", config: swap(`"http://{{mergeUser}}:{{mergePass}}@127.0.0.1/`, `"https://{{mergeUser}}:{{mergePass}}@127.0.0.1:80/`)})
}

// badRoots has target roots in conflict with the config, and full filesystems.
func badRoots() []way {
	var list []way
	add := func(name string, do func(*world, string)) {
		list = append(list, way{name: name, world: func(w *world) { do(w, filepath.Join(w.dir, "root")) }})
	}
	must := func(w *world, err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	for _, name := range []string{"inline", "inline64", "hashed", "fetched", "zipped", "child"} {
		add("/etc/"+name+" exists", func(w *world, root string) { w.write("root/etc/"+name, "{{"+name+"}}", 0o600) })
	}
	for name, at := range map[string]string{
		"file": "etc/inline", "append": "etc/motd", "unit": "etc/systemd/system/a.service", "drop-in": "etc/systemd/system/a.service.d/10-x.conf",
		"shadow": "etc/shadow", "gshadow": "etc/gshadow", "passwd": "etc/passwd", "keys": "home/core/.ssh/authorized_keys.d/ignition",
		"seal": "etc/.firstlight/sealed", "journal": "etc/.firstlight/files",
	} {
		add(name+" is a directory", func(w *world, root string) {
			must(w, os.RemoveAll(filepath.Join(root, at)))
			must(w, os.MkdirAll(filepath.Join(root, at, "x"), 0o755))
		})
		add(name+" is a FIFO", func(w *world, root string) {
			must(w, os.RemoveAll(filepath.Join(root, at)))
			must(w, os.MkdirAll(filepath.Dir(filepath.Join(root, at)), 0o755))
			must(w, unix.Mkfifo(filepath.Join(root, at), 0o644))
		})
	}
	add("/etc is a file", func(w *world, root string) {
		must(w, os.RemoveAll(root+"/etc"))
		must(w, os.WriteFile(root+"/etc", nil, 0o644))
	})
	add("the root is missing", func(w *world, root string) { must(w, os.RemoveAll(root)); w.between["umount"] = func() {} })
	for name, options := range map[string]string{"full": "size=32k", "without inodes": "nr_inodes=12", "very full": "size=24k"} {
		add("the root is "+name, func(w *world, root string) {
			must(w, os.Rename(root, root+".old"))
			must(w, os.Mkdir(root, 0o755))
			must(w, unix.Mount("none", root, "tmpfs", 0, options))
			w.t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
			must(w, exec.Command("cp", "-a", root+".old/.", root).Run())
		})
	}
	add("the root is read-only", func(w *world, root string) {
		must(w, unix.Mount(root, root, "", unix.MS_BIND, ""))
		must(w, unix.Mount("none", root, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, ""))
		w.t.Cleanup(func() { unix.Unmount(root, unix.MNT_DETACH) })
	})
	for i := range list { // the engine may repair odd journals, seals and keys
		list[i].harmless = strings.HasPrefix(list[i].name, "seal") || strings.HasPrefix(list[i].name, "journal") || list[i].name == "gshadow is a FIFO" || list[i].name == "drop-in is a FIFO"
	}
	return list
}

// badRuns has runs that end early, and changed files of /run.
func badRuns() []way {
	list := []way{}
	add := func(name string, do func(*world)) { list = append(list, way{name: name, world: do}) }
	for _, at := range []string{"/child", "/ca", "/file", "/gz", "/append"} {
		add("killed while it fetches "+at, func(w *world) {
			w.answers[at] = func(_ http.ResponseWriter, r *http.Request) { w.running.Process.Kill(); <-r.Context().Done() }
		})
		add("terminated while it fetches "+at, func(w *world) {
			w.answers[at] = func(_ http.ResponseWriter, r *http.Request) {
				w.running.Process.Signal(unix.SIGTERM)
				<-r.Context().Done()
			}
		})
	}
	add("a stack of all goroutines is asked for", func(w *world) {
		w.answers["/file"] = func(_ http.ResponseWriter, r *http.Request) {
			w.running.Process.Signal(unix.SIGQUIT)
			<-r.Context().Done()
		}
	})
	for _, stage := range []string{"disks", "files"} {
		add("the cache is gone before "+stage, func(w *world) { w.between[stage] = func() { os.Remove(filepath.Join(w.dir, "run/cache")) } })
		add("the cache is cut before "+stage, func(w *world) {
			w.between[stage] = func() { os.Truncate(filepath.Join(w.dir, "run/cache"), 900) }
		})
		add("the state is broken before "+stage, func(w *world) {
			w.between[stage] = func() {
				w.write("run/state", fill(`{"luksPersistKeyFiles": {"x": "data:,{{luksInline}}"`, w.all), 0o600)
			}
		})
		add("the state has another type before "+stage, func(w *world) {
			w.between[stage] = func() {
				w.write("run/state", fill(`{"luksPersistKeyFiles": ["data:,{{luksInline}}"]}`, w.all), 0o600)
			}
		})
		add("the origins are broken before "+stage, func(w *world) { w.between[stage] = func() { w.write("run/cache.origins", "{{", 0o600) } })
		add("the progress is broken before "+stage, func(w *world) { w.between[stage] = func() { w.write("run/progress.json", "{{", 0o600) } })
	}
	const url = "ignition.config.url=http://{{user}}:{{pass}}@127.0.0.1/"
	for name, text := range map[string]string{
		"url of nothing": url + "nowhere?{{query}}", "url that is none": "ignition.config.url={{user}}:{{pass}}@127.0.0.1/?{{query}}",
		"url of a bad port": "ignition.config.url=http://{{user}}:{{pass}}@127.0.0.1:99999/?{{query}}",
	} {
		add(name+" on the command line", func(w *world) { w.cmdline = fill("ignition.firstboot "+text, w.all) })
	}
	return list
}
