// SPDX-License-Identifier: Apache-2.0

package op

import (
	"encoding/json"
	"fmt"
	"sort"
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
			var err error
			s.Op, err = o.decode(in.Op)
			return err
		}
	}
	return fmt.Errorf("read plan: no operation is of kind %q", in.Kind)
}

// A Prototype is one kind of operation.
type Prototype struct {
	Op     // of that kind, empty
	decode func(json.RawMessage) (Op, error)
}

func prototype[O Op]() Prototype {
	var empty O
	return Prototype{empty, func(text json.RawMessage) (Op, error) {
		var o O
		err := json.Unmarshal(text, &o)
		return o, err
	}}
}

// Operations is the table of all kinds of operations, sorted by kind.
func Operations() []Prototype {
	all := []Prototype{
		prototype[SetKernelArguments](),
		prototype[NameDevices](), prototype[StopArray](), prototype[WritePartitionTable](), prototype[MarkDisk](),
		prototype[CreateArray](),
		prototype[MakeVolume](), prototype[FetchKey](), prototype[CheckVolume](), prototype[OpenVolume](),
		prototype[MakeFilesystem](), prototype[EraseSignatures](),
		prototype[Mount](), prototype[Unmount](),
		prototype[EditAccounts](), prototype[MakeHome](), prototype[MoveHome](), prototype[OwnHome](), prototype[OwnHomePart](),
		prototype[RemoveHome](), prototype[MakeMailbox](), prototype[WriteKeys](),
		prototype[MakeDirectory](), prototype[WriteFile](), prototype[KeepFile](), prototype[MakeLink](), prototype[MakeHardLink](),
		prototype[WriteUnit](), prototype[MaskUnit](), prototype[UnmaskUnit](), prototype[SetPresets](),
		prototype[WriteVolumeKey](), prototype[AddCrypttab](),
		prototype[Relabel](),
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Kind() < all[j].Kind() })
	return all
}
