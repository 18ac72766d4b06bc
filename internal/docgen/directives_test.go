// SPDX-License-Identifier: Apache-2.0

package docgen

import (
	"compress/gzip"
	"flag"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var systemdTree = flag.String("systemd", "", "with -update: where Debian's packages systemd and libsystemd-shared are unpacked")

func TestDirectives(t *testing.T) {
	const page = `.TH "SYSTEMD\&.DIRECTIVES" "7" "" "systemd 257.13" "systemd.directives"
.SH "UNIT DIRECTIVES"
.PP
\fIAfter=\fR
.RS 4
\fBsystemd.unit\fR(5)
.RE
.PP
\fIAlso=\fR
.RS 4
\fBsystemd.unit\fR(5)
.RE
.PP
\fIWhat=\fR
.RS 4
\fBsystemd.mount\fR(5),
\fBsystemd.swap\fR(5)
.RE
.PP
\fICPUWeight=\fR
.RS 4
\fBsystemd.resource\-control\fR(5)
.RE
.SH "OTHER"
\fINo=\fR
.RS 4
\fBsystemd.unit\fR(5)
.RE
`
	got, err := Directives([]byte(page), []byte("x\x00Unit.After\x00Unit.BindTo\x00Service.CPUWeight\x00y"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `// SPDX-License-Identifier: Apache-2.0

// Generated from systemd.directives(7) of systemd 257 by internal/docgen; do not edit.

package lint

// systemdVersion is the version of systemd that the table is from.
const systemdVersion = "257"

// directives has a line for each section, for each manual page that several sections share, and for what is read and no longer
// documented.
const directives = ` + "`" + `
Install Also
Mount What
Swap What
Unit After
obsolete:Unit BindTo
resource-control CPUWeight
` + "`\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestUpdateDirectives writes the table from another systemd: -update -systemd DIR.
func TestUpdateDirectives(t *testing.T) {
	if *systemdTree == "" || !*update {
		return
	}
	library, err := filepath.Glob(filepath.Join(*systemdTree, "usr/lib/*/systemd/libsystemd-core-*.so"))
	if err != nil || len(library) != 1 {
		t.Fatalf("no libsystemd-core below %s (%v)", *systemdTree, err)
	}
	text, err := os.ReadFile(library[0])
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(*systemdTree, "usr/share/man/man7/systemd.directives.7.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	table, err := Directives(page, text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("../../config/lint/directives.go", table, 0o644); err != nil {
		t.Fatal(err)
	}
}
