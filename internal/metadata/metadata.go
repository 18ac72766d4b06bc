// SPDX-License-Identifier: Apache-2.0

// Package metadata asks the metadata services of clouds.
//
// A metadata service is on the machine's own link and answers for this machine only. Therefore no request goes through a
// proxy, a token is requested once and never follows a redirect, and the target of a redirect sees neither token nor
// headers. The caller's context bounds each wait.
package metadata

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of one attempt and of one answer.
const (
	dialLimit    = 5 * time.Second
	headersLimit = 10 * time.Second
	attemptLimit = 60 * time.Second
	mostBytes    = 256 << 20
	mostHops     = 10
)

// Bounds of the waits between attempts. They double; random waits would gain nothing, as a metadata service serves one
// machine.
const (
	firstWait = 200 * time.Millisecond
	lastWait  = 5 * time.Second
)

// patience is how long a wait lasts before the console shows it.
const patience = 5 * time.Second

// ErrNotFound is the answer 404.
var ErrNotFound = errors.New("not found: status 404")

// A StatusError is an answer that is neither 200, 204 nor 404.
type StatusError int

func (e StatusError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("status %d %s", int(e), http.StatusText(int(e))))
}

// A Service is what the requests to one metadata service have in common.
type Service struct {
	Hosts   []string // "169.254.169.254", "[fd00:ec2::254]"; the same service, in the order to ask
	Secure  bool     // https instead of http
	Headers []string // name, value, name, value…; besides the defaults, or in place of them
	Token   *Token   // nil: no request needs one
	Again   []int    // statuses to retry, in addition to 408, 425, 429 and all from 500 on
	LowPort bool     // the service answers only local ports below 1024, which need a privilege
	Stay    bool     // follow no redirect: only the service itself may answer
}

// A Token opens a session with a service.
type Token struct {
	Path     string   // of the PUT request that returns it
	Headers  []string // of that request
	Name     string   // of the header in which other requests carry the token
	Optional bool     // a service that answers 404 to the PUT has no sessions, and is asked without a token
}

// Options configures a client.
type Options struct {
	Version string // of the program, for the User-Agent header
	Log     *slog.Logger
	// Say writes to the console what takes longer than 5 s; nil: no messages.
	Say func(string)
	// Dial connects to a service from a local port, or from any if it is 0; nil: TCP.
	Dial func(ctx context.Context, network, address string, from int) (net.Conn, error)
	// Sessions are those of an earlier client of this boot.
	Sessions Sessions
}

// Sessions are what a client knows about services, by the first host of each.
type Sessions map[string]Session

// A Session is what a client knows about one service.
type Session struct {
	Host  string `json:"host"`            // that has answered
	Token string `json:"token,omitempty"` // secret
}

// A Client asks metadata services. It remembers their tokens and which host answers. It is safe for concurrent use.
type Client struct {
	o Options

	mu       sync.Mutex
	sessions Sessions
}

// New returns a client.
func New(o Options) *Client {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Dial == nil {
		o.Dial = dialTCP
	}
	c := &Client{o: o, sessions: Sessions{}}
	maps.Copy(c.sessions, o.Sessions)
	return c
}

// Sessions returns what the client has learned, for the next stage of the boot: a token is requested once per boot.
func (c *Client) Sessions() Sessions {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.sessions)
}

func dialTCP(ctx context.Context, network, address string, from int) (net.Conn, error) {
	d := net.Dialer{Timeout: dialLimit}
	if from > 0 {
		d.LocalAddr = &net.TCPAddr{Port: from}
	}
	return d.DialContext(ctx, network, address)
}

// Get reads one item of a service. It retries until there is an answer or the context ends; then the error wraps the last
// failure. An answer without the item is ErrNotFound or a StatusError.
func (c *Client) Get(ctx context.Context, s Service, path string) ([]byte, error) {
	a, err := c.get(ctx, s, path)
	return a.data, err
}

func (c *Client) get(ctx context.Context, s Service, path string) (answer, error) {
	return race(ctx, c.Hosts(s), func(ctx context.Context, host string) (answer, error) {
		return c.persist(ctx, s, host, path)
	})
}

// Once makes one attempt at an item, for callers that retry by their own policy.
func (c *Client) Once(ctx context.Context, s Service, path string) ([]byte, error) {
	a, err := c.once(ctx, s, path)
	return a.data, err
}

func (c *Client) once(ctx context.Context, s Service, path string) (answer, error) {
	return race(ctx, c.Hosts(s), func(ctx context.Context, host string) (answer, error) {
		return c.attempt(ctx, s, host, path, 1)
	})
}

// Hosts returns the host of a service that has answered, or all that are asked if none has.
func (c *Client) Hosts(s Service) []string {
	if known := c.session(s).Host; known != "" {
		return []string{known}
	}
	return s.Hosts
}

// persist asks one host until it answers.
func (c *Client) persist(ctx context.Context, s Service, host, path string) (answer, error) {
	wait, began, said := firstWait, time.Now(), time.Now()
	var last error
	for n := 1; ; n++ {
		a, err := c.attempt(ctx, s, host, path, n)
		if err == nil || !again(s, err) {
			return a, err
		}
		if last == nil || ctx.Err() == nil {
			last = err // a later error only says that the context has ended
		}
		if c.o.Say != nil && time.Since(said) >= patience {
			said = time.Now()
			c.o.Say(fmt.Sprintf("firstlight: waiting for the metadata service at %s since %s: attempt %d: %v",
				host, time.Since(began).Round(time.Second), n, last))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return answer{}, fmt.Errorf("%w (gave up after %s and %d attempts)", last, time.Since(began).Round(time.Second/10), n)
		case <-timer.C:
		}
		wait = min(2*wait, lastWait)
	}
}

// again reports whether another attempt may succeed.
func again(s Service, err error) bool {
	var status StatusError
	switch {
	case errors.Is(err, errFinal):
		return false
	case errors.Is(err, ErrNotFound):
		return slices.Contains(s.Again, http.StatusNotFound)
	case errors.As(err, &status):
		return status >= 500 || slices.Contains(s.Again, int(status)) ||
			slices.Contains([]int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}, int(status))
	}
	return true // a connection failed or broke
}

// attempt gets a token, unless there is one already, and then an item.
func (c *Client) attempt(ctx context.Context, s Service, host, path string, n int) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	var headers []string
	if s.Token != nil {
		token, err := c.token(ctx, s, host, n)
		if err != nil {
			return answer{}, err
		}
		if token != "" {
			headers = []string{s.Token.Name, token}
		}
	}
	a, err := c.exchange(ctx, s, request{http.MethodGet, host, path, append(headers, s.Headers...), n})
	switch {
	case err == nil, errors.Is(err, ErrNotFound):
		c.learn(s, func(known *Session) { known.Host = host })
	case s.Token != nil && errors.Is(err, StatusError(http.StatusUnauthorized)): // the session has expired: the next request opens another
		c.learn(s, func(known *Session) { known.Token = "" })
	}
	return a, err
}

// token returns the token of a service, or "" if the service has no sessions.
func (c *Client) token(ctx context.Context, s Service, host string, n int) (string, error) {
	if known := c.session(s); known.Token != "" && known.Host == host {
		return known.Token, nil
	}
	a, err := c.exchange(ctx, s, request{http.MethodPut, host, s.Token.Path, s.Token.Headers, n})
	if s.Token.Optional && errors.Is(err, ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("get a token: %w", err)
	}
	token := strings.TrimSpace(string(a.data))
	if token == "" {
		return "", fmt.Errorf("get a token: the answer is empty: %w", errFinal)
	}
	c.learn(s, func(known *Session) { known.Host, known.Token = host, token })
	return token, nil
}

func (c *Client) session(s Service) Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sessions[s.Hosts[0]]
}

func (c *Client) learn(s Service, change func(*Session)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.sessions[s.Hosts[0]]
	change(&known)
	c.sessions[s.Hosts[0]] = known
}

// A request is one request to one host.
type request struct {
	method, host, path string
	headers            []string
	n                  int // the number of the attempt
}

// An answer is one with status 200 or 204.
type answer struct {
	header http.Header
	data   []byte
}

// exchange sends one request and reads the answer.
func (c *Client) exchange(ctx context.Context, s Service, r request) (answer, error) {
	scheme := "http"
	if s.Secure {
		scheme = "https"
	}
	address := scheme + "://" + strings.ReplaceAll(r.host, "%", "%25") + r.path
	req, err := http.NewRequestWithContext(ctx, r.method, address, nil)
	if err != nil {
		return answer{}, fmt.Errorf("%w: the address %s is malformed", errFinal, address)
	}
	req.Header = http.Header{
		"User-Agent": {"Ignition/" + c.o.Version}, "Accept-Encoding": {"identity"},
		"Accept": {"application/vnd.coreos.ignition+json;version=3.6.0, */*;q=0.1"},
	}
	for i := 0; i+1 < len(r.headers); i += 2 {
		req.Header.Set(r.headers[i], r.headers[i+1])
	}
	shown, _, _ := strings.Cut(address, "?")
	c.o.Log.Info(fmt.Sprintf("%s %s: attempt #%d", r.method, shown, r.n))
	a, err := c.send(req, s)
	if err != nil {
		c.o.Log.Info(r.method + " error: " + err.Error())
		return answer{}, err
	}
	c.o.Log.Info(r.method + " result: OK")
	return a, nil
}

func (c *Client) send(req *http.Request, s Service) (answer, error) {
	resp, err := c.client(req.Method, s).Do(req)
	if err != nil {
		var told *url.Error // repeats the address
		if errors.As(err, &told) {
			err = told.Err
		}
		return answer{}, err
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK, http.StatusNoContent:
	case http.StatusNotFound:
		return answer{}, ErrNotFound
	default:
		return answer{}, StatusError(resp.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, mostBytes+1))
	if err != nil {
		return answer{}, fmt.Errorf("the answer breaks off: %w", err)
	}
	if len(data) > mostBytes {
		return answer{}, fmt.Errorf("%w: the answer has more than %d MiB", errFinal, mostBytes>>20)
	}
	return answer{resp.Header, data}, nil
}

// client returns an HTTP client for one request. It keeps no connections: a boot makes two or three requests.
func (c *Client) client(method string, s Service) *http.Client {
	return &http.Client{
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if method != http.MethodGet || s.Stay {
				return http.ErrUseLastResponse
			}
			if len(via) > mostHops {
				return fmt.Errorf("%w: more than %d redirects", errFinal, mostHops)
			}
			r.Header = http.Header{"User-Agent": via[0].Header["User-Agent"], "Accept-Encoding": {"identity"}}
			return nil
		},
		Transport: &http.Transport{
			DisableKeepAlives: true, DisableCompression: true, ResponseHeaderTimeout: headersLimit, TLSHandshakeTimeout: headersLimit,
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				ctx, cancel := context.WithTimeout(ctx, dialLimit)
				defer cancel()
				if s.LowPort {
					return c.dialLow(ctx, network, address)
				}
				return c.o.Dial(ctx, network, address, 0)
			},
		},
	}
}

// errFinal is wrapped by local errors that another attempt would meet again.
var errFinal = errors.New("a retry cannot help")
