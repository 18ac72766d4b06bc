// SPDX-License-Identifier: Apache-2.0

package op

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// Format is the version of a plan's form; a journal of another one is not resumed.
const Format = 2

// A Plan is what one part of a boot does, in an order that respects every step's After. It is all that applying it takes,
// with what its handles stand for.
type Plan struct {
	Format int    `json:"format"`
	Part   string `json:"part"`
	Steps  []Step `json:"steps"`
}

// MarshalJSON implements json.Marshaler: a step's operation is under its kind.
func (s Step) MarshalJSON() ([]byte, error) {
	type plain Step
	return json.Marshal(struct {
		Kind Kind `json:"kind"`
		plain
	}{s.Op.Kind(), plain(s)})
}

// UnmarshalJSON implements json.Unmarshaler. A kind that this program does not know is an error.
func (s *Step) UnmarshalJSON(text []byte) error {
	type plain Step
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
