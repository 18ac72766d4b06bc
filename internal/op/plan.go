// SPDX-License-Identifier: Apache-2.0

package op

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Format is the version of the plan's form; a journal with another version is not resumed.
const Format = 2

// A Plan is what one part of a boot does, in an order that respects every step's After. Together with what its handles stand
// for, it is everything needed to apply it.
type Plan struct {
	Format int    `json:"format"`
	Part   string `json:"part"`
	Steps  []Step `json:"steps"`
}

// An encoded step has its operation under its kind.
type encoded struct {
	Kind Kind `json:"kind"`
	plain
}

type plain Step

// MarshalJSON implements json.Marshaler.
func (s Step) MarshalJSON() ([]byte, error) { return json.Marshal(encoded{s.Op.Kind(), plain(s)}) }

// MarshalJSON implements json.Marshaler. It encodes all steps in one go: a plan may have many thousands.
func (p Plan) MarshalJSON() ([]byte, error) { return json.Marshal(p.Encoded()) }

// Encoded returns a value with the plan's JSON form, but not its method: as a part of something larger it is encoded once, while
// encoding/json checks and copies what a method returns.
func (p Plan) Encoded() any {
	steps := make([]encoded, len(p.Steps))
	for i, s := range p.Steps {
		steps[i] = encoded{s.Op.Kind(), plain(s)}
	}
	return struct {
		Format int       `json:"format"`
		Part   string    `json:"part"`
		Steps  []encoded `json:"steps"`
	}{p.Format, p.Part, steps}
}

// UnmarshalJSON implements json.Unmarshaler. A kind that this program does not know is an error.
func (s *Step) UnmarshalJSON(text []byte) error {
	in := struct {
		Kind Kind            `json:"kind"`
		Op   json.RawMessage `json:"op"`
		*plain
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(text, &in); err != nil {
		return err
	}
	for _, o := range Operations() {
		if o.Kind() == in.Kind {
			v := reflect.New(reflect.TypeOf(o))
			err := json.Unmarshal(in.Op, v.Interface())
			s.Op = v.Elem().Interface().(Op)
			return err
		}
	}
	return fmt.Errorf("read plan: no operation is of kind %q", in.Kind)
}

// Operations is the table of all kinds of operations, an empty one each, sorted by kind.
func Operations() []Op {
	return []Op{
		AddCrypttab{},
		CheckVolume{},
		CreateArray{},
		EditAccounts{},
		EraseSignatures{},
		FetchKey{},
		KeepFile{},
		MakeDirectory{},
		MakeFilesystem{},
		MakeHardLink{},
		MakeHome{},
		MakeLink{},
		MakeMailbox{},
		MakeVolume{},
		MarkDisk{},
		MaskUnit{},
		Mount{},
		MoveHome{},
		NameDevices{},
		OpenVolume{},
		OwnHome{},
		OwnHomePart{},
		Relabel{},
		RemoveHome{},
		SetKernelArguments{},
		SetPresets{},
		StopArray{},
		UnmaskUnit{},
		Unmount{},
		WriteFile{},
		WriteKeys{},
		WritePartitionTable{},
		WriteUnit{},
		WriteVolumeKey{},
	}
}
