// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An answer is a fault server's reaction to one request.
type answer func(http.ResponseWriter, *http.Request)

// script answers requests in turn; the last answer is for all further requests.
type script struct {
	mu      sync.Mutex
	answers []answer
	seen    []http.Header
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	a := s.answers[min(len(s.seen), len(s.answers)-1)]
	s.seen = append(s.seen, r.Header)
	s.mu.Unlock()
	a(w, r)
}

// code answers with a status and headers "Name: value".
func code(n int, headers ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		set(w, headers)
		w.WriteHeader(n)
	}
}

func set(w http.ResponseWriter, headers []string) {
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		w.Header().Set(name, value)
	}
}

// serve answers as a good server does, ranges included.
func serve(text string, headers ...string) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, headers)
		changed, _ := http.ParseTime(w.Header().Get("Last-Modified"))
		http.ServeContent(w, r, "", changed, strings.NewReader(text))
	}
}

// plain answers with the whole text, even to a range request.
func plain(text string, headers ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request) {
		set(w, headers)
		io.WriteString(w, text)
	}
}

// part announces the whole text, sends n bytes, and calls next.
func part(n int, text string, then func(*http.Request), headers ...string) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		set(w, headers)
		w.Header().Set("Content-Length", fmt.Sprint(len(text)))
		io.WriteString(w, text[:n])
		w.(http.Flusher).Flush()
		then(r)
	}
}

func hangUp(*http.Request)   { panic(http.ErrAbortHandler) }
func silent(r *http.Request) { <-r.Context().Done() }

func cut(n int, headers ...string) answer   { return part(n, body, hangUp, headers...) }
func stall(n int, headers ...string) answer { return part(n, body, silent, headers...) }

// drip sends a byte a second.
func drip(text string) answer {
	return func(w http.ResponseWriter, r *http.Request) {
		for i := range len(text) {
			io.WriteString(w, text[i:i+1])
			w.(http.Flusher).Flush()
			select { // on the clock of the bubble
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return
			}
		}
	}
}

// endless never stops sending.
func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		io.WriteString(w, body)
	}
}

// redirect redirects to one URL after the other.
func redirect(to ...string) []answer {
	var list []answer
	for _, url := range to {
		list = append(list, code(http.StatusFound, "Location: "+url))
	}
	return list
}
