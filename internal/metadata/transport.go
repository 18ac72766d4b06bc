// SPDX-License-Identifier: Apache-2.0

package metadata

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
)

// A Transport carries the requests of a cloud's own library. The library knows what to ask and what the answers mean; how a
// service is reached stays with the client: both address families, no proxy, bounds, retries, the log.
//
// The requests must be GET requests without a body. One to any of the service's hosts is one to the service; one to another
// host asks that host.
type Transport struct {
	Client  *Client
	Service Service
	Single  bool // one attempt for each request, as by Once, instead of retries, as by Get
}

// A Failure is the error of a Transport: no answer, or one that another attempt may change. It does not unwrap, because
// libraries retry by what they find inside an error, and how often to ask is decided here.
type Failure struct{ Cause error }

func (e *Failure) Error() string { return e.Cause.Error() }

// RoundTrip sends a request. The error is a *Failure.
func (t Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	s := t.Service
	if !slices.Contains(s.Hosts, req.URL.Host) {
		s.Hosts = []string{req.URL.Host}
	}
	s.Headers = slices.Clone(s.Headers)
	for name, values := range req.Header {
		if name != "User-Agent" {
			s.Headers = append(s.Headers, name, values[0])
		}
	}
	get := t.Client.get
	if t.Single {
		get = t.Client.once
	}
	a, err := get(req.Context(), s, req.URL.RequestURI())
	code, status := http.StatusOK, StatusError(0)
	switch {
	case err == nil:
	case again(s, err):
		return nil, &Failure{err}
	case errors.Is(err, ErrNotFound):
		code = http.StatusNotFound
	case errors.As(err, &status):
		code = int(status)
	default:
		return nil, &Failure{err}
	}
	return &http.Response{
		Status: http.StatusText(code), StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: a.header, ContentLength: int64(len(a.data)), Body: io.NopCloser(bytes.NewReader(a.data)),
	}, nil
}
