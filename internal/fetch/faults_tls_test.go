// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"crypto/tls"
	"io"
	"net"
	"time"
)

func tlsFaults() []fault {
	const hour = time.Hour
	f := func(name string, f fault) fault {
		f.name, f.url, f.trust, f.answers = name, target443, true, []answer{serve(body)}
		return f
	}
	unknown := f("unknown authority", fault{world: secured("host", -hour, hour), err: ErrTrust, text: "certificate signed by unknown authority", most: 1})
	unknown.trust = false
	clientCert := func(w *world, s *script) {
		config := ca(w).server("host", -hour, hour)
		config.ClientAuth = tls.RequireAnyClientCert
		w.http("host:443", config, s)
	}
	plainPort := func(w *world, s *script) {
		ca(w)
		w.http("host:443", nil, s)
	}
	mute := func(w *world, s *script) {
		a, n := ca(w), 0
		w.http("host:443", a.server("host", -hour, hour), s)
		speak := w.servers["host:443"]
		w.servers["host:443"] = func(c net.Conn) {
			if n++; n == 1 {
				io.Copy(io.Discard, c)
				return
			}
			speak(c)
		}
	}
	return []fault{
		unknown,
		f("trusted", fault{world: secured("host", -hour, hour), want: body}),
		f("expired", fault{world: secured("host", -3*hour, -2*hour), err: ErrTrust, text: "and the clock of this machine says 2000-01-01 00:00 UTC", most: 1}),
		f("not yet valid", fault{world: secured("host", hour, 2*hour), err: ErrTrust, text: "it is valid from 2000-01-01 01:00 UTC", most: 1}),
		f("another name", fault{world: secured("other", -hour, hour), err: ErrTrust, text: "certificate is valid for other, not host", most: 1}),
		// with TLS 1.3 the request may fail on the closed connection before the alert is read; the next attempt shows the
		// alert
		f("wants a certificate of the client", fault{world: clientCert, err: ErrFailed, text: `"certificate required"`}),
		f("no TLS at the port", fault{world: plainPort, text: "the server does not speak TLS at this port", least: 2 * time.Minute, most: 3 * time.Minute}),
		f("handshake stalls", fault{world: mute, want: body, least: handshakeTimeout, most: handshakeTimeout + time.Second, said: "TLS handshake timeout"}),
	}
}

func proxyFaults() []fault {
	const ok = "HTTP/1.1 200 OK\r\n\r\n"
	return []fault{
		proxied(fault{name: "proxy refuses connections", s: limited(5 * time.Second), err: ErrTimeout, text: "proxyconnect tcp: dial tcp: connect: connection refused"}),
		proxied(fault{name: "proxy forbids", err: ErrFailed, text: "the proxy proxy:3128 refused the connection: status 403 Forbidden", most: 1},
			"HTTP/1.1 403 Forbidden\r\n\r\n"),
		proxied(fault{name: "proxy wants a password", err: ErrFailed, text: "status 407 Proxy Authentication Required", most: 1},
			"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
		proxied(fault{name: "proxy cannot reach it", s: limited(5 * time.Second), err: ErrTimeout, text: "status 502 Bad Gateway"},
			"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
		proxied(fault{name: "proxy lies", text: "the server does not speak TLS at this port", least: 2 * time.Minute, most: 3 * time.Minute},
			ok+next+"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nwelcome"),
		proxied(fault{name: "proxy says yes and hangs up", s: limited(5 * time.Second), err: ErrTimeout, text: " attempts: "}, ok),
	}
}
