// SPDX-License-Identifier: Apache-2.0

package author

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	vpath "github.com/coreos/vcontext/path"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// resource translates inline and local into a source.
func (t *translator) resource(in, out *node) {
	inline, local := in.get("inline"), in.get("local")
	switch {
	case inline != nil:
		t.fill(out, inline, []byte(inline.text))
	case local != nil:
		t.fillLocal(out, local)
	}
}

// fill sets the source of a resource to its contents. The cause is the node that asks for it.
func (t *translator) fill(out, cause *node, contents []byte) {
	source := cause.makeText("")
	out.set("source", source)
	j := job{cause: cause, source: source, contents: contents}
	if t.v.Spec == spec.V3_0 {
		j.oldForm = true
	} else if out.get("compression").str() == "" {
		j.compression = cause.makeText("")
		out.set("compression", j.compression)
	}
	t.jobs = append(t.jobs, j)
}

// Bounds of local files in memory. A file beyond them is read once to choose its form, and again when the config is written.
const (
	largeFile = 1 << 20
	allFiles  = 64 << 20
)

// fillLocal is fill for a local file.
func (t *translator) fillLocal(out, local *node) {
	name, size, ok := t.localFile(local)
	if !ok {
		return
	}
	if hash := out.get("verification", "hash").str(); hash != "" || size <= largeFile && t.loaded+size <= allFiles {
		text, err := fs.ReadFile(t.o.Files, name)
		if err != nil {
			t.cannotRead(local, err)
			return
		}
		t.loaded += int64(len(text))
		t.fill(out, local, text)
		return
	}
	t.fillLarge(out, local, name)
}

// fillLarge is fill for a file that is not read into memory.
func (t *translator) fillLarge(out, cause *node, name string) {
	t.fill(out, cause, nil)
	t.jobs[len(t.jobs)-1].file = name
}

// localFile returns the size of the file that a node names, and its name below the files directory.
func (t *translator) localFile(local *node) (name string, size int64, ok bool) {
	name, err := t.localName(local.text)
	if err == nil {
		var info fs.FileInfo
		if info, err = fs.Stat(t.o.Files, name); err == nil {
			if info.Mode().IsRegular() {
				return name, info.Size(), true
			}
			err = errNotFile
			if info.IsDir() {
				err = errDirectory
			}
		}
	}
	t.cannotRead(local, err)
	return "", 0, false
}

var (
	errNoFiles   = errors.New("no files directory is given")
	errOutside   = errors.New("the path leads outside of the files directory")
	errNotFile   = errors.New("not a regular file")
	errDirectory = errors.New("it is a directory")
)

// localName turns a path of the document into one below the files directory.
func (t *translator) localName(text string) (string, error) {
	if t.o.Files == nil {
		return "", errNoFiles
	}
	name := path.Clean(strings.TrimLeft(text, "/"))
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", errOutside
	}
	if !fs.ValidPath(name) {
		return "", errors.New("not a path")
	}
	return name, nil
}

// cannotRead reports that a local file cannot be read.
func (t *translator) cannotRead(local *node, err error) {
	t.fail(CodeLocal, local, "", "read local file "+shown(local.text)+": "+reason(err), localHint(err))
}

// reason returns what went wrong, without the name of the file, which the message already has.
func reason(err error) string {
	var p *fs.PathError
	switch {
	case isOutside(err):
		return errOutside.Error()
	case errors.As(err, &p):
		return p.Err.Error()
	}
	return err.Error()
}

// isOutside reports whether a path leads outside of the files directory, itself or through a link. The error that os.Root has for
// links is not exported.
func isOutside(err error) bool {
	return errors.Is(err, errOutside) || strings.HasSuffix(err.Error(), "path escapes from parent")
}

func localHint(err error) string {
	switch {
	case errors.Is(err, errNoFiles):
		return "name the directory with --files-dir; at boot there are no local files"
	case errors.Is(err, fs.ErrNotExist):
		return "paths are relative to the directory that --files-dir names"
	case errors.Is(err, errDirectory):
		return "storage.trees copies directories"
	case isOutside(err):
		return "move the file into the directory, or name a directory further up with --files-dir"
	}
	return ""
}

// readLocal reads a local file as it is.
func (t *translator) readLocal(local *node) ([]byte, bool) {
	name, _, ok := t.localFile(local)
	if !ok {
		return nil, false
	}
	text, err := fs.ReadFile(t.o.Files, name)
	if err != nil {
		t.cannotRead(local, err)
	}
	return text, err == nil
}

// childConfig is resource for a config that is merged or replaces this one. If this document has it, it is checked.
func (t *translator) childConfig(in, out *node) {
	t.resource(in, out)
	t.encode() // lists of references are told apart by their sources
	inline, local := in.get("inline"), in.get("local")
	switch {
	case t.o.Check == nil:
	case inline != nil:
		t.inlineChild(in, inline)
	case local != nil:
		t.localChild(local)
	}
}

// inlineChild checks a config that is text in this document. One of the same version must be valid.
func (t *translator) inlineChild(in, inline *node) {
	src := diag.NewSource(t.src.Name, []byte(inline.text))
	version, report := childVersion(src)
	switch {
	case report.HasErrors():
		t.fail(CodeChild, inline, "", "the inline config cannot be read: "+report[0].Summary, report[0].Hint)
		return
	case version != t.v.Spec.String():
		t.warn(CodeChild, in, "version", "the inline config has version "+shown(version)+"; this document becomes "+t.v.Spec.String(),
			"write version "+t.v.Spec.String())
		t.refused(inline, src)
		return
	}
	for _, found := range t.o.Check(src) {
		found.Summary = fmt.Sprintf("inline config, line %d: %s", found.Span.Start.Line, found.Summary)
		found.Path = vpath.New("yaml", found.Path.Path...)
		// Butane reports the path in the child, and a place in this document if that has the same path. Ours is the text.
		n, _ := t.in.find(found.Path.Path)
		found.Span, found.Mark = t.src.Span(int(n.start), int(n.end)), t.src.Span(int(inline.start), int(inline.end))
		t.report.Add(found)
	}
}

// localChild checks a config in a local file. Errors of reading the file were reported when its contents were read.
func (t *translator) localChild(local *node) {
	name, err := t.localName(local.text)
	if err != nil {
		return
	}
	text, err := fs.ReadFile(t.o.Files, name)
	if err == nil && !IsAuthored(text) {
		t.refused(local, diag.NewSource(name, text))
	}
}

// refused warns about a config that the machine will refuse. It is not an error, because Butane does not check it.
func (t *translator) refused(at *node, src *diag.Source) {
	for _, found := range t.o.Check(src).Errors() {
		t.warn(CodeRefused, at, "", fmt.Sprintf("the machine will refuse this config: line %d: %s", found.Span.Start.Line, found.Summary), found.Hint)
	}
}

// childVersion returns the version that a config states; empty if there is none.
func childVersion(src *diag.Source) (string, diag.List) {
	d, report := doc.ParseJSON(src)
	if report.HasErrors() {
		return "", report
	}
	if ignition := d.Root.Find("ignition"); ignition != nil {
		if v := ignition.Find("version"); v != nil && v.Kind == doc.String {
			return v.Text, nil
		}
	}
	return "", nil
}
