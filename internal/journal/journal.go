// SPDX-License-Identifier: Apache-2.0

// Package journal keeps the durable record of which steps of a run were begun and which are done.
//
// A journal is a file of lines, each with a checksum, that is only ever appended to. Begun is durable before
// the first effect of a step, Done only after its effects are. A torn last line, which is what a power cut leaves,
// is dropped; damage anywhere else is refused, because then nothing that the file says can be trusted.
// The package decides nothing: what a begun step means is for the executor to find out.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
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
)

// A Header says what run a journal belongs to. All of it, rather than the plan itself, is stored: plans are
// rebuilt from it, since planning is a pure function.
type Header struct {
	Engine string          `json:"engine"` // version of the program
	Format int             `json:"format"` // plan.Format
	Part   string          `json:"part"`
	Config string          `json:"config"` // digest of the config
	Inputs json.RawMessage `json:"inputs"`
	Facts  json.RawMessage `json:"facts"`
}

// Same tells whether two headers belong to the same run: the same config, planned by the same program.
func (h Header) Same(o Header) bool {
	return h.Engine == o.Engine && h.Format == o.Format && h.Part == o.Part && h.Config == o.Config
}

type record struct {
	Header *Header     `json:"header,omitempty"`
	State  State       `json:"state,omitempty"`
	Steps  []op.StepID `json:"steps,omitempty"`
}

// A Journal is an open journal file.
type Journal struct {
	file   *os.File
	header Header
	states map[op.StepID]State
	syncs  int
}

// ErrDamaged is wrapped by Open's error for a file that is broken before its end.
var ErrDamaged = errors.New("the journal is damaged")

// ErrEmpty is Open's error for a file in which not even the header survived: nothing had begun.
var ErrEmpty = errors.New("the journal is empty")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Create starts the journal of a new run under name, durably, in place of any that is there.
func Create(dir *os.Root, name string, h Header) (*Journal, error) {
	j := &Journal{header: h, states: map[op.StepID]State{}}
	temporary := name + ".new"
	var err error
	if j.file, err = dir.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600); err != nil {
		return nil, fmt.Errorf("create journal: %w", err)
	}
	if err := j.append(record{Header: &h}); err != nil {
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

// Open reads the journal of an earlier run and continues it. The error wraps fs.ErrNotExist if there is none.
func Open(dir *os.Root, name string) (*Journal, error) {
	file, err := dir.OpenFile(name, os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{file: file, states: map[op.StepID]State{}}
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
			j.states[id] = r.State
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

func checksum(text []byte) string { return fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)) }

// append writes one record and makes it durable.
func (j *Journal) append(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode journal record: %w", err)
	}
	line := append([]byte(checksum(text)+" "), text...)
	if _, err := j.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	j.syncs++
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync journal: %w", err)
	}
	return nil
}

// Header returns what run the journal belongs to.
func (j *Journal) Header() Header { return j.header }

// State returns how far a step has come; empty means that it was never begun.
func (j *Journal) State(id op.StepID) State { return j.states[id] }

// Mark records that a group of steps reached a state, durably, with one sync. An empty group costs nothing.
func (j *Journal) Mark(s State, ids []op.StepID) error {
	if len(ids) == 0 {
		return nil
	}
	if err := j.append(record{State: s, Steps: ids}); err != nil {
		return err
	}
	for _, id := range ids {
		j.states[id] = s
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
