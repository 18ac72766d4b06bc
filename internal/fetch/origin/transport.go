// SPDX-License-Identifier: Apache-2.0

package origin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// Transport classifies the error of a request without an answer, and returns it with a text of our own: net/http's errors
// quote the server, which may echo credentials. named is whether the config names the server; the address of any other
// server, after a redirect, stays out of the error.
func Transport(err error, named bool) error {
	var outer *url.Error // contains the unredacted URL
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var known *Failure
	if errors.As(err, &known) {
		return known
	}
	if flaw := flawOf(err); flaw != nil {
		return flaw
	}
	if failure := secure(err, named); failure != nil {
		return failure
	}
	return &Failure{Class: TransportClass(err), Err: Words(err, named)}
}

// answerFlaws lists the errors of net/http about answers that are not valid HTTP. They have no types.
var answerFlaws = []struct {
	text  string // part of the error's text
	class Class
	words string
}{
	{"malformed HTTP", ClassGarbled, "malformed HTTP response"},
	{"multiple Content-Length", ClassFinal, "several Content-Length headers"},
	{"Content-Length", ClassFinal, "an invalid Content-Length header"},
	{"transfer encoding", ClassFinal, "an unknown transfer encoding"},
	{"railer", ClassFinal, "an invalid trailer"},
	{"malformed MIME header: missing colon", ClassGarbled, "malformed response header"}, // the answer may be truncated
	{"malformed MIME header", ClassFinal, "a malformed header"},
}

func flawOf(err error) error {
	text := err.Error()
	if strings.Contains(text, "response headers exceeded") || strings.Contains(text, "header line too long") {
		return fmt.Errorf("%w: the response headers are longer than the limit", ErrTooLarge)
	}
	for _, f := range answerFlaws {
		switch {
		case !strings.Contains(text, f.text):
		case f.class == ClassFinal:
			return fmt.Errorf("%w: %s", ErrAnswer, f.words)
		default:
			return &Failure{Class: f.class, Err: errors.New(f.words)}
		}
	}
	return nil
}

// TransportClass returns the class of an error of a connection.
func TransportClass(err error) Class {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return ClassResolve
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN),
		errors.Is(err, syscall.EADDRNOTAVAIL):
		return ClassRoute
	case errors.As(err, &op) && op.Op == "dial", errors.Is(err, syscall.ECONNREFUSED):
		return ClassConnect
	}
	return ClassSilent
}

const handshakeTimeout = "TLS handshake timeout"

// secure classifies the errors of TLS. It returns nil for all others.
func secure(err error, named bool) error {
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var alert *net.OpError
	switch {
	case errors.As(err, &cert):
		return &Failure{Class: ClassTrust, Err: fmt.Errorf("%w: %s", ErrTrust, distrust(cert.Err, named))}
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return &Failure{Class: ClassHandshake, Err: errors.New("the server does not speak TLS at this port; is it meant to be http?")}
	case errors.As(err, &alert) && alert.Op == "remote error": // an alert, whose type crypto/tls does not export
		return &Failure{Err: fmt.Errorf("%w: it ends the TLS handshake with %q", ErrFailed, strings.TrimPrefix(alert.Err.Error(), "tls: "))}
	case err.Error() == "net/http: "+handshakeTimeout:
		return &Failure{Class: ClassHandshake, Err: errors.New(handshakeTimeout)}
	case strings.HasPrefix(err.Error(), "tls: "):
		return &Failure{Class: ClassHandshake, Err: Words(err, named)}
	}
	return nil
}

// distrust returns the reason why a certificate is not trusted.
func distrust(err error, named bool) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		const day = "2006-01-02 15:04 MST"
		return fmt.Sprintf("it is valid from %s to %s, and the clock of this machine says %s",
			invalid.Cert.NotBefore.UTC().Format(day), invalid.Cert.NotAfter.UTC().Format(day), time.Now().UTC().Format(day))
	case named:
		return Printable(strings.TrimPrefix(err.Error(), "x509: "))
	case errors.As(err, &name):
		return "the certificate is for another name than the redirect's"
	case errors.As(err, new(x509.UnknownAuthorityError)):
		return "certificate signed by unknown authority"
	}
	return "the certificate is not valid"
}

// Words returns an error of a connection with a text of our own. It returns errors of contexts unchanged.
func Words(err error, named bool) error {
	for _, ended := range []error{context.Canceled, context.DeadlineExceeded} {
		if err == ended {
			return err
		}
	}
	return errors.New(words(err, named))
}

func words(err error, named bool) string {
	var timeout net.Error
	switch e := err.(type) {
	case *net.OpError:
		text := e.Op
		if e.Net != "" {
			text += " " + e.Net
		}
		if named && e.Addr != nil {
			text += " " + e.Addr.String()
		}
		return text + ": " + words(e.Err, named)
	case *net.DNSError:
		switch {
		case named:
			return Printable(e.Error())
		case e.IsNotFound:
			return "no such host"
		}
		return "no name server answers"
	case *os.SyscallError:
		return e.Syscall + ": " + words(e.Err, named)
	case syscall.Errno:
		return e.Error()
	}
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "net/http: "), "http: ")
	switch {
	case err == io.EOF:
		return "the server closed the connection"
	case err == io.ErrUnexpectedEOF:
		return "unexpected EOF"
	case strings.Contains(text, "chunk"):
		return "malformed chunked encoding"
	case text == handshakeTimeout, text == "timeout awaiting response headers", text == "server closed idle connection",
		strings.HasPrefix(text, "tls: "):
		return Printable(text)
	case errors.As(err, &timeout) && timeout.Timeout():
		return "i/o timeout"
	}
	if inner := errors.Unwrap(err); inner != nil {
		return words(inner, named)
	}
	return "the connection failed"
}

const mostShown = 200 // bytes of a foreign text

// Printable returns a text of a server or library for people: shortened, and without control characters.
func Printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\ufffd' {
			return '?'
		}
		return r
	}, text)
	if len(text) <= mostShown {
		return text
	}
	end := mostShown
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// Named returns a URL scheme for people, or other if the text may not be a scheme, such as the user name of a URL without a
// scheme.
func Named(scheme, other string) string {
	switch scheme {
	case "http", "https", "ftp", "ftps", "sftp", "ssh", "file", "oem", "data", "tftp", "gs", "s3", "arn", "nfs", "git", "rsync", "scp", "ws", "wss":
		return strconv.Quote(scheme)
	}
	return other
}
