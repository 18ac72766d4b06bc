// SPDX-License-Identifier: Apache-2.0

//go:build unix

package config

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// processorTime returns the time that the process has used on all processors, garbage collector included. It is what a
// single core would take, even if other programs run.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkParse parses and validates configs of inline files, to show the speed and how it changes with size.
func BenchmarkParse(b *testing.B) {
	for _, n := range []int{1000, 20000, 100000} {
		text := files(0, n)
		b.Run(fmt.Sprintf("files=%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			began := processorTime(b)
			for b.Loop() {
				mustParse(b, "bench", text)
			}
			took := processorTime(b) - began
			b.ReportMetric(float64(len(text))*float64(b.N)/1e6/took.Seconds(), "MB/cpu-s")
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N)/float64(n), "cpu-ns/file")
		})
	}
}

// BenchmarkMarshal writes a config of inline files.
func BenchmarkMarshal(b *testing.B) {
	c := mustParse(b, "bench", files(0, 10000)).Config
	b.SetBytes(int64(len(Marshal(c))))
	for b.Loop() {
		Marshal(c)
	}
}

// BenchmarkConflicts validates configs in which the rules about paths have work to do.
func BenchmarkConflicts(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		var t strings.Builder
		t.WriteString(`{"ignition":{"version":"3.4.0"},"storage":{"files":[`)
		for i := range n {
			fmt.Fprintf(&t, `{"path":"/f%d/a/b/c"},`, i)
		}
		t.WriteString(`{"path":"/last"}],"links":[`)
		for i := range n {
			fmt.Fprintf(&t, `{"path":"/l%d/a","target":"/x","hard":true},`, i)
		}
		t.WriteString(`{"path":"/last2","target":"/x"}],"disks":[{"device":"/dev/sda","partitions":[`)
		for i := range n {
			fmt.Fprintf(&t, `{"number":%d,"startMiB":%d,"sizeMiB":1},`, i+1, 2*i+1)
		}
		t.WriteString(`{"label":"last"}]}]},"systemd":{"units":[`)
		for i := range n {
			fmt.Fprintf(&t, `{"name":"u%d.service","contents":"[Unit]\nDescription=a\n"},`, i)
		}
		t.WriteString(`{"name":"last.service"}]}}`)
		text := []byte(t.String())
		b.Run(fmt.Sprintf("entries=%d", 4*n), func(b *testing.B) {
			began := processorTime(b)
			for b.Loop() {
				mustParse(b, "bench", text)
			}
			took := processorTime(b) - began
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N)/float64(4*n), "cpu-ns/entry")
		})
	}
}

// BenchmarkMerge merges configs of 500 files each over each other.
func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{10, 40, 160} {
		docs := make([]Document, n)
		for i := range docs {
			docs[i] = mustParse(b, "bench", files(i*500, 500))
		}
		b.Run(fmt.Sprintf("configs=%d", n), func(b *testing.B) {
			began := processorTime(b)
			for b.Loop() {
				m := NewMerger(docs[0])
				for _, d := range docs[1:] {
					m.Add(d)
				}
				if got := len(m.Document().Config.Storage.Files); got != n*500 {
					b.Fatal(got)
				}
			}
			took := processorTime(b) - began
			b.ReportMetric(float64(took.Nanoseconds())/float64(b.N)/float64(n*500), "cpu-ns/file")
		})
	}
}

// BenchmarkPeakHeap reports the highest heap while 20,000 files are parsed and validated, the text included, as a
// multiple of the text.
func BenchmarkPeakHeap(b *testing.B) {
	text := files(0, 20000)
	for b.Loop() {
		runtime.GC()
		debug.FreeOSMemory()
		var peak atomic.Uint64
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak.Store(max(peak.Load(), m.HeapAlloc))
				select {
				case <-stop:
					return
				case <-time.After(200 * time.Microsecond):
				}
			}
		}()
		d := mustParse(b, "bench", text)
		close(stop)
		<-done
		runtime.KeepAlive(d)
		b.ReportMetric(float64(peak.Load())/float64(len(text)), "x-input")
	}
}
