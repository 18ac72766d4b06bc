// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// proxyBehaviors has proxies that reject requests to a TLS server, and their credentials.
func proxyBehaviors() []behavior {
	const secretURL = "https://canaryuser:canarypass@host/config?token=canaryquery#canaryfragment"
	through := func(text string) func(*world) {
		return func(w *world) {
			w.servers["proxy:3128"] = func(c net.Conn) {
				defer c.Close()
				if !readRequest(c) {
					return
				}
				text, held := strings.CutSuffix(text, hold)
				io.WriteString(c, text)
				if held {
					io.Copy(io.Discard, c)
				}
			}
		}
	}
	var list []behavior
	add := func(name, text string, err error, most time.Duration) {
		list = append(list, behavior{
			name: name, url: secretURL, world: through(text), proxy: "http://canaryuser:canarypass@proxy:3128",
			total: 40 * time.Second, err: err, most: most,
		})
	}
	for _, code := range []int{201, 204, 301, 302, 304, 400, 401, 403, 404, 405, 407, 408, 410, 418, 425, 451} {
		add(fmt.Sprint(code), fmt.Sprintf("HTTP/1.1 %d %s\r\nLocation: http://%s/\r\nProxy-Authenticate: %s\r\nContent-Length: 9\r\n\r\n", code, echo, echo, echo)+hold,
			ErrFailed, 5*time.Second)
	}
	for _, code := range []int{429, 500, 501, 502, 503, 504, 511, 599} {
		add(fmt.Sprint(code), fmt.Sprintf("HTTP/1.1 %d %s\r\nX: %s\r\n\r\n%s", code, echo, echo, echo), ErrTimeout, 40*time.Second)
	}
	for name, text := range map[string]string{
		"hangs up":               "",
		"says nothing":           hold,
		"half a status line":     "HTTP/1.1 2" + hold,
		"half the headers":       "HTTP/1.1 200 OK\r\nX: " + echo + hold,
		"another protocol":       "SSH-2.0-" + echo + "\r\n",
		"a page instead of TLS":  "HTTP/1.1 200 OK\r\n\r\n<html>" + echo + hold,
		"silence instead of TLS": "HTTP/1.1 200 OK\r\n\r\n" + hold,
		"hangs up before TLS":    "HTTP/1.1 200 OK\r\n\r\n",
		"an alert instead":       "HTTP/1.1 200 OK\r\n\r\n\x15\x03\x03\x00\x02\x01\x00",
	} {
		add(name, text, ErrTimeout, 40*time.Second)
	}
	return list
}
