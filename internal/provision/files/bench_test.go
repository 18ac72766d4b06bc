// SPDX-License-Identifier: Apache-2.0

package files

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
)

// manyFiles is a config of n files of 600 bytes in 200 directories.
func manyFiles(b *testing.B, n int) config.Document {
	b.Helper()
	var files []string
	payload := strings.Repeat("0123456789", 60)
	for i := range n {
		files = append(files, fmt.Sprintf(`{"path":"/data/d%03d/f%06d","mode":416,"contents":{"source":"data:,%s"}}`, i%200, i, payload))
	}
	doc, err := parse(`{"storage":{"files":[` + strings.Join(files, ",") + `]}}`)
	if err != nil {
		b.Fatal(err)
	}
	return doc
}

// on runs a config on a new machine each time.
func on(b *testing.B, doc config.Document, start string) {
	var syncs int
	for b.Loop() {
		b.StopTimer()
		m := newMachine(b)
		m.grow(b, start)
		b.StartTimer()
		if err := m.run(doc); err != nil {
			b.Fatal(err)
		}
		syncs = m.syncs
		b.StopTimer()
		if err := os.RemoveAll(m.dir); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(syncs), "syncs")
}

func BenchmarkFiles10000(b *testing.B)  { on(b, manyFiles(b, 10000), "") }
func BenchmarkFiles100000(b *testing.B) { on(b, manyFiles(b, 100000), "") }

func BenchmarkUsers300(b *testing.B) {
	var users []string
	for i := range 300 {
		users = append(users, fmt.Sprintf(`{"name":"user%d","groups":["sudo"],"passwordHash":"h","sshAuthorizedKeys":["k"]}`, i))
	}
	doc, err := parse(`{"passwd":{"users":[` + strings.Join(users, ",") + `]}}`)
	if err != nil {
		b.Fatal(err)
	}
	on(b, doc, base)
}

func BenchmarkUnits1000(b *testing.B) {
	var units []string
	for i := range 1000 {
		units = append(units, fmt.Sprintf(`{"name":"unit%d.service","enabled":true,"contents":"[Install]\nWantedBy=multi-user.target\n"}`, i))
	}
	doc, err := parse(`{"systemd":{"units":[` + strings.Join(units, ",") + `]}}`)
	if err != nil {
		b.Fatal(err)
	}
	on(b, doc, base)
}
