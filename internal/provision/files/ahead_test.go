// SPDX-License-Identifier: Apache-2.0

package files

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// server serves for each path its own text, except for /missing, and records the requests.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string // paths, in order
	busy    int
	busiest int
}

func newServer(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = append(s.asked, r.URL.Path)
		s.busy++
		s.busiest = max(s.busiest, s.busy)
		s.mu.Unlock()
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		} else {
			io.WriteString(w, "text of "+r.URL.Path+r.Header.Get("X-Who"))
		}
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}))
	t.Cleanup(s.Close)
	return s
}

// count returns the number of requests for the path.
func (s *server) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.asked {
		if p == path {
			n++
		}
	}
	return n
}

// stage runs the files stage on a new root with a config that has the given files.
func stage(t *testing.T, start string, files ...string) (*machine, error) {
	t.Helper()
	m := newMachine(t)
	m.grow(t, start)
	m.chatty = true
	doc, err := parse(`{"storage":{"files":[` + strings.Join(files, ",") + `]}}`)
	if err != nil {
		t.Fatal(err)
	}
	return m, m.run(doc)
}

// TestOneSource uses one URL as the content, or a fragment, of many files, each with its own mode and owner.
func TestOneSource(t *testing.T) {
	s := newServer(t)
	var files []string
	want := []string{
		`- f /etc/motd old 0644 0:0`, `+ f /etc/motd oldtext\sof\s/same\ntext\sof\s/same 0644 0:0`, `+ d /opt 0755 0:0`,
	}
	for i := range 20 {
		files = append(files, fmt.Sprintf(`{"path":"/opt/f%02d","mode":%d,"user":{"id":%d},"contents":{"source":"%s/same"}}`, i, 0o400+i%8, i, s.URL))
		want = append(want, fmt.Sprintf(`+ f /opt/f%02d text\sof\s/same %04o %d:0`, i, 0o400+i%8, i))
	}
	files = append(files,
		`{"path":"/etc/motd","append":[{"source":"`+s.URL+`/same"},{"source":"data:,%0A"},{"source":"`+s.URL+`/same"}]}`,
		`{"path":"/other","contents":{"source":"`+s.URL+`/same","httpHeaders":[{"name":"X-Who","value":"!"}]}}`)
	want = append(want, `+ f /other text\sof\s/same! 0644 0:0`)
	m := newMachine(t)
	m.grow(t, "d /etc\nf /etc/motd old\n")
	before := tree(t, m.dir)
	doc, err := parse(`{"storage":{"files":[` + strings.Join(files, ",") + `]}}`)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.run(doc); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, changes(before, tree(t, m.dir))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := s.count("/same"); n != 2 {
		t.Errorf("/same was fetched %d times, want once without and once with the header", n)
	}
}

// TestSourcesInOrder: fetches start in the order of the config, sixteen at a time.
func TestSourcesInOrder(t *testing.T) {
	s := newServer(t)
	var files []string
	const n = 100
	for i := range n {
		files = append(files, fmt.Sprintf(`{"path":"/f%d","contents":{"source":"%s/%d"}}`, n-i, s.URL, i))
	}
	if _, err := stage(t, "", files...); err != nil {
		t.Fatal(err)
	}
	if len(s.asked) != n || s.busiest > 16 {
		t.Errorf("%d requests, %d at once; want %d and at most 16", len(s.asked), s.busiest, n)
	}
	for arrived, path := range s.asked {
		if i, _ := strconv.Atoi(path[1:]); i > arrived+2*16 { // requests that began at the same time may overtake each other
			t.Errorf("request %d was for source %d", arrived, i)
		}
	}
}

// TestSourceFails: a source that cannot be fetched leaves nothing visible, and the error names the step that needs it. Each source
// fails in a run of its own, because the first failure cancels the other fetches.
func TestSourceFails(t *testing.T) {
	s := newServer(t)
	for _, c := range []struct {
		name  string
		files []string
		err   []string // parts of the error
		place string   // that the log names
	}{
		{"missing", []string{
			`{"path":"/a","contents":{"source":"` + s.URL + `/missing"}}`,
			`{"path":"/etc/motd","append":[{"source":"` + s.URL + `/missing"}]}`,
		}, []string{"write file /a", "404"}, "case.ign:1:87 ($.storage.files.0.contents.source)"},
		{"another digest", []string{
			`{"path":"/c","contents":{"source":"data:,c"}}`,
			`{"path":"/b","contents":{"source":"` + s.URL + `/b","verification":{"hash":"sha256-` + strings.Repeat("0", 64) + `"}}}`,
		}, []string{"write file /b", "sha256"}, "$.storage.files.1.contents.source"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := stage(t, "d /etc\nf /etc/motd old\n", c.files...)
			for _, part := range c.err {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("error %v, want one with %q", err, part)
				}
			}
			if logged := strings.Join(m.log, ""); !strings.Contains(logged, c.place) {
				t.Errorf("the log does not name %s:\n%s", c.place, logged)
			}
			got := strings.Join(tree(t, m.dir), "\n")
			if strings.Contains(got, " /a ") || strings.Contains(got, " /b ") || !strings.Contains(got, "f /etc/motd old ") {
				t.Errorf("there is\n%s", got)
			}
		})
	}
}

// TestSourcesAfterCrash stops a run with sources from the network before every change to the tree and runs again.
func TestSourcesAfterCrash(t *testing.T) {
	s := newServer(t)
	doc, err := parse(`{"passwd":{"users":[{"name":"core"}]},"storage":{"directories":[{"path":"/opt/tree","overwrite":true}],"files":[
		{"path":"/opt/tree/one","user":{"name":"core"},"contents":{"source":"` + s.URL + `/one"}},
		{"path":"/opt/two","mode":256,"contents":{"source":"` + s.URL + `/same"}},
		{"path":"/opt/three","overwrite":true,"contents":{"source":"` + s.URL + `/same"}},
		{"path":"/new/four","contents":{"source":"` + s.URL + `/four"},"append":[{"source":"` + s.URL + `/same"}]},
		{"path":"/etc/motd","append":[{"source":"` + s.URL + `/one"},{"source":"data:,x"}]}]}}`)
	if err != nil {
		t.Fatal(err)
	}
	const start = base + "f /etc/motd old\nd /opt/tree\nf /opt/tree/old text\nf /opt/three old\n"
	var want []string
	for n := 1 << 20; ; n-- {
		m := newMachine(t)
		m.grow(t, start)
		var made atomic.Int64
		m.before = func(string) error { made.Add(1); return nil }
		if want == nil {
			if err := m.run(doc); err != nil {
				t.Fatal(err)
			}
			want, n = tree(t, m.dir), int(made.Load())
			continue
		}
		_ = m.stopAfter(doc, n) // concurrent steps share some changes
		m.before = nil
		if err := m.run(doc); err != nil {
			t.Fatalf("stopped after %d changes, the second run: %v", n, err)
		}
		if diff := cmp.Diff(want, tree(t, m.dir)); diff != "" {
			t.Errorf("stopped after %d changes: -want +got:\n%s", n, diff)
		}
		if n == 0 {
			return
		}
	}
}

// TestSourceBreaksOff: the first body of every source breaks off, and the server gives nothing with which a transfer could go on. All
// that files are written through can start over.
func TestSourceBreaksOff(t *testing.T) {
	body := strings.Repeat("0123456789abcdef", 1<<15)
	var mu sync.Mutex
	asked := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path]++
		first := asked[r.URL.Path] == 1
		mu.Unlock()
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		if first {
			io.WriteString(w, body[:len(body)/2+5])
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, body)
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer s.Close()
	m, err := stage(t, "d /etc\nf /etc/motd old\n",
		`{"path":"/a","contents":{"source":"`+s.URL+`/a"}}`,
		`{"path":"/b","contents":{"source":"data:,x"},"append":[{"source":"`+s.URL+`/b"},{"source":"`+s.URL+`/shared"}]}`,
		`{"path":"/c","contents":{"source":"`+s.URL+`/shared"}}`,
		`{"path":"/etc/motd","append":[{"source":"`+s.URL+`/d"},{"source":"`+s.URL+`/e"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"/a": body, "/b": "x" + body + body, "/c": body, "/etc/motd": "old" + body + body} {
		if got, err := os.ReadFile(m.dir + name); err != nil || string(got) != want {
			t.Errorf("%s has %d bytes, %v; want %d", name, len(got), err, len(want))
		}
	}
	for path, n := range asked {
		if n != 2 {
			t.Errorf("%s was asked for %d times", path, n)
		}
	}
}
