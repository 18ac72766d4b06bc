// SPDX-License-Identifier: Apache-2.0

package author_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
)

// inlineFiles returns a document with n files of 200 bytes.
func inlineFiles(n int) string {
	var b strings.Builder
	b.WriteString(head + "storage:\n  files:\n")
	for i := range n {
		fmt.Fprintf(&b, "    - path: /etc/d/%d\n      mode: 0644\n      contents:\n        inline: |\n", i)
		b.WriteString(strings.Repeat("          a line of some file, forty characters.\n", 4))
	}
	return b.String()
}

func benchmark(b *testing.B, text string, o author.Options) {
	b.Helper()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r, _, report := config.Build(diag.NewSource("f", []byte(text)), o)
		if r == nil {
			b.Fatal(report)
		}
		if err := r.WriteJSON(io.Discard, r.Variant.Spec, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBuild200Lines builds what people write.
func BenchmarkBuild200Lines(b *testing.B) { benchmark(b, inlineFiles(25), author.Options{}) }

// BenchmarkBuildLocalFiles builds a document with 2,000 local files of 10 kB.
func BenchmarkBuildLocalFiles(b *testing.B) {
	files := fstest.MapFS{}
	text := strings.Builder{}
	text.WriteString(head + "storage:\n  files:\n")
	for i := range 2000 {
		name := fmt.Sprintf("f%d", i)
		files[name] = &fstest.MapFile{Data: bytes.Repeat([]byte(fmt.Sprintf("line %d of some configuration\n", i)), 350)}
		fmt.Fprintf(&text, "    - path: /etc/%s\n      contents: {local: %s}\n", name, name)
	}
	benchmark(b, text.String(), author.Options{Files: files})
}

// BenchmarkParse20000 parses and checks 20,000 inline files, in YAML and as the JSON that it becomes.
func BenchmarkParse20000(b *testing.B) {
	text := inlineFiles(20000)
	r, _, report := config.Build(diag.NewSource("f", []byte(text)), author.Options{})
	if r == nil {
		b.Fatal(report)
	}
	var json bytes.Buffer
	if err := r.WriteJSON(&json, r.Variant.Spec, false); err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string][]byte{"YAML": []byte(text), "JSON": json.Bytes()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, report := config.Parse(diag.NewSource("f", text)); report.HasErrors() {
					b.Fatal(report)
				}
			}
		})
	}
}
