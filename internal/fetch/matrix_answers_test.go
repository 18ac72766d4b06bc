// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// statusBehaviors has every status with complete, missing and endless bodies.
func statusBehaviors() []behavior {
	var list []behavior
	codes := []int{101, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
		400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 425, 426, 428, 429, 431, 451,
		500, 501, 502, 503, 504, 505, 507, 508, 511, 599, 600, 999}
	for _, code := range codes {
		for kind, body := range map[string]string{
			"none":         "Content-Length: 0\r\n\r\n",
			"sent":         "Content-Length: 4\r\n\r\nbody",
			"never sent":   "Content-Length: 100\r\n\r\n" + hold,
			"half sent":    "Content-Length: 9000\r\n\r\nhalf" + hold,
			"never begun":  "Transfer-Encoding: chunked\r\n\r\n" + hold,
			"never closed": "\r\n" + hold,
		} {
			b := behavior{name: fmt.Sprintf("%d, body %s", code, kind), total: 40 * time.Second, most: 40 * time.Second,
				world: answering(fmt.Sprintf("HTTP/1.1 %d %s\r\nX-Echo: %s\r\n%s", code, echo, echo, body))}
			switch {
			case code == 200 && kind == "sent":
				b.want = "body"
			case code == 200 && kind == "none", code == 204:
			case code == 200:
				b.err = ErrTimeout
			case code == 404:
				b.err, b.most = ErrNotFound, 5*time.Second
			case code == 408 || code == 410 || code == 425 || code == 429 || code >= 500:
				b.err = ErrTimeout
			default:
				b.err, b.most = ErrFailed, 5*time.Second
			}
			if kind == "half sent" && b.most < b.total { // more than is worth waiting for
				b.most = time.Second
			}
			list = append(list, b)
		}
	}
	for kind, body := range map[string]string{"nothing": hold, "other protocol": "x" + hold, "nothing, then closed": ""} {
		list = append(list, behavior{
			name: "101, switched to " + kind, total: 40 * time.Second, err: ErrFailed, most: 5 * time.Second,
			world: answering("HTTP/1.1 101 " + echo + "\r\nConnection: Upgrade\r\nUpgrade: " + echo + "\r\n\r\n" + body),
		})
	}
	return list
}

// answerBehaviors has answers that are not valid HTTP.
func answerBehaviors() []behavior {
	const ok = "HTTP/1.1 200 OK\r\n"
	huge := strings.Repeat("x", 2<<20)
	final := map[string]string{
		"two lengths":             ok + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
		"two lengths, one echoed": ok + "Content-Length: 4\r\nContent-Length: " + echo + "\r\n\r\nbody",
		"length not a number":     ok + "Content-Length: " + echo + "\r\n\r\nbody",
		"negative length":         ok + "Content-Length: -1\r\n\r\nbody",
		"length too large":        ok + "Content-Length: 99999999999999999999\r\n\r\nbody",
		"header without a name":   ok + ": " + echo + "\r\n\r\nbody",
		"continued first header":  ok + " " + echo + ": y\r\n\r\nbody",
		"control in a name":       ok + "X-" + echo + "\x01: y\r\n\r\nbody",
		"unknown encoding":        ok + "Transfer-Encoding: " + echo + "\r\n\r\nbody",
		"two encodings":           ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: " + echo + "\r\n\r\n0\r\n\r\n",
		"announced bad trailer":   ok + "Trailer: Trailer\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"list of encodings":       ok + "Transfer-Encoding: gzip, " + echo + "\r\n\r\nbody",
	}
	again := map[string]string{
		"nothing":                    "",
		"another protocol":           "SSH-2.0-" + echo + "\r\n",
		"no status":                  "HTTP/1.1\r\n\r\n",
		"status not a number":        "HTTP/1.1 " + echo + "\r\n\r\n",
		"status of four digits":      "HTTP/1.1 2000 " + echo + "\r\n\r\n",
		"negative status":            "HTTP/1.1 -20 " + echo + "\r\n\r\n",
		"version not a number":       "HTTP/" + echo + " 200 OK\r\n\r\n",
		"half a status line":         "HTTP/1.1 200 " + echo,
		"half a header":              ok + "X-Echo: " + echo,
		"control characters":         "\x1b[2J" + echo + "\r\n\r\n",
		"TLS alert":                  "\x15\x03\x01\x00\x02\x02\x46" + echo,
		"HTTP/2":                     "\x00\x00\x12\x04\x00\x00\x00\x00\x00" + echo,
		"short body":                 ok + "Content-Length: 40\r\n\r\n" + echo[:10],
		"bad chunk":                  ok + "Transfer-Encoding: chunked\r\n\r\n" + echo + "\r\n",
		"chunk too long":             ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n" + echo,
		"negative chunk":             ok + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + echo,
		"chunk longer than its size": ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n" + echo + "\r\n0\r\n\r\n",
		"chunks without an end":      ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nxx\r\n",
		"half a chunk":               ok + "Transfer-Encoding: chunked\r\n\r\n40\r\n" + echo[:10],
		"header without a colon":     ok + echo + "\r\n\r\nbody",
		"bad trailer":                ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + echo + "\r\n\r\n",
	}
	var list []behavior
	for name, text := range final {
		list = append(list, behavior{name: name, world: answering(text), err: ErrFailed, most: 5 * time.Second})
	}
	for name, text := range again {
		list = append(list, behavior{name: name, world: answering(text), total: 20 * time.Second, err: ErrTimeout, most: 20 * time.Second})
	}
	for name, text := range map[string]string{
		"endless informational":  strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+echo+"\r\n\r\n", 20000),
		"headers of 2 MB":        ok + "X-Long: " + huge + "\r\n\r\n",
		"a thousand headers":     ok + strings.Repeat("X-"+echo+": "+huge[:2000]+"\r\n", 1000) + "\r\n",
		"status line of 2 MB":    "HTTP/1.1 200 " + echo + huge + "\r\n\r\n",
		"payload over the limit": ok + "\r\n" + huge,
	} {
		list = append(list, behavior{name: name, world: answering(text), err: ErrTooLarge, most: 5 * time.Second})
	}
	for name, text := range map[string]string{
		"equal lengths":            ok + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",
		"more than announced":      ok + "Content-Length: 4\r\n\r\nbody" + echo,
		"old protocol":             "HTTP/1.0 200 OK\r\n\r\nbody",
		"encoding and a length":    ok + "Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
		"informational answers":    strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: "+echo+"\r\n\r\n", 4) + ok + "Content-Length: 4\r\n\r\nbody",
		"header name with a space": ok + echo + " x: y\r\n\r\nbody",
		"line feeds only":          "HTTP/1.1 200 OK\nContent-Length: 4\n\nbody",
		"echo in every header":     ok + "ETag: \"" + echo + "\"\r\nLast-Modified: " + echo + "\r\nContent-Type: " + echo + "\r\nContent-Range: " + echo + "\r\nRetry-After: " + echo + "\r\nSet-Cookie: " + echo + "\r\nContent-Length: 4\r\n\r\nbody",
		"encoded without asking":   ok + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbody",
	} {
		list = append(list, behavior{name: name, world: answering(text), want: "body", most: 5 * time.Second})
	}
	return list
}

// redirectBehaviors has the targets of redirects.
func redirectBehaviors() []behavior {
	var list []behavior
	for name, location := range map[string]string{
		"malformed":             "http://[" + echo,
		"malformed escape":      "http://other/%zz" + echo,
		"control character":     "http://other/\x01" + echo,
		"no host":               "http:///" + echo,
		"opaque":                "http:" + echo,
		"opaque with secrets":   "http:canaryuser:canarypass@host",
		"port too large":        "http://other:99999/" + echo,
		"port not a number":     "http://other:" + echo + "/",
		"port 0":                "http://other:0/" + echo,
		"another scheme":        "ftp://other/" + echo,
		"a scheme that is echo": "canaryuser:canarypass@host",
		"file":                  "file:///etc/" + echo,
		"data":                  "data:," + echo,
		"script":                "javascript:" + echo,
		"for ever":              "http://host/?" + echo,
		"itself":                "#" + echo,
	} {
		for _, code := range []int{301, 302, 303, 307, 308} {
			text := fmt.Sprintf("HTTP/1.1 %d %s\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", code, echo, location)
			list = append(list, behavior{name: fmt.Sprintf("%d %s", code, name), world: answering(text), err: ErrFailed, most: 5 * time.Second})
		}
	}
	for name, location := range map[string]string{
		"unknown host that is echo": "http://" + echo + "/",
		"unknown port":              "http://host:1/" + echo,
		"no TLS":                    "https://" + strings.ToLower(echo) + "/",
	} {
		text := "HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nContent-Length: 4\r\n\r\nbody"
		list = append(list, behavior{name: name, world: answering(text), total: 20 * time.Second, err: ErrTimeout, most: 20 * time.Second})
	}
	for name, rest := range map[string]string{
		"body that does not come": "Content-Length: 100\r\n\r\n" + hold,
		"body that does not end":  "Transfer-Encoding: chunked\r\n\r\n" + hold,
		"long body":               "Content-Length: 9000\r\n\r\n" + hold,
		"relative, with secrets":  "Content-Length: 0\r\n\r\n",
	} {
		first := answering("HTTP/1.1 302 Found\r\nLocation: //other/" + echo + "?" + echo + "\r\n" + rest)
		list = append(list, behavior{name: "followed, " + name, want: body, most: 5 * time.Second, world: func(w *world) {
			first(w)
			w.http("other:80", nil, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				for name, values := range r.Header {
					if strings.Contains(strings.ToLower(name+values[0]), "canary") {
						rw.WriteHeader(http.StatusTeapot) // the redirect leaked a secret
					}
				}
				if r.Header.Get("Accept") == "" {
					rw.WriteHeader(http.StatusNotAcceptable)
				}
				io.WriteString(rw, body)
			}))
		}})
	}
	return list
}

// requestBehaviors has requests that no server could answer.
func requestBehaviors() []behavior {
	nobody := func(w *world) {
		w.servers["host:80"] = func(c net.Conn) { c.Close(); w.t.Error("a malformed request was sent") }
	}
	value := func(s string) *string { return &s }
	var list []behavior
	for name, url := range map[string]string{
		"no host":              "http:///canaryquery",
		"opaque":               "http:canaryuser:canarypass@host",
		"opaque, TLS":          "https:canaryuser:canarypass@host/?canaryquery",
		"user and no host":     "http://canaryuser:canarypass@/",
		"port too large":       "http://canaryuser:canarypass@host:99999/",
		"port 0":               "http://canaryuser:canarypass@host:0/",
		"port not a number":    "http://host:canarypass/",
		"brackets":             "http://canaryuser:canarypass@[host/",
		"bad escape":           "http://canaryuser:canarypass@host/%zz",
		"control character":    "http://canaryuser:canarypass@host/\n",
		"tftp without a host":  "tftp:///canaryquery",
		"tftp, bad port":       "tftp://canaryuser@host:99999/file",
		"s3 without a key":     "s3://canaryuser:canarypass@bucket",
		"gs without an object": "gs://canaryuser:canarypass@bucket",
		"data undecodable":     "data:;base64,canaryvalue!",
	} {
		list = append(list, behavior{name: name, url: url, world: nobody, err: ErrURL, most: time.Second})
	}
	for name, url := range map[string]string{
		"no scheme":         "canaryuser/canarypass",
		"user as scheme":    "canaryuser:canarypass@host",
		"no scheme, a host": "//canaryuser:canarypass@host/",
		"another scheme":    "ftp://canaryuser:canarypass@host/",
	} {
		list = append(list, behavior{name: name, url: url, world: nobody, err: ErrScheme, most: time.Second})
	}
	for name, h := range map[string]Header{
		"header name with a space":   {Name: "Canaryname x", Value: value("canaryvalue")},
		"header name with a colon":   {Name: "X: Canaryname", Value: value("canaryvalue")},
		"header name with a newline": {Name: "X\r\nCanaryname", Value: value("canaryvalue")},
		"empty header name":          {Name: "", Value: value("canaryvalue")},
		"header name not ASCII":      {Name: "Canarynämé", Value: value("canaryvalue")},
		"value with a newline":       {Name: "Canaryname", Value: value("canary\r\nX: canaryvalue")},
		"value with NUL":             {Name: "Canaryname", Value: value("canaryvalue\x00")},
		"empty value":                {Name: "Canaryname", Value: value("")},
		"no value":                   {Name: "Canaryname"},
	} {
		list = append(list, behavior{name: name, headers: []Header{h}, world: nobody, err: ErrHeader, most: time.Second})
	}
	for name, hash := range map[string]string{
		"hash of another function": "canaryvalue-00", "hash without a function": "canaryvalue", "short hash": "sha512-canaryvalue",
		"hash not hexadecimal": "sha256-" + strings.Repeat("canaryvalue", 6)[:64],
	} {
		list = append(list, behavior{name: name, hash: hash, world: nobody, err: ErrBadHash, most: time.Second})
	}
	return list
}

// silenceBehaviors has servers that stop in the middle of an exchange, and succeed the second time.
func silenceBehaviors() []behavior {
	good := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	mute := func(c net.Conn) { io.Copy(io.Discard, c) }
	deaf := func(net.Conn) {} // the connection stays open; see below
	says := func(text string) func(net.Conn) {
		return func(c net.Conn) {
			readRequest(c)
			io.WriteString(c, text)
			mute(c)
		}
	}
	var list []behavior
	for name, first := range map[string]func(net.Conn){
		"accepts and says nothing":    mute,
		"half a status line":          says("HTTP/1.1 2"),
		"half the headers":            says("HTTP/1.1 200 OK\r\nContent-Le"),
		"informational answer only":   says("HTTP/1.1 103 Early Hints\r\n\r\n"),
		"headers only":                says("HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n"),
		"a part of the body":          says("HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n\r\n" + body[:5000]),
		"a part of a chunk":           says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1f40\r\n" + body[:5000]),
		"chunks without an end":       says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n"),
		"a busy answer without body":  says("HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\n"),
		"does not read":               deaf,
		"reads a byte":                func(c net.Conn) { c.Read(make([]byte, 1)); deaf(c) },
		"hangs up without reading":    func(c net.Conn) { c.Close() },
		"hangs up after the request":  func(c net.Conn) { readRequest(c); c.Close() },
		"hangs up within the headers": func(c net.Conn) { readRequest(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nX"); c.Close() },
	} {
		list = append(list, behavior{name: name, want: body, most: 40 * time.Second, world: func(w *world) {
			calls := 0
			w.servers["host:80"] = func(c net.Conn) {
				w.mu.Lock()
				calls++
				now := calls
				w.mu.Unlock()
				if strings.HasSuffix(name, "read") || name == "reads a byte" {
					w.close = append(w.close, func() { c.Close() })
				} else {
					defer c.Close()
				}
				if now == 1 {
					first(c)
				} else if readRequest(c) {
					io.WriteString(c, good)
				}
			}
		}})
	}
	return list
}
