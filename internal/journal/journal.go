// SPDX-License-Identifier: Apache-2.0

// Package journal keeps the durable record of which steps of a run were begun and which are done.
//
// A journal is a file of lines, each with a checksum, and is only appended to. Begun is durable before the first effect of a
// step, Done only after its effects are. A torn last line, as a power cut leaves it, is dropped. Damage anywhere else is an
// error, because then nothing in the file can be trusted. The package decides nothing: the executor finds out what became of a
// begun step.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"

	"github.com/firstlight-boot/firstlight/internal/op"
)

// State is how far a step has come.
type State string

// The states. A step without a record was never begun.
const (
	Begun  State = "begun"
	Done   State = "done"
	Failed State = "failed"
	// Undone says that a begun step has no effect: it failed without one, or its turn did not come.
	Undone State = "undone"
)

// A Header identifies the run of a journal and holds its plan. A restart resumes that plan, even if it would plan otherwise now.
type Header struct {
	Engine string  `json:"engine"` // version of the program
	Config string  `json:"config"` // digest of the config
	Seed   string  `json:"seed"`   // with which the plan's handles were made
	Plan   op.Plan `json:"plan"`
}

// Same reports whether two headers belong to the same run: the same config, planned by the same program.
func (h Header) Same(o Header) bool {
	return h.Engine == o.Engine && h.Plan.Format == o.Plan.Format && h.Plan.Part == o.Plan.Part && h.Config == o.Config
}

// An Entry is the record of one step.
type Entry struct {
	Step op.StepID
	// On identifies the filesystems that the step writes to; empty: none. The record is void once they are made again.
	On string
}

// record is one line: a header, or what was recorded of the steps on the same filesystems.
type record struct {
	Header *Header     `json:"header,omitempty"`
	State  State       `json:"state,omitempty"`
	On     string      `json:"on,omitempty"`
	Steps  []op.StepID `json:"steps,omitempty"`
}

// record returns the first record of a journal. The plan in it is a value without a method of its own, because encoding/json checks
// and copies what a method returns, and the plan is most of the journal.
func (h Header) record() any {
	type header struct {
		Header
		Plan any `json:"plan"`
	}
	return struct {
		Header header `json:"header"`
	}{header{h, h.Plan.Encoded()}}
}

type known struct {
	state State
	on    string
}

// A Journal is an open journal file.
type Journal struct {
	file   *os.File
	header Header
	states map[op.StepID]known
	syncs  int
}

// ErrDamaged is wrapped by Open's error for a file that is broken before its end.
var ErrDamaged = errors.New("the journal is damaged")

// ErrEmpty is Open's error for a file in which not even the header survived: nothing had begun.
var ErrEmpty = errors.New("the journal is empty")

// Create starts the journal of a new run under name, durably, in place of an older one.
func Create(dir *os.Root, name string, h Header) (*Journal, error) {
	j := &Journal{header: h, states: make(map[op.StepID]known, len(h.Plan.Steps))}
	temporary := name + ".new"
	if err := clearName(dir, temporary); err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	var err error
	if j.file, err = dir.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600); err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	line, err := encode(h.record())
	if err == nil {
		err = j.append(line)
	}
	if err != nil {
		return nil, errors.Join(err, j.file.Close())
	}
	if err := dir.Rename(temporary, name); err != nil {
		return nil, errors.Join(fmt.Errorf("create journal: %w", err), j.file.Close())
	}
	if err := SyncDir(dir); err != nil {
		return nil, errors.Join(err, j.file.Close())
	}
	return j, nil
}

// clearName removes what an interrupted run left under a name. It does not remove a directory, nor follow a link.
func clearName(dir *os.Root, name string) error {
	info, err := dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory", name)
	}
	return dir.Remove(name)
}

// mostJournal bounds the size of a journal that is read, in bytes: that of a plan with a million steps.
const mostJournal = 1 << 29

// openRegular opens an existing file. Anything else of that name, such as a FIFO or a link, is an error.
func openRegular(dir *os.Root, name string) (*os.File, error) {
	info, err := dir.Lstat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file; remove it from the root", name)
	case info.Size() > mostJournal:
		return nil, fmt.Errorf("%s is longer than %d bytes; remove it from the root", name, int64(mostJournal))
	}
	return dir.OpenFile(name, os.O_RDWR|os.O_APPEND, 0o600)
}

// Open reads the journal of an earlier run and continues it. The error wraps fs.ErrNotExist if there is none.
func Open(dir *os.Root, name string) (*Journal, error) {
	file, err := openRegular(dir, name)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{file: file, states: map[op.StepID]known{}}
	if err := j.load(); err != nil {
		return nil, errors.Join(fmt.Errorf("read journal %s: %w", name, err), file.Close())
	}
	return j, nil
}

// load reads all records and cuts a torn tail off.
func (j *Journal) load() error {
	in := bufio.NewReaderSize(j.file, 1<<16)
	var good int64
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && err != io.EOF {
			return err
		}
		if len(line) == 0 {
			break
		}
		r, ok := decode(line)
		if !ok {
			if _, err := in.Peek(1); err != io.EOF {
				return fmt.Errorf("%w at byte %d", ErrDamaged, good)
			}
			break
		}
		good += int64(len(line))
		if r.Header != nil {
			j.header = *r.Header
		}
		for _, id := range r.Steps {
			j.states[id] = known{r.State, r.On}
		}
	}
	if good == 0 {
		return ErrEmpty
	}
	if err := j.file.Truncate(good); err != nil {
		return fmt.Errorf("drop torn record: %w", err)
	}
	return nil
}

// decode reads one line: checksum in hex, a space, JSON, newline.
func decode(line []byte) (record, bool) {
	sum, text, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte(" "))
	if !ok || line[len(line)-1] != '\n' || string(sum) != checksum(text) {
		return record{}, false
	}
	var r record
	return r, json.Unmarshal(text, &r) == nil
}

func checksum(text []byte) string {
	return fmt.Sprintf("%08x", crc32.Checksum(text, crc32.MakeTable(crc32.Castagnoli))) // the package makes the table once
}

// encode returns the line of a record.
func encode(record any) ([]byte, error) {
	const before = len("01234567 ")
	line := bytes.NewBuffer(make([]byte, before)) // the header is large: it is copied once
	if err := json.NewEncoder(line).Encode(record); err != nil {
		return nil, fmt.Errorf("encode journal record: %w", err)
	}
	all := line.Bytes()
	copy(all, checksum(all[before:len(all)-1])+" ")
	return all, nil
}

// append writes lines and makes them durable with one sync.
func (j *Journal) append(lines []byte) error {
	if _, err := j.file.Write(lines); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	j.syncs++
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync journal: %w", err)
	}
	return nil
}

// Header returns the header, which identifies the run.
func (j *Journal) Header() Header { return j.header }

// State returns how far a step has come and on which filesystems; an empty state means that it was never begun.
func (j *Journal) State(id op.StepID) (State, string) { return j.states[id].state, j.states[id].on }

// Record records that a group of steps reached a state, durably, with one sync. An empty group costs nothing.
func (j *Journal) Record(s State, entries []Entry) error {
	if len(entries) == 0 {
		return nil
	}
	var records []record
	place := map[string]int{} // of the record for the filesystems
	for _, e := range entries {
		i, ok := place[e.On]
		if !ok {
			i = len(records)
			place[e.On] = i
			records = append(records, record{State: s, On: e.On})
		}
		records[i].Steps = append(records[i].Steps, e.Step)
	}
	var lines []byte
	for _, r := range records {
		line, err := encode(r)
		if err != nil {
			return err
		}
		lines = append(lines, line...)
	}
	if err := j.append(lines); err != nil {
		return err
	}
	for _, e := range entries {
		j.states[e.Step] = known{s, e.On}
	}
	return nil
}

// Syncs returns how many times the journal waited for the disk.
func (j *Journal) Syncs() int { return j.syncs }

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// SyncDir makes the names in a directory durable.
func SyncDir(dir *os.Root) error {
	d, err := dir.Open(".")
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	if err := d.Sync(); err != nil {
		return errors.Join(fmt.Errorf("sync directory: %w", err), d.Close())
	}
	return d.Close()
}
