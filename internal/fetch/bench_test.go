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
	"syscall"
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

// A limit is a program that does a part of the work from file to file.
type limit struct {
	name    string
	command string
}

// BenchmarkLarge fetches 1 GiB over HTTP with its digest into a file that is durable in the end, plain and compressed. After
// each run, programs do a part of that work. The ratios compare the fastest runs, to reduce the effect of other load on the
// machine. The server is in the same process.
func BenchmarkLarge(b *testing.B) {
	dir := b.TempDir()
	sum := makeLarge(b, dir)
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	for _, c := range []struct {
		name, file, compression string
		limits                  []limit
	}{
		{"plain", "large", "", []limit{
			{"hash", "openssl dgst -sha512 large"}, {"dd", "rm -f copy; dd if=large of=copy bs=1M conv=fsync status=none"},
		}},
		{"gzip", "large.gz", "gzip", []limit{{"gunzip", "gzip -dc large.gz >/dev/null"}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(large)
			best := map[string]time.Duration{}
			var spent time.Duration // of processors, by this process
			keep := func(name string, took time.Duration) {
				if old, found := best[name]; !found || took < old {
					best[name] = took
				}
			}
			for b.Loop() {
				r := Request{URL: server.URL + "/" + c.file, Compression: c.compression, Hash: "sha512-" + sum}
				began, before := time.Now(), processorTime(b)
				fetchDurable(b, r, filepath.Join(dir, "fetched"))
				keep("ours", time.Since(began))
				spent += processorTime(b) - before
				b.StopTimer()
				for _, l := range c.limits {
					began := time.Now()
					peer := exec.CommandContext(b.Context(), "sh", "-c", l.command)
					if peer.Dir = dir; peer.Run() != nil {
						b.Skip("no openssl, dd or gzip to compare with")
					}
					keep(l.name, time.Since(began))
				}
				b.StartTimer()
			}
			b.ReportMetric(best["ours"].Seconds(), "best-s")
			for _, l := range c.limits {
				b.ReportMetric(best["ours"].Seconds()/best[l.name].Seconds(), "times-"+l.name)
			}
			b.ReportMetric(spent.Seconds()/float64(b.N), "cpu-s")
			b.ReportMetric(peakMiB(b), "MiB-RSS")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// fetchDurable fetches into a new file.
func fetchDurable(b *testing.B, r Request, name string) {
	client, err := New(Options{})
	if err != nil {
		b.Fatal(err)
	}
	os.Remove(name) // left over from the previous run
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := client.Fetch(b.Context(), r, f); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}

// makeLarge writes large and large.gz, which are neither all zeros nor noise, and returns the digest of their common
// content.
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
