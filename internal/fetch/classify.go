// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// classify sorts the error of a request that got no answer.
func classify(err error) error {
	var told *url.Error // names the URL once more, unredacted
	if errors.As(err, &told) {
		err = told.Err
	}
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	if errors.Is(err, ErrRedirect) {
		return err
	}
	if strings.Contains(err.Error(), "response headers exceeded") { // net/http has no type for it
		return fmt.Errorf("%w: more than %d bytes of response headers", ErrTooLarge, maxHeaders)
	}
	if err := secure(err); err != nil {
		return err
	}
	return &failure{class: transportClass(err), err: err}
}

// transportClass sorts the errors of connections.
func transportClass(err error) class {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &dns):
		return classResolve
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETDOWN),
		errors.Is(err, syscall.EADDRNOTAVAIL):
		return classRoute
	case errors.As(err, &op) && op.Op == "dial", errors.Is(err, syscall.ECONNREFUSED):
		return classConnect
	}
	return classSilent
}

// secure sorts the errors of TLS; nil is for all others.
func secure(err error) error {
	var cert *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	var told *net.OpError
	switch {
	case errors.As(err, &cert):
		return &failure{class: classTrust, err: fmt.Errorf("%w: %s", ErrTrust, distrust(cert.Err))}
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return &failure{class: classHandshake, err: errors.New("the server does not speak TLS at this port; is it meant to be http?")}
	case errors.As(err, &told) && told.Op == "remote error": // an alert; crypto/tls keeps its type to itself
		return &failure{err: fmt.Errorf("%w: it ends the TLS handshake with %q", ErrFailed, strings.TrimPrefix(told.Err.Error(), "tls: "))}
	case err.Error() == "net/http: TLS handshake timeout", errors.Is(err, context.DeadlineExceeded):
		return &failure{class: classHandshake, err: err}
	}
	return nil
}

// distrust says why a certificate is not trusted.
func distrust(err error) string {
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) || invalid.Reason != x509.Expired || invalid.Cert == nil {
		return strings.TrimPrefix(err.Error(), "x509: ")
	}
	const day = "2006-01-02 15:04 MST"
	return fmt.Sprintf("it holds from %s to %s, and the clock of this machine says %s",
		invalid.Cert.NotBefore.UTC().Format(day), invalid.Cert.NotAfter.UTC().Format(day), time.Now().UTC().Format(day))
}
