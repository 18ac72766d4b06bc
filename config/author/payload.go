// SPDX-License-Identifier: Apache-2.0

package author

import (
	"bytes"
	"encoding/base64"
	"io"
	"io/fs"
	"runtime"
	"sync"
	"sync/atomic"
)

// A form is a way of writing contents into a data URL.
type form uint8

const (
	plain  form = iota // percent escapes
	base   form = iota // base64
	zip                // base64 of gzip
	prefix = "data:"
)

// heads are the texts between data: and the contents.
var heads = [...]string{plain: ",", base: ";base64,", zip: ";base64,"}

// compression is the value of the member compression for a form.
func (f form) compression() string {
	if f == zip {
		return "gzip"
	}
	return ""
}

// url returns the data URL of contents, which are compressed already for zip.
func (f form) url(contents []byte) string {
	head := prefix + heads[f]
	if f == plain {
		out := make([]byte, 0, len(head)+plainLength(contents))
		return string(appendPlain(append(out, head...), contents))
	}
	out := make([]byte, len(head)+base64.StdEncoding.EncodedLen(len(contents)))
	copy(out, head)
	base64.StdEncoding.Encode(out[len(head):], contents)
	return string(out)
}

// baseLength returns the length of a data URL after "data:" for n bytes in base64.
func baseLength(n int64) int64 { return int64(len(heads[base])) + (n+2)/3*4 }

// unescaped are the bytes that need no escape, those that URI components may have.
var unescaped = func() (table [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.!~*'()") {
		table[c] = true
	}
	return table
}()

func plainLength(contents []byte) int {
	n := 3 * len(contents)
	for _, c := range contents {
		if unescaped[c] {
			n -= 2
		}
	}
	return n
}

func appendPlain(out, contents []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range contents {
		if unescaped[c] {
			out = append(out, c)
		} else {
			out = append(out, '%', digits[c>>4], digits[c&15])
		}
	}
	return out
}

// pick chooses the form by the lengths of all of them: base64 if it is shorter, gzip if it is shorter even with its name.
// A negative length of the compressed contents means that they are not allowed.
func pick(plainSize, size, zipped int64) form {
	best, chosen := int64(len(heads[plain]))+plainSize, plain
	if n := baseLength(size); n < best {
		best, chosen = n, base
	}
	if zipped >= 0 && baseLength(zipped)+int64(len("gzip")) < best {
		chosen = zip
	}
	return chosen
}

// A job is contents that are to become a data URL.
type job struct {
	cause       *node
	source      *node  // its text is set
	compression *node  // its text is set; nil if the author sets compression, so the contents stay as they are
	contents    []byte // or else
	file        string // too large for memory
	oldForm     bool   // in the first version all contents are escaped
	err         error
}

// encode runs the jobs on all processors: choosing forms takes most of the time of large documents.
func (t *translator) encode() {
	jobs := t.jobs
	t.jobs = nil
	mayZip := t.v.has&noGzip == 0 && t.o.Gzip != nil
	var next, kept atomic.Int64
	work := func(c *compressor) {
		for i := int(next.Add(1)) - 1; i < len(jobs); i = int(next.Add(1)) - 1 {
			jobs[i].run(c, t.o.Files, mayZip)
			if data := jobs[i].source.data; data != nil && kept.Add(int64(len(data.zipped))) > keptAtMost {
				data.zipped = nil
			}
		}
	}
	const few = 16 // a thread is worth its cost only for more small jobs than this
	threads := len(jobs) / few
	for i := range jobs {
		if jobs[i].file != "" {
			threads++
		}
	}
	var others sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0)-1, threads) {
		others.Go(func() { work(&compressor{make: t.o.Gzip}) })
	}
	t.compressor.make = t.o.Gzip
	work(&t.compressor) // kept, since each inline config has an encode of its own
	others.Wait()
	for i := range jobs {
		if jobs[i].err != nil {
			t.fail(CodeLocal, jobs[i].cause, "", "read local file "+shown(jobs[i].file)+": "+reason(jobs[i].err), localHint(jobs[i].err))
		}
	}
}

// run encodes the contents, or measures the file.
func (j *job) run(c *compressor, files fs.FS, mayZip bool) {
	mayZip = mayZip && j.compression != nil
	var chosen form
	switch {
	case j.oldForm:
		j.source.text = plain.url(j.contents)
	case j.file != "":
		data, err := c.measure(files, j.file, mayZip)
		if err != nil {
			j.err = err
			return
		}
		j.source.text, j.source.data, chosen = "data:,", data, data.form
	default:
		var zipped []byte
		if chosen, zipped = c.choose(j.contents, mayZip); chosen == zip {
			j.contents = zipped
		}
		j.source.text = chosen.url(j.contents)
	}
	if j.compression != nil {
		j.compression.text = chosen.compression()
	}
	j.contents = nil
}

// A compressor is kept from one file to the next, since its tables are large.
type compressor struct {
	make func(io.Writer) Gzip
	w    Gzip
	out  bytes.Buffer
}

// writer returns the compressor, writing to another place.
func (c *compressor) writer(to io.Writer) Gzip {
	if c.w == nil {
		c.w = c.make(to)
	} else {
		c.w.Reset(to)
	}
	return c.w
}

// choose returns the form for contents, and the compressed ones if that is the form.
func (c *compressor) choose(contents []byte, mayZip bool) (form, []byte) {
	const least = 20 // bytes that gzip makes of anything
	escaped := int64(plainLength(contents))
	without := pick(escaped, int64(len(contents)), -1)
	if !mayZip || pick(escaped, int64(len(contents)), least) != zip {
		return without, nil
	}
	c.out.Reset()
	w := c.writer(&c.out)
	_, _ = w.Write(contents) // a buffer accepts every write
	_ = w.Close()
	if pick(escaped, int64(len(contents)), int64(c.out.Len())) == zip {
		return zip, c.out.Bytes()
	}
	return without, nil
}

// A payload is a file that is too large for memory.
type payload struct {
	files  fs.FS
	name   string
	form   form
	size   int64
	zipped []byte // what compressing it gave, if that was kept; compressing again takes long
}

// keptAtMost bounds the bytes that all payloads together keep.
const keptAtMost = 16 << 20

// A keeper counts what is written to it, and keeps it as long as it is small.
type keeper struct {
	size int64
	kept []byte
}

func (k *keeper) Write(b []byte) (int, error) {
	const most = 2 << 20
	if k.size += int64(len(b)); k.size <= most {
		k.kept = append(k.kept, b...)
	} else {
		k.kept = nil
	}
	return len(b), nil
}

// measure reads a file to choose its form.
func (c *compressor) measure(files fs.FS, name string, mayZip bool) (*payload, error) {
	f, err := files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lengths counter
	var zipped keeper
	sink := io.Writer(&lengths)
	var z Gzip
	if mayZip {
		z = c.writer(&zipped)
		sink = io.MultiWriter(&lengths, z)
	}
	if _, err := io.CopyBuffer(sink, struct{ io.Reader }{f}, make([]byte, 64<<10)); err != nil {
		return nil, err
	}
	length := int64(-1)
	if z != nil {
		if err := z.Close(); err != nil {
			return nil, err
		}
		length = zipped.size
	}
	p := &payload{files: files, name: name, form: pick(lengths.plain, lengths.size, length), size: lengths.size}
	if p.form == zip {
		p.zipped = zipped.kept
	}
	return p, nil
}

// counter counts the bytes that are written to it, plain and escaped.
type counter struct{ size, plain int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.size += int64(len(b))
	c.plain += int64(plainLength(b))
	return len(b), nil
}

// write writes the data URL of the file.
func (p *payload) write(w io.Writer) error {
	if p.zipped != nil {
		if _, err := io.WriteString(w, prefix+heads[zip]); err != nil {
			return err
		}
		return writeBase(w, func(b io.Writer) error { _, err := b.Write(p.zipped); return err })
	}
	f, err := p.files.Open(p.name)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.WriteString(w, prefix+heads[p.form]); err != nil {
		return err
	}
	seen := counter{}
	in := io.TeeReader(f, &seen)
	switch p.form {
	case plain:
		err = writePlain(w, in)
	case base:
		err = writeBase(w, func(b io.Writer) error { _, err := io.Copy(b, in); return err })
	default:
		err = writeBase(w, func(b io.Writer) error {
			z := new(compressor).writer(b)
			if _, err := io.Copy(z, in); err != nil {
				return err
			}
			return z.Close()
		})
	}
	if err == nil && seen.size != p.size {
		err = &fs.PathError{Op: "read", Path: p.name, Err: errChanged}
	}
	return err
}

func writeBase(w io.Writer, from func(io.Writer) error) error {
	b := base64.NewEncoder(base64.StdEncoding, w)
	if err := from(b); err != nil {
		return err
	}
	return b.Close()
}

func writePlain(w io.Writer, from io.Reader) error {
	in, out := make([]byte, 32<<10), make([]byte, 0, 96<<10)
	for {
		n, err := from.Read(in)
		if out = appendPlain(out[:0], in[:n]); n > 0 {
			if _, err := w.Write(out); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
