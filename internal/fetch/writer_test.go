// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// fullDisk fails at a byte.
type fullDisk struct {
	left int
	err  error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	n := min(len(p), d.left)
	if d.left -= n; n < len(p) {
		return n, d.err
	}
	return n, nil
}

// TestWriteError checks that errors of the writer are distinguished from errors of the origin, at every place of the
// payload.
func TestWriteError(t *testing.T) {
	long := strings.Repeat(body, 200)
	full := errors.New("no space left on device")
	for _, c := range []struct {
		name, url, compression string
		at                     int
	}{
		{"inline", "data:,payload", "", 3},
		{"short", target, "", 3},
		{"first chunk", target + "&long", "", 3},
		{"later chunk", target + "&long", "", 5*chunkSize + 1},
		{"last byte", target + "&long", "", len(long) - 1},
		{"decompressed", target + "&packed", "gzip", 5 * chunkSize},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.shut()
				w.http("host:80", nil, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					switch {
					case strings.HasSuffix(r.URL.RawQuery, "long"):
						io.WriteString(rw, long)
					case strings.HasSuffix(r.URL.RawQuery, "packed"):
						rw.Write(zipped(long))
					default:
						io.WriteString(rw, body)
					}
				}))
				client, err := New(Options{Dial: w.dial})
				if err != nil {
					t.Fatal(err)
				}
				defer client.closeIdle()
				err = client.Fetch(t.Context(), Request{URL: c.url, Compression: c.compression}, &fullDisk{c.at, full})
				var of *WriteError
				if !errors.As(err, &of) || of.Err != full || err.Error() != full.Error() {
					t.Errorf("error %v, want that of the writer as it is", err)
				}
			})
		})
	}
}

// TestStartOver has a body break off in every chunk of a long payload, without a validator: the file has the payload, once.
func TestStartOver(t *testing.T) {
	long := strings.Repeat(body, 100)
	for at := 0; at < len(long); at += chunkSize/2 + 1 {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.shut()
			w.http("host:80", nil, &script{answers: []answer{part(at, long, hangUp), part(at/2, long, hangUp), plain(long)}})
			client, err := New(Options{Dial: w.dial})
			if err != nil {
				t.Fatal(err)
			}
			defer client.closeIdle()
			f, err := os.Create(filepath.Join(t.TempDir(), "file"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			io.WriteString(f, "before ")
			if err := client.Fetch(t.Context(), Request{URL: target, Hash: digest(long)}, f); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(f.Name()); err != nil || string(got) != "before "+long {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
}

// TestLimit checks that no method of memory bypasses its limit: io.Copy would find the ReadFrom of an embedded buffer.
func TestLimit(t *testing.T) {
	const limit = 1 << 16
	bomb := zipped(strings.Repeat("0", 1<<24))
	var m io.Writer = &memory{limit: limit}
	if _, found := m.(io.ReaderFrom); found {
		t.Error("memory has a ReadFrom, which knows no limit")
	}
	client, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []Request{{URL: DataURL(bomb), Compression: "gzip"}, {URL: DataURL(make([]byte, limit+1))}} {
		got, err := client.Bytes(t.Context(), r, limit)
		var failed *Error
		if !errors.Is(err, ErrTooLarge) || !errors.As(err, &failed) || failed.Hint() == "" || cap(got) > limit {
			t.Errorf("%d bytes, %v", cap(got), err)
		}
	}
	if got, err := client.Bytes(t.Context(), Request{URL: DataURL(make([]byte, limit))}, limit); err != nil || len(got) != limit {
		t.Errorf("at the limit: %d bytes, %v", len(got), err)
	}
}

// reserving records the sizes that it was asked to reserve.
type reserving struct {
	bytes.Buffer
	sizes []int64
	err   error
}

func (r *reserving) Reserve(size int64) error {
	if r.Len() > 0 {
		return errors.New("asked too late")
	}
	r.sizes = append(r.sizes, size)
	return r.err
}

// TestReserve checks that a writer learns the size of a payload before its first byte, if it is known.
func TestReserve(t *testing.T) {
	long := strings.Repeat(body, 100)
	full := errors.New("no space left on device")
	for _, c := range []struct {
		name, compression string
		answer            answer
		want              []int64
		err               error
	}{
		{name: "known", answer: serve(long), want: []int64{int64(len(long))}},
		{name: "no space", answer: serve(long), want: []int64{int64(len(long))}, err: full},
		{name: "unknown", answer: plain(long)},
		{name: "compressed", compression: "gzip", answer: serve(string(zipped(long)))},
		{name: "short", answer: serve(body)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.shut()
				w.http("host:80", nil, &script{answers: []answer{c.answer}})
				client, err := New(Options{Dial: w.dial})
				if err != nil {
					t.Fatal(err)
				}
				defer client.closeIdle()
				to := &reserving{err: c.err}
				err = client.Fetch(t.Context(), Request{URL: target, Compression: c.compression}, to)
				if !slices.Equal(to.sizes, c.want) || !errors.Is(err, c.err) {
					t.Errorf("reserved %v, error %v; want %v, %v", to.sizes, err, c.want, c.err)
				}
			})
		})
	}
}
