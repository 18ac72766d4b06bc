// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

type timeout struct{}

func (timeout) Error() string   { return "s3cret" }
func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

// TestTransport checks the class of each error of a connection, and that its text is ours.
func TestTransport(t *testing.T) {
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}, Err: err}
	}
	refused := dial(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	unknown := dial(&net.DNSError{Err: "no such host", Name: "s3cret", IsNotFound: true})
	for _, c := range []struct {
		name  string
		err   error
		named bool
		class Class
		text  string
	}{
		{"refused", refused, true, ClassConnect, "dial tcp 192.0.2.1:80: connect: connection refused"},
		{"refused after a redirect", refused, false, ClassConnect, "dial tcp: connect: connection refused"},
		{"refused by a proxy", &net.OpError{Op: "proxyconnect", Net: "tcp", Err: refused}, true, ClassConnect,
			"proxyconnect tcp: dial tcp 192.0.2.1:80: connect: connection refused"},
		{"unreachable", dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), true, ClassRoute, "dial tcp 192.0.2.1:80: connect: no route to host"},
		{"no answer to a dial", dial(timeout{}), true, ClassConnect, "dial tcp 192.0.2.1:80: i/o timeout"},
		{"unknown after a redirect", unknown, false, ClassResolve, "dial tcp: no such host"},
		{"no name server", dial(&net.DNSError{Err: "s3cret", Name: "s3cret"}), false, ClassResolve, "dial tcp: no name server answers"},
		{"reset", &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true, ClassSilent, "read tcp: read: connection reset by peer"},
		{"end", io.EOF, true, ClassSilent, "the server closed the connection"},
		{"end within URL", &url.Error{Op: "Get", URL: "http://s3cret/", Err: io.ErrUnexpectedEOF}, true, ClassSilent, "unexpected EOF"},
		{"wrapped", fmt.Errorf("s3cret: %w", io.EOF), true, ClassSilent, "the server closed the connection"},
		{"headers late", errors.New("net/http: timeout awaiting response headers"), true, ClassSilent, "timeout awaiting response headers"},
		{"handshake late", errors.New("net/http: TLS handshake timeout"), true, ClassHandshake, "TLS handshake timeout"},
		{"no agreement", errors.New("tls: server selected unsupported protocol version 301"), true, ClassHandshake, "tls: server selected unsupported protocol version 301"},
		{"not HTTP", errors.New(`malformed HTTP response "s3cret"`), true, ClassGarbled, "malformed HTTP response"},
		{"deadline", context.DeadlineExceeded, true, ClassSilent, "context deadline exceeded"},
		{"unknown", errors.New("s3cret"), true, ClassSilent, "the connection failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f *Failure
			err := Transport(c.err, c.named)
			if !errors.As(err, &f) || f.Class != c.class || err.Error() != c.text {
				t.Errorf("got %#v %q; want class %d, %q", err, err, c.class, c.text)
			}
		})
	}
	for _, text := range []string{"http: message cannot contain multiple Content-Length headers; got [s3cret]", `bad Content-Length "s3cret"`,
		`unsupported transfer encoding: "s3cret"`, `malformed MIME header line: "s3cret: x"`} {
		err := Transport(errors.New(text), true)
		if !errors.Is(err, ErrAnswer) || Temporary(err) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want a final error without what the server sent", text, err)
		}
	}
}

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"plain": "plain", "a\x1b[2J\nb": "a?[2J?b", "\xff": "?", "ä": "ä", strings.Repeat("ä", 150): strings.Repeat("ä", 100) + "…",
		"x" + strings.Repeat("ä", 150): "x" + strings.Repeat("ä", 99) + "…",
	} {
		if got := Printable(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
