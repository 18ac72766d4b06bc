// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/rules"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/config/unitfile"
)

// sharpeners find the exact place, and a related place, of findings whose path and span are those that Ignition reports.
// Findings of rules without an entry have the exact place already.
var sharpeners = map[string]func(c *checker, d *diag.Diagnostic, steps []any){
	"V020": sharpenKey, "V022": sharpenPath, "V023": sharpenArgument,
	"V102": sharpenSource, "V104": sharpenSource, "V106": sharpenSource, "V107": sharpenSource, "V108": sharpenSource,
	"V112": sharpenHash, "V113": sharpenHash, "V114": sharpenHash,
	"V213": sharpenOwner, "V220": sharpenBelow, "V221": sharpenBelow, "V222": sharpenBelow, "V224": sharpenHardLink, "V230": sharpenOverUnit,
	"V303": sharpenPartition("number"), "V305": sharpenPartition("label"), "V304": sharpenOverlap, "V306": sharpenAbsent,
	"V308": sharpenExcess(36), "V309": sharpenCharacter(":"), "V322": sharpenSibling("spares"),
	"V405": sharpenFormat, "V411": sharpenExcess(36), "V420": sharpenDisk, "V421": sharpenDisk,
	"V500": sharpenCharacter("/"), "V502": sharpenExcess(47), "V504": sharpenSibling("clevis", "custom"),
	"V601": sharpenLine, "V602": sharpenLine, "V603": sharpenLine, "V604": sharpenLine, "V605": sharpenLine, "V621": sharpenLine,
	"V610": sharpenSibling("enabled"), "V611": sharpenTemplate,
	"E702": sharpenCharacter(":\n\x00"),
}

// mostSharpened bounds the time that a config of nothing but mistakes takes: some look through a list for each finding.
const mostSharpened = 1000

// sharpen sets the exact place of a finding, and the other place.
func (c *checker) sharpen(d *diag.Diagnostic) {
	f := sharpeners[d.Code]
	if f == nil || c.tree == nil || d.Path.Len() == 0 || d.Path.Tag != jsonPath || c.sharpened == mostSharpened {
		return
	}
	c.sharpened++
	f(c, d, d.Path.Path)
}

// mark sets the exact place to a value.
func (c *checker) mark(d *diag.Diagnostic, steps ...any) { d.Mark = c.origins.SpanOf(steps) }

// within sets the exact place to a part of a string. If the document does not contain the string, as with a local file, the
// summary names the line.
func (c *checker) within(d *diag.Diagnostic, steps []any, from, to int) {
	d.Mark = c.origins.Within(steps, from, to)
	text, _ := c.text(steps)
	if d.Mark != c.origins.SpanOf(steps) || from > len(text) || !strings.Contains(text, "\n") || strings.HasPrefix(d.Summary, "line ") {
		return
	}
	d.Summary = "line " + strconv.Itoa(1+strings.Count(text[:from], "\n")) + " of the unit: " + d.Summary
}

// node returns the value at a path, or nil.
func (c *checker) node(steps []any) *doc.Node {
	n := &c.tree.Root
	for _, s := range steps {
		switch s := s.(type) {
		case int:
			if n.Kind != doc.List || s >= len(n.Kids) {
				return nil
			}
			n = &n.Kids[s].Node
		case string:
			kid := n.Find(s)
			if kid == nil {
				return nil
			}
			n = &kid.Node
		}
	}
	return n
}

// text returns the string at a path.
func (c *checker) text(steps []any) (string, bool) {
	if n := c.node(steps); n != nil && n.Kind == doc.String {
		return n.Text, true
	}
	return "", false
}

// split returns the path of a list and the index of one of its items.
func split(steps []any) (list []any, index int) {
	list, last := steps[:len(steps)-1], steps[len(steps)-1]
	index, _ = last.(int)
	return list, index
}

// keyMembers are the members that the keys of lists stand in; lists of strings have none.
var keyMembers = map[string][]string{
	"merge": {"source"}, "certificateAuthorities": {"source"}, "httpHeaders": {"name"}, "disks": {"device"}, "partitions": {"number", "label"},
	"raid": {"name"}, "filesystems": {"device"}, "luks": {"name"}, "tang": {"url"}, "units": {"name"}, "dropins": {"name"}, "users": {"name"}, "groups": {"name"},
}

// notShown are lists whose keys may hold secrets, or are long.
var notShown = []string{"merge", "certificateAuthorities", "httpHeaders", "tang", "sshAuthorizedKeys", "openOptions", "shouldExist", "shouldNotExist"}

func sharpenKey(c *checker, d *diag.Diagnostic, steps []any) {
	list, index := split(steps)
	name, _ := list[len(list)-1].(string)
	n := c.node(list)
	if n == nil || index >= len(n.Kids) {
		return
	}
	for _, member := range append(keyMembers[name], "") {
		key := keyOf(&n.Kids[index].Node, member)
		if key == "" || key == "0" {
			continue
		}
		for j := range n.Kids[:index] {
			if keyOf(&n.Kids[j].Node, member) != key {
				continue
			}
			first := join(list, j)
			if member != "" {
				c.mark(d, join(steps, member)...)
				first = append(first, member)
			}
			if !slices.Contains(notShown, name) {
				d.Summary = strings.TrimSpace("duplicate "+member) + " " + quote(key)
			}
			d.Related = c.related(first, "the first entry is here")
			return
		}
	}
}

// keyOf returns the text of a member, or of the item itself for a list of strings.
func keyOf(n *doc.Node, member string) string {
	if member == "" {
		return n.Text
	}
	if kid := n.Find(member); kid != nil {
		return kid.Text
	}
	return ""
}

// nodeLists are the lists of nodes, in the order in which the later of two entries is reported.
var nodeLists = []string{"directories", "files", "links"}

// eachPath calls f with the path of every node until it returns false.
func (c *checker) eachPath(f func(p string, steps []any) bool) {
	s := &c.config.Storage
	lengths := map[string]int{"directories": len(s.Directories), "files": len(s.Files), "links": len(s.Links)}
	for _, list := range nodeLists {
		for i := range lengths[list] {
			p := ""
			switch list {
			case "directories":
				p = s.Directories[i].Path
			case "files":
				p = s.Files[i].Path
			default:
				p = s.Links[i].Path
			}
			if !f(p, at("storage", list, i)) {
				return
			}
		}
	}
}

func sharpenPath(c *checker, d *diag.Diagnostic, steps []any) {
	c.mark(d, join(steps, "path")...)
	own, _ := c.text(join(steps, "path"))
	c.eachPath(func(p string, other []any) bool {
		if p == own {
			d.Related = c.related(join(other, "path"), "the first entry with this path")
		}
		return p != own
	})
}

func sharpenArgument(c *checker, d *diag.Diagnostic, steps []any) {
	own, _ := c.text(steps)
	for i, a := range c.config.KernelArguments.ShouldExist {
		if a == own {
			d.Related = c.related(at("kernelArguments", "shouldExist", i), "the same argument in shouldExist")
		}
	}
}

func sharpenSource(c *checker, d *diag.Diagnostic, steps []any) {
	if last, _ := steps[len(steps)-1].(string); last != "source" {
		steps = join(steps, "source")
	}
	source, ok := c.text(steps)
	if !ok {
		return
	}
	if from, to := rules.SourceFlaw(source, c.version); to > 0 {
		d.Mark = c.origins.Within(steps, from, to)
	} else {
		c.mark(d, steps...)
	}
}

func sharpenHash(c *checker, d *diag.Diagnostic, steps []any) {
	hash, ok := c.text(steps)
	dash := strings.IndexByte(hash, '-')
	switch {
	case !ok || dash <= 0:
	case d.Code == "V113":
		d.Mark = c.origins.Within(steps, 0, dash)
	case d.Code == "V114" && dash+1 < len(hash):
		d.Mark = c.origins.Within(steps, dash+1, len(hash))
	}
}

func sharpenOwner(c *checker, d *diag.Diagnostic, steps []any) {
	c.mark(d, join(steps, "name")...)
	d.Related = c.related(join(steps, "id"), "the id")
}

func sharpenBelow(c *checker, d *diag.Diagnostic, steps []any) {
	c.mark(d, join(steps, "path")...)
	own, _ := c.text(join(steps, "path"))
	for i := range c.config.Storage.Links {
		if link := c.config.Storage.Links[i].Path; link != "" && strings.HasPrefix(own, link+"/") && strings.Contains(d.Summary, `"`+link+`"`) {
			d.Related = c.related(at("storage", "links", i, "path"), "the link")
			return
		}
	}
}

func sharpenHardLink(c *checker, d *diag.Diagnostic, steps []any) {
	c.mark(d, join(steps, "target")...)
	target, _ := c.text(join(steps, "target"))
	for i := range c.config.Storage.Directories {
		if c.config.Storage.Directories[i].Path == target {
			d.Related = c.related(at("storage", "directories", i, "path"), "the directory")
		}
	}
}

func sharpenOverUnit(c *checker, d *diag.Diagnostic, steps []any) {
	own, _ := c.text(steps)
	for i := range c.config.Systemd.Units {
		u := &c.config.Systemd.Units[i]
		if own == "/etc/systemd/system/"+u.Name {
			d.Related = c.related(at("systemd", "units", i, "name"), "the unit that is written to this path")
		}
		for j := range u.Dropins {
			if own == "/etc/systemd/system/"+u.Name+".d/"+u.Dropins[j].Name {
				d.Related = c.related(at("systemd", "units", i, "dropins", j, "name"), "the drop-in that is written to this path")
			}
		}
	}
}

// sharpenPartition points to the member that two partitions have in common.
func sharpenPartition(member string) func(*checker, *diag.Diagnostic, []any) {
	return func(c *checker, d *diag.Diagnostic, steps []any) {
		c.mark(d, join(steps, member)...)
		list, index := split(steps)
		own := c.node(join(steps, member))
		for i := range index {
			if other := c.node(join(list, i, member)); own != nil && other != nil && other.Text == own.Text {
				d.Related = c.related(join(list, i, member), "the first partition with this "+member)
				return
			}
		}
	}
}

func sharpenOverlap(c *checker, d *diag.Diagnostic, steps []any) {
	c.mark(d, join(steps, "startMiB")...)
	list, index := split(steps)
	disk, _ := list[len(list)-2].(int)
	partitions := c.config.Storage.Disks[disk].Partitions
	for i := range partitions {
		if i != index && overlaps(&partitions[i], &partitions[index]) {
			d.Related = c.related(join(list, i, "startMiB"), "the other partition starts here")
			return
		}
	}
}

// overlaps reports whether two partitions with given starts and sizes overlap.
func overlaps(a, b *types.Partition) bool {
	if a.StartMiB == nil || b.StartMiB == nil || a.SizeMiB == nil || b.SizeMiB == nil || *a.StartMiB == 0 || *b.StartMiB == 0 {
		return false
	}
	return *a.StartMiB < *b.StartMiB+max(1, *b.SizeMiB) && *b.StartMiB < *a.StartMiB+max(1, *a.SizeMiB)
}

func sharpenAbsent(c *checker, d *diag.Diagnostic, steps []any) {
	for _, member := range []string{"label", "startMiB", "sizeMiB", "guid", "typeGuid"} {
		if n := c.node(join(steps, member)); n != nil && n.Kind != doc.Null {
			c.mark(d, join(steps, member)...)
			break
		}
	}
	d.Related = c.related(join(steps, "shouldExist"), "the partition must not exist")
}

// sharpenExcess points to the text after the last byte that fits.
func sharpenExcess(most int) func(*checker, *diag.Diagnostic, []any) {
	return func(c *checker, d *diag.Diagnostic, steps []any) {
		text, _ := c.text(steps)
		from := min(most, len(text))
		for from > 0 && from < len(text) && !utf8.RuneStart(text[from]) {
			from--
		}
		if from < len(text) {
			d.Mark = c.origins.Within(steps, from, len(text))
		}
	}
}

// sharpenFormat points to the part of a filesystem label that does not fit.
func sharpenFormat(c *checker, d *diag.Diagnostic, steps []any) {
	list, _ := split(steps)
	format, _ := c.text(join(list, "format"))
	if most, ok := rules.LabelLimit(format); ok {
		sharpenExcess(most)(c, d, steps)
	}
	d.Related = c.related(join(list, "format"), "the format")
}

// sharpenCharacter points to the first of some characters.
func sharpenCharacter(characters string) func(*checker, *diag.Diagnostic, []any) {
	return func(c *checker, d *diag.Diagnostic, steps []any) {
		text, _ := c.text(steps)
		if i := strings.IndexAny(text, characters); i >= 0 {
			d.Mark = c.origins.Within(steps, i, i+1)
		}
	}
}

// sharpenSibling points to another member: of the object itself, or below it.
func sharpenSibling(members ...any) func(*checker, *diag.Diagnostic, []any) {
	return func(c *checker, d *diag.Diagnostic, steps []any) {
		object, _ := split(steps)
		if c.node(join(object, members...)) != nil {
			c.mark(d, join(object, members...)...)
		}
	}
}

func sharpenDisk(c *checker, d *diag.Diagnostic, steps []any) {
	own, _ := c.text(steps)
	for i := range c.config.Storage.Disks {
		if c.config.Storage.Disks[i].Device == own {
			d.Related = c.related(at("storage", "disks", i, "device"), "the disk")
		}
	}
}

func sharpenLine(c *checker, d *diag.Diagnostic, steps []any) {
	text, _ := c.text(steps)
	if err := unitfile.Parse(text).Strict; err != nil {
		from, to := unitfile.LineRange(text, err.Line)
		c.within(d, steps, from, max(to, from+1))
	}
}

func sharpenTemplate(c *checker, d *diag.Diagnostic, steps []any) {
	sharpenSibling("enabled")(c, d, steps)
	object, _ := split(steps)
	name, _ := c.text(join(object, "name"))
	prefix, _, _ := strings.Cut(name, "@")
	for i := range c.config.Systemd.Units {
		if c.config.Systemd.Units[i].Name == prefix+"@.service" {
			d.Related = c.related(at("systemd", "units", i, "name"), "the template")
		}
	}
}
