// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// config is the user data of all clouds in these tests.
const config = `{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/found"}]}}`

// A cloud is a platform whose config comes over HTTP.
type cloud struct {
	id       string
	hosts    []string // addresses of its service
	requests []string // all requests of a boot that finds the config
	item     string   // the path of the user data
	token    string   // the path of the token, if there is one
	base64   bool     // the service encodes it in base64
	absent   bool     // 404 means that there is no config
	retry404 bool     // 404 and 410 are retried
}

const link = "169.254.169.254"

var clouds = []cloud{
	{
		id: "akamai", item: "/v1/user-data", token: "/v1/token", base64: true,
		requests: []string{
			"PUT 169.254.169.254/v1/token Accept: text/plain; Content-Length: 0; Metadata-Token-Expiry-Seconds: 300",
			"GET 169.254.169.254/v1/user-data Accept: */*; Metadata-Token: the token",
		},
	},
	{
		id: "aliyun", item: "/latest/user-data", hosts: []string{"100.100.100.200"}, absent: true,
		requests: []string{"GET 100.100.100.200/latest/user-data"},
	},
	{
		id: "aws", item: "/2019-10-01/user-data", token: "/latest/api/token", absent: true,
		requests: []string{
			"PUT 169.254.169.254/latest/api/token Content-Length: 0; X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600",
			"GET 169.254.169.254/2019-10-01/user-data X-Aws-Ec2-Metadata-Token: the token",
		},
	},
	{
		id: "azure", item: "/metadata/instance/compute/userData", base64: true, retry404: true,
		requests: []string{"GET 169.254.169.254/metadata/instance/compute/userData?api-version=2021-01-01&format=text Metadata: true"},
	},
	{id: "digitalocean", item: "/metadata/v1/user-data", requests: []string{"GET 169.254.169.254/metadata/v1/user-data"}},
	{id: "exoscale", item: "/1.0/user-data", absent: true, requests: []string{"GET 169.254.169.254/1.0/user-data"}},
	{
		id: "gcp", item: "/computeMetadata/v1/instance/attributes/user-data", absent: true,
		requests: []string{"GET 169.254.169.254/computeMetadata/v1/instance/attributes/user-data Metadata-Flavor: Google"},
	},
	{id: "hetzner", item: "/hetzner/v1/userdata", absent: true, requests: []string{"GET 169.254.169.254/hetzner/v1/userdata"}},
	{
		id: "oraclecloud", item: "/opc/v2/instance/metadata/user_data", absent: true, base64: true,
		requests: []string{"GET 169.254.169.254/opc/v2/instance/metadata/user_data Authorization: Bearer Oracle"},
	},
	{
		id: "scaleway", item: "/user_data/cloud-init", hosts: []string{"169.254.42.42"}, absent: true,
		requests: []string{"GET 169.254.42.42/user_data/cloud-init"},
	},
	{id: "upcloud", item: "/metadata/v1/user_data", absent: true, requests: []string{"GET 169.254.169.254/metadata/v1/user_data"}},
	{id: "vultr", item: "/user-data/user-data", absent: true, requests: []string{"GET 169.254.169.254/user-data/user-data"}},
}

func (c cloud) encode(text string) string {
	if c.base64 {
		return base64.StdEncoding.EncodeToString([]byte(text))
	}
	return text
}

// at returns the addresses of a cloud's service.
func (c cloud) at() []string {
	if c.hosts != nil {
		return c.hosts
	}
	return []string{link}
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

// An outcome is the expected result of the stage.
type outcome struct {
	code  int
	found bool   // the config is in the cache
	empty bool   // the cache has an empty config
	log   string // a part of the log
}

// cases returns the cases of every cloud. The user data is the body of the first reply that has one.
func (c cloud) cases() map[string]struct {
	user func(n int) reply
	want outcome
} {
	absent := outcome{code: 1, log: "not found: status 404"}
	if c.absent {
		absent = outcome{empty: true, log: "not found: status 404"}
	}
	gone := outcome{code: 1, log: "status 410 Gone"}
	if c.retry404 {
		absent, gone = outcome{code: 1, log: "gave up after"}, outcome{code: 1, log: "gave up after"}
	}
	return map[string]struct {
		user func(n int) reply
		want outcome
	}{
		"found":     {func(int) reply { return reply{body: c.encode(config)} }, outcome{found: true}},
		"absent":    {func(int) reply { return reply{status: 404, body: "no such item"} }, absent},
		"gone":      {func(int) reply { return reply{status: 410} }, gone},
		"forbidden": {func(int) reply { return reply{status: 403} }, outcome{code: 1, log: "status 403 Forbidden"}},
		"error": {func(n int) reply {
			if n < 3 {
				return reply{status: 500, body: "try later"}
			}
			return reply{body: c.encode(config)}
		}, outcome{found: true, log: "attempt #3"}},
		"slow first byte": {func(int) reply { return reply{body: c.encode(config), wait: 700 * time.Millisecond} }, outcome{found: true}},
		"broken body":     {func(n int) reply { return reply{body: c.encode(config), cut: n == 1} }, outcome{found: true, log: "breaks off"}},
		"garbage":         {func(int) reply { return reply{body: c.encode("\x01\x02 garbage")} }, outcome{code: 1, log: "Ignition failed"}},
		"gzip":            {func(int) reply { return reply{body: c.encode(packed(config))} }, outcome{found: true}},
	}
}

func TestClouds(t *testing.T) {
	for _, c := range clouds {
		t.Run(c.id, func(t *testing.T) {
			for name, k := range c.cases() {
				t.Run(name, func(t *testing.T) {
					s := c.serve(t, k.user)
					limit := "20s"
					if k.want.log == "gave up after" {
						limit = "1s"
					}
					r := engine(t, t.TempDir(), c.id, "fetch", nil, "-fetch-timeout", limit)
					k.want.check(t, r)
					if name == "found" {
						if diff := cmp.Diff(c.requests, s.asked()); diff != "" {
							t.Errorf("requests (-contract +asked):\n%s", diff)
						}
					}
				})
			}
			t.Run("empty", func(t *testing.T) {
				if c.id == "azure" {
					return // goes on to the disc: TestAzure
				}
				c.serve(t, func(int) reply { return reply{} })
				outcome{empty: true, log: "it is empty"}.check(t, engine(t, t.TempDir(), c.id, "fetch", nil))
			})
			t.Run("offline", func(t *testing.T) {
				s := c.serve(t, func(int) reply { return reply{body: c.encode(config)} })
				r := engine(t, t.TempDir(), c.id, "fetch-offline", nil)
				if r.code != 0 || !r.net || r.cache != "" {
					t.Errorf("code %d, network wanted %v, cache %q\n%s", r.code, r.net, r.cache, r.log)
				}
				if asked := s.asked(); len(asked) > 0 {
					t.Errorf("asked %v offline", asked)
				}
			})
		})
	}
}

// serve answers as the service of the cloud.
func (c cloud) serve(t *testing.T, user func(n int) reply) *service {
	return serve(t, func(n int, r *http.Request) reply {
		switch {
		case c.token != "" && r.URL.Path == c.token && r.Method == http.MethodPut:
			return reply{body: "the token"}
		case r.URL.Path == c.item && r.Method == http.MethodGet:
			return user(n)
		}
		return reply{status: 400}
	}, c.at()...)
}

// check compares the result of a stage with the expected one.
func (o outcome) check(t *testing.T, r run) {
	t.Helper()
	if r.code != o.code || strings.Contains(r.cache, "/etc/found") != o.found || (r.cache != "") != (o.found || o.empty) || !strings.Contains(r.log, o.log) {
		t.Errorf("code %d, cache %q; want %+v\n%s", r.code, r.cache, o, r.log)
	}
	if o.empty && !strings.Contains(r.log, "no config was found") {
		t.Errorf("the log does not list the places that were asked\n%s", r.log)
	}
}

// TestSessions covers tokens: a service without sessions, a rejected token, and that a redirect does not see the token.
func TestSessions(t *testing.T) {
	for _, k := range []struct {
		name     string
		id       string
		token    reply
		want     outcome
		requests int
	}{
		{"aws without sessions", "aws", reply{status: 404}, outcome{found: true}, 2},
		{"aws refuses", "aws", reply{status: 403}, outcome{code: 1, log: "get a token: status 403 Forbidden"}, 1},
		{"aws redirects", "aws", reply{status: 307, header: []string{"Location", "http://192.0.2.1/"}}, outcome{code: 1, log: "status 307"}, 1},
		{"akamai has no token", "akamai", reply{status: 404}, outcome{code: 1, log: "get a token: not found"}, 1},
		{"akamai sends an empty token", "akamai", reply{body: " \n"}, outcome{code: 1, log: "the answer is empty"}, 1},
	} {
		t.Run(k.name, func(t *testing.T) {
			c := clouds[slices.IndexFunc(clouds, func(c cloud) bool { return c.id == k.id })]
			s := serve(t, func(_ int, r *http.Request) reply {
				if r.Method == http.MethodPut {
					return k.token
				}
				return reply{body: c.encode(config)}
			}, link)
			elsewhere := serve(t, func(int, *http.Request) reply { return reply{body: "stolen"} }, "192.0.2.1")
			k.want.check(t, engine(t, t.TempDir(), k.id, "fetch", nil, "-fetch-timeout", "3s"))
			if got := s.asked(); len(got) != k.requests {
				t.Errorf("requests %q, want %d", got, k.requests)
			}
			if got := elsewhere.asked(); len(got) > 0 {
				t.Errorf("a redirect of the token was followed: %q", got)
			}
		})
	}
}

// TestBothHosts: if no host of a service answers, the list of places names all of them.
func TestBothHosts(t *testing.T) {
	r := engine(t, t.TempDir(), "scaleway", "fetch", nil, "-fetch-timeout", "1s")
	const both = "http://169.254.42.42/user_data/cloud-init and http://[fd00:42::42]/user_data/cloud-init: "
	if r.code != 1 || !strings.Contains(r.log, both) {
		t.Errorf("code %d; the log does not name both hosts\n%s", r.code, r.log)
	}
}

// TestOneToken: a later stage that needs the machine's role asks with the token of the stage that fetched the config.
func TestOneToken(t *testing.T) {
	const stored = `{"ignition":{"version":"3.4.0","timeouts":{"httpTotal":1}},"storage":{"files":[{"path":"/x","contents":{"source":"s3://bucket/key"}}]}}`
	s := serve(t, func(_ int, r *http.Request) reply {
		switch {
		case r.Method == http.MethodPut:
			return reply{body: "the token"}
		case strings.Contains(r.URL.Path, "user-data"):
			return reply{body: stored}
		}
		return reply{status: 404}
	}, link)
	dir := t.TempDir()
	if r := engine(t, dir, "aws", "fetch", nil); r.code != 0 {
		t.Fatal(r.log)
	}
	before := len(s.asked())
	r := engine(t, dir, "aws", "files", nil)
	later := s.asked()[before:]
	if r.code == 0 || !slices.ContainsFunc(later, func(q string) bool { return strings.Contains(q, "security-credentials") }) {
		t.Errorf("the files stage did not ask for the role: %q\n%s", later, r.log)
	}
	if slices.ContainsFunc(later, func(q string) bool { return strings.HasPrefix(q, "PUT") }) {
		t.Errorf("a later stage opened a session of its own: %q", later)
	}
}

// TestRedirect checks that the target of a redirect sees neither token nor headers of the cloud.
func TestRedirect(t *testing.T) {
	serve(t, func(_ int, r *http.Request) reply {
		if r.Method == http.MethodPut {
			return reply{body: "the token"}
		}
		return reply{status: 302, header: []string{"Location", "http://192.0.2.1/config"}}
	}, link)
	elsewhere := serve(t, func(int, *http.Request) reply { return reply{body: config} }, "192.0.2.1")
	outcome{found: true}.check(t, engine(t, t.TempDir(), "aws", "fetch", nil))
	if diff := cmp.Diff([]string{"GET 192.0.2.1/config without Accept"}, elsewhere.asked()); diff != "" {
		t.Error(diff)
	}
}

// TestNoProxy checks that metadata requests never use a proxy, even if the kernel command line names one.
func TestNoProxy(t *testing.T) {
	serve(t, func(int, *http.Request) reply { return reply{body: config} }, link)
	proxy := serve(t, func(int, *http.Request) reply { return reply{status: 502} }, "192.0.2.1")
	dir := t.TempDir()
	write(t, dir+"/cmdline", "ignition.firstboot firstlight.config.proxy=http://192.0.2.1:80")
	outcome{found: true}.check(t, engine(t, dir, "hetzner", "fetch", []string{"HTTP_PROXY=http://192.0.2.1:80", "http_proxy=http://192.0.2.1:80"}))
	if got := proxy.asked(); len(got) > 0 {
		t.Errorf("the proxy was asked: %q", got)
	}
}

// TestGoogleLibrary checks that it is Google's library which asks for gcp: it alone knows the variable that names another host.
func TestGoogleLibrary(t *testing.T) {
	s := serve(t, func(int, *http.Request) reply { return reply{body: config} }, "192.0.2.1")
	outcome{found: true}.check(t, engine(t, t.TempDir(), "gcp", "fetch", []string{"GCE_METADATA_HOST=192.0.2.1"}))
	want := []string{"GET 192.0.2.1/computeMetadata/v1/instance/attributes/user-data Metadata-Flavor: Google"}
	if diff := cmp.Diff(want, s.asked()); diff != "" {
		t.Errorf("requests (-wanted +asked):\n%s", diff)
	}
}

// TestIPv6 runs the platforms whose services also answer over IPv6, on machines without IPv4.
func TestIPv6(t *testing.T) {
	for id, host := range map[string]string{
		"akamai": "[fd00:a9fe:a9fe::1]", "aws": "[fd00:ec2::254]", "gcp": "[fd20:ce::254]", "oraclecloud": "[fd00:c1::a9fe:a9fe]",
		"scaleway": "[fd00:42::42]", "openstack": "[fe80::a9fe:a9fe%cloud0]", "brightbox": "[fe80::a9fe:a9fe%cloud0]",
	} {
		t.Run(id, func(t *testing.T) {
			c := cloud{id: id, item: "/openstack/latest/user_data"}
			if i := slices.IndexFunc(clouds, func(c cloud) bool { return c.id == id }); i >= 0 {
				c = clouds[i]
			}
			c.hosts = []string{host}
			began := time.Now()
			c.serve(t, func(int) reply { return reply{body: c.encode(config)} })
			outcome{found: true}.check(t, engine(t, t.TempDir(), id, "fetch", nil))
			t.Logf("%s: config in hand after %s", id, time.Since(began).Round(time.Millisecond))
		})
	}
}

// TestLowPort checks that requests to scaleway come from a different port below 1024 each time, and other requests do not.
func TestLowPort(t *testing.T) {
	var ports []string
	s := serve(t, func(n int, r *http.Request) reply {
		ports = append(ports, r.RemoteAddr[strings.LastIndex(r.RemoteAddr, ":")+1:])
		if n < 4 {
			return reply{status: 503, body: "soon"}
		}
		return reply{body: `{"ignition":{"version":"3.4.0","config":{"merge":[{"source":"http://192.0.2.1/more"}]}}}`}
	}, "169.254.42.42")
	var other []string
	serve(t, func(_ int, r *http.Request) reply {
		other = append(other, r.RemoteAddr[strings.LastIndex(r.RemoteAddr, ":")+1:])
		return reply{body: config}
	}, "192.0.2.1")
	outcome{found: true}.check(t, engine(t, t.TempDir(), "scaleway", "fetch", nil))
	if len(s.asked()) != 4 || len(other) != 1 {
		t.Fatalf("requests from %v and %v", ports, other)
	}
	for _, p := range ports {
		if len(p) > 4 || len(p) == 4 && p > "1022" {
			t.Errorf("asked from port %s", p)
		}
	}
	if len(other[0]) < 5 && other[0] < "1024" {
		t.Errorf("a merged config was asked for from port %s", other[0])
	}
}

// TestPacket covers the platform whose service is on the internet and takes reports of each stage.
func TestPacket(t *testing.T) {
	hosts := t.TempDir() + "/hosts"
	write(t, hosts, "192.0.2.1 metadata.packet.net\n")
	if out, err := exec.Command("mount", "--bind", hosts, "/etc/hosts").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "/etc/hosts").Run() })
	c := cloud{id: "packet", item: "/userdata"}
	for name, k := range c.cases() {
		if name == "gone" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			s, ca := serveTLS(t, func(n int, r *http.Request) reply {
				switch r.URL.Path {
				case "/userdata":
					return k.user(n)
				case "/metadata":
					return reply{body: `{"id":"x","phone_home_url":"http://192.0.2.1/phone/secret/phone-home"}`}
				}
				return reply{status: 400}
			}, "metadata.packet.net", "192.0.2.1")
			events := serve(t, func(int, *http.Request) reply { return reply{} }, "192.0.2.1")
			dir := t.TempDir()
			write(t, dir+"/ca.pem", string(ca))
			env := []string{"SSL_CERT_FILE=" + dir + "/ca.pem"}
			if r := engine(t, dir, "packet", "fetch-offline", env); !r.net || len(s.asked()) > 0 || len(events.asked()) > 0 {
				t.Errorf("offline: network wanted %v, asked %q, posted %q", r.net, s.asked(), events.asked())
			}
			r := engine(t, dir, "packet", "fetch", env, "-fetch-timeout", "20s")
			k.want.check(t, r)
			state := "running"
			if k.want.code != 0 {
				state = "failed"
			}
			posted := events.asked()
			if len(posted) != 1 || !strings.Contains(posted[0], "POST 192.0.2.1/phone/secret/events") ||
				!strings.Contains(posted[0], "Content-Type: application/json") || !strings.Contains(posted[0], `{"state":"`+state+`","message":"[fetch] `) {
				t.Errorf("posted %q", posted)
			}
			if name == "found" {
				want := []string{"GET metadata.packet.net/userdata Accept: */*", "GET metadata.packet.net/metadata Accept: */*"}
				if diff := cmp.Diff(want, s.asked()); diff != "" {
					t.Error(diff)
				}
			}
			if strings.Contains(r.log, "secret") {
				t.Errorf("the log shows the URL that is posted to\n%s", r.log)
			}
		})
	}
}

// TestFirstAnswer measures how long the config takes from a service that answers at once.
func TestFirstAnswer(t *testing.T) {
	serve(t, func(int, *http.Request) reply { return reply{body: config, wait: time.Millisecond} }, link)
	began := time.Now()
	outcome{found: true}.check(t, engine(t, t.TempDir(), "hetzner", "fetch", nil))
	t.Logf("server that answers in 1 ms: config in hand after %s", time.Since(began).Round(time.Millisecond))
}

// TestLateService measures how long the config takes from a service that comes up late.
func TestLateService(t *testing.T) {
	late := 3 * time.Second
	if os.Getenv("FIRSTLIGHT_FIGURES") != "" {
		late = 30 * time.Second
	}
	began := time.Now()
	done := make(chan run)
	go func() { done <- engine(t, t.TempDir(), "hetzner", "fetch", nil) }()
	time.Sleep(late)
	serve(t, func(int, *http.Request) reply { return reply{body: config} }, link)
	outcome{found: true}.check(t, <-done)
	t.Logf("server that comes up after %s: config in hand %s later", late, (time.Since(began) - late).Round(time.Millisecond))
}

// TestWholeBoot runs all stages of a boot. Only one of them may ask the metadata service.
func TestWholeBoot(t *testing.T) {
	for _, c := range clouds {
		t.Run(c.id, func(t *testing.T) {
			s := c.serve(t, func(int) reply { return reply{body: c.encode(config)} })
			dir := t.TempDir()
			if err := os.Mkdir(dir+"/root", 0o755); err != nil {
				t.Fatal(err)
			}
			for _, stage := range []string{"fetch-offline", "fetch", "kargs", "disks", "mount", "files", "umount"} {
				if r := engine(t, dir, c.id, stage, nil, "-root", dir+"/root"); r.code != 0 {
					t.Fatalf("stage %s: code %d\n%s", stage, r.code, r.log)
				}
			}
			if _, err := os.Stat(dir + "/root/etc/found"); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(c.requests, s.asked()); diff != "" {
				t.Errorf("requests of a whole boot (-contract +asked):\n%s", diff)
			}
			t.Logf("%s: %d requests in a whole boot", c.id, len(s.asked()))
		})
	}
}
