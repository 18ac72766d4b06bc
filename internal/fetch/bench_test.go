// SPDX-License-Identifier: Apache-2.0

package fetch

import (
	"bufio"
	"compress/gzip"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkSmallFiles fetches 200 files of 2 kB, 16 at once, from a server that takes 50 ms for each answer.
func BenchmarkSmallFiles(b *testing.B) {
	content := strings.Repeat("x", 2000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(50 * time.Millisecond) // the latency
		io.WriteString(w, content)
	}))
	defer server.Close()
	for b.Loop() {
		client, err := New(Options{})
		if err != nil {
			b.Fatal(err)
		}
		var all sync.WaitGroup
		slots := make(chan struct{}, 16)
		for i := range 200 {
			slots <- struct{}{}
			all.Go(func() {
				defer func() { <-slots }()
				if _, err := client.Bytes(b.Context(), Request{URL: fmt.Sprintf("%s/%d", server.URL, i)}, 4000); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
	}
}

const large = 1 << 30 // bytes

// BenchmarkLarge fetches 1 GiB over HTTP with its digest, plain and compressed, and has openssl and gzip do the same to
// the file.
func BenchmarkLarge(b *testing.B) {
	dir := b.TempDir()
	sum := makeLarge(b, dir)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	for _, c := range []struct{ name, file, compression, peer string }{
		{"plain", "large", "", "openssl dgst -sha512 large"},
		{"gzip", "large.gz", "gzip", "gzip -dc large.gz | openssl dgst -sha512"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(large)
			for b.Loop() {
				client, err := New(Options{})
				if err != nil {
					b.Fatal(err)
				}
				r := Request{URL: server.URL + "/" + c.file, Compression: c.compression, Hash: "sha512-" + sum}
				if err := client.Fetch(b.Context(), r, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			began := time.Now()
			peer := exec.CommandContext(b.Context(), "sh", "-c", c.peer)
			if peer.Dir = dir; peer.Run() != nil {
				b.Skip("no openssl or gzip to compare with")
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/time.Since(began).Seconds(), "times-"+strings.Fields(c.peer)[0])
			b.ReportMetric(peakMiB(b), "MiB-RSS")
		})
	}
}

// makeLarge writes large and large.gz, which are neither all zeros nor noise, and returns the digest of what is in both.
func makeLarge(b *testing.B, dir string) string {
	plain, err := os.Create(filepath.Join(dir, "large"))
	if err != nil {
		b.Fatal(err)
	}
	packed, err := os.Create(filepath.Join(dir, "large.gz"))
	if err != nil {
		b.Fatal(err)
	}
	z, err := gzip.NewWriterLevel(packed, gzip.BestSpeed)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha512.New()
	out := bufio.NewWriterSize(io.MultiWriter(plain, z, digest), 1<<20)
	random := rand.New(rand.NewPCG(1, 2))
	for n := 0; n < large; n += 16 {
		fmt.Fprintf(out, "%08x %s", random.Uint32(), "payload")
	}
	for _, err := range []error{out.Flush(), z.Close(), packed.Close(), plain.Close()} {
		if err != nil {
			b.Fatal(err)
		}
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// peakMiB is the highest resident memory of this process, server included.
func peakMiB(b *testing.B) float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc")
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	fmt.Sscan(rest, &kib)
	return kib / 1024
}
