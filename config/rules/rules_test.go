// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config/spec"
	"github.com/firstlight-boot/firstlight/config/types"
)

func TestSources(t *testing.T) {
	for _, c := range []struct {
		source string
		v      spec.Version
		want   string
	}{
		{"http://h/x", spec.V3_0, ""}, {"HTTP://h/x", spec.V3_0, ""}, {"tftp://h/x", spec.V3_0, ""}, {"ftp://h/x", spec.V3_7, "V102"},
		{"gs://b/o", spec.V3_1, "V102"}, {"gs://b/o", spec.V3_2, ""}, {"/etc/x", spec.V3_7, "V102"}, {"x", spec.V3_7, "V102"},
		{"http://[::1", spec.V3_7, "V104"}, {"http://h/\n", spec.V3_7, "V104"}, {"http://h:x/", spec.V3_7, "V104"}, {"data:,a\nb", spec.V3_7, "V104"},
		{"http:///x", spec.V3_0, "V104"}, {"http:u:p@h", spec.V3_0, "V104"}, {"https://u:p@/", spec.V3_0, "V104"}, {"http://h:99999/", spec.V3_0, "V104"},
		{"http://h:0/", spec.V3_0, "V104"}, {"http://h:/", spec.V3_0, ""}, {"http://[::1]:65535", spec.V3_0, ""}, {"tftp:///x", spec.V3_0, "V104"},
		{"data:hi", spec.V3_0, "V106"}, {"DATA:,hi", spec.V3_0, "V106"}, {"data:,", spec.V3_0, ""}, {"data:,%", spec.V3_0, "V106"},
		{"s3://b/k?versionId=", spec.V3_0, "V107"}, {"s3://b/k?versionId=&versionId=3", spec.V3_0, "V107"}, {"s3://b/k?versionId=3", spec.V3_0, ""},
		{"arn:aws:s3:::b/k?versionId=", spec.V3_4, "V107"}, {"arn:aws:s3:::b", spec.V3_4, "V108"}, {"arn:aws:s3:::b/k", spec.V3_3, "V102"},
		{"arn:aws:s3:::b/k", spec.V3_4, ""}, {"arn:aws:s3:r:a:accesspoint/ap/object/k", spec.V3_4, ""}, {"arn:aws:s3:r:a:accesspoint/ap", spec.V3_4, "V108"},
		{"arn:aws:sqs:::b/k", spec.V3_4, "V108"}, {"arn:aws:s3", spec.V3_4, "V108"},
	} {
		if code, summary, _ := checkSource(c.source, c.v); code != c.want {
			t.Errorf("%s in %s: %s %s, want %s", c.source, c.v, code, summary, c.want)
		}
	}
}

func TestHeaders(t *testing.T) {
	for name, want := range map[string]bool{"X-A": true, "x_1": true, "a b": false, "a:": false, "a\n": false, "ä": false, "{a}": false} {
		if got := isToken(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}

func TestPaths(t *testing.T) {
	for p, want := range map[string]string{
		"/": "", "/a/b": "", "": "give an absolute path", "a": `did you mean "/a"?`, "/a/": `write it as "/a"`, "/a/../b": `write it as "/b"`, "//a": `write it as "/a"`,
		"~/a": `nothing replaces ~: write the path of the home directory, such as "/home/core/a"`, "~a": `did you mean "/~a"?`,
		"\u201c/a\u201d": "replace the typographic quotation marks with straight ones", "$HOME/a": "nothing replaces variables: write the path itself",
	} {
		if summary, hint := unclean(p); hint != want || (summary == "") != (want == "") {
			t.Errorf("%q: %q, want %q", p, hint, want)
		}
	}
}

func TestHints(t *testing.T) {
	if got := modeHint(644); got != "write 420, which is octal 644; modes are decimal in JSON" {
		t.Error(got)
	}
	if got := modeHint(9999); got != "modes are decimal, 0 to 4095" {
		t.Error(got)
	}
	if got := clip("aéé", 4); got != "aé" {
		t.Error(got)
	}
	if got := guidHint("{0FC63DAF84834772 8E793D69D8477DE4}"); got != "write it as 0FC63DAF-8483-4772-8E79-3D69D8477DE4" {
		t.Error(got)
	}
	if got := nearest("ext44", []string{"ext4", "xfs"}); got != "did you mean ext4? If not, use one of ext4, xfs" {
		t.Error(got)
	}
}

// TestOverlap compares the search for overlapping partitions with a comparison of all pairs.
func TestOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		var list []types.Partition
		for range r.IntN(7) {
			start, size := r.IntN(30), r.IntN(6)
			p := types.Partition{StartMiB: &start, SizeMiB: &size}
			if r.IntN(6) == 0 {
				p.StartMiB = nil
			}
			list = append(list, p)
		}
		i, j, found := firstOverlap(list)
		a, b, want := allPairs(list)
		if i != a || j != b || found != want {
			t.Fatalf("got %d %d %v, want %d %d %v", i, j, found, a, b, want)
		}
	}
}

func allPairs(list []types.Partition) (int, int, bool) {
	for i := range list {
		a, ok := extentOf(i, &list[i])
		if !ok {
			continue
		}
		for j := range list {
			b, ok := extentOf(j, &list[j])
			if !ok || i == j {
				continue
			}
			if a.start >= b.start && a.start <= b.end || a.end >= b.start && a.end <= b.end || a.start <= b.start && a.end >= b.end {
				return i, j, true
			}
		}
	}
	return 0, 0, false
}

// TestTree compares the tree of links with a comparison of prefixes.
func TestTree(t *testing.T) {
	paths := []string{"/", "/a", "/a/b", "/a/b/c", "/ab", "/b", "a", "//a", "/a/", "/a/c/b", "/a", "/abc", "/ab/c", "/a/b/d"}
	r := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var links []string
		var all tree
		for i := range r.IntN(len(paths)) {
			links = append(links, paths[r.IntN(len(paths))])
			all.add(links[i], i)
		}
		for _, p := range paths {
			got, want := map[int]bool{}, map[int]bool{}
			all.above(p, func(link int) { got[link] = true })
			for i, link := range links {
				if strings.HasPrefix(p, link+"/") {
					want[i] = true
				}
			}
			if !maps.Equal(got, want) {
				t.Fatalf("%s below %q: got %v, want %v", p, links, got, want)
			}
		}
	}
}
