// SPDX-License-Identifier: Apache-2.0

package facts

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// newTree has nodes of a type each: "d", "f", "l", "o" and the path.
func newTree(nodes ...string) *Tree {
	t := &Tree{}
	t.Prepare()
	kinds := map[string]string{"d": "directory", "f": "file", "l": "link", "o": "other"}
	for _, n := range nodes {
		w := append(strings.Fields(n), "")
		t.Nodes[w[1]] = Node{Type: kinds[w[0]], Target: w[2]}
	}
	return t
}

func (t *Tree) list() string {
	var all []string
	for _, p := range slices.Sorted(maps.Keys(t.Nodes)) {
		all = append(all, t.Nodes[p].Type[:1]+" "+p)
	}
	return strings.Join(all, ", ")
}

// Each change of a tree takes along what is below, and only that.
func TestTreeChanges(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*Tree)
		want string
	}{
		"put":             {func(t *Tree) { t.Put("/new", Node{Type: "file"}) }, "d /a, f /a/x, d /a/y, f /a/y/z, f /ab, l /l, f /new"},
		"put over":        {func(t *Tree) { t.Put("/a", Node{Type: "file"}) }, "f /a, f /ab, l /l"},
		"drop":            {func(t *Tree) { t.Drop("/a/y") }, "d /a, f /a/x, f /ab, l /l"},
		"drop a file":     {func(t *Tree) { t.Drop("/ab") }, "d /a, f /a/x, d /a/y, f /a/y/z, l /l"},
		"drop nothing":    {func(t *Tree) { t.Drop("/none") }, "d /a, f /a/x, d /a/y, f /a/y/z, f /ab, l /l"},
		"drop everything": {func(t *Tree) { t.Nodes["/"] = Node{Type: "directory"}; t.Drop("/") }, ""},
		"move":            {func(t *Tree) { t.Move("/a", "/b/c") }, "f /ab, d /b/c, f /b/c/x, d /b/c/y, f /b/c/y/z, l /l"},
		"mounted empty":   {func(t *Tree) { t.Mounted("/a", true) }, "d /a, f /ab, l /l"},
		"copy":            {func(t *Tree) { t.Copy("/a", "/c", 1, 2) }, "d /a, f /a/x, d /a/y, f /a/y/z, f /ab, f /c/x, d /c/y, f /c/y/z, l /l"},
	} {
		tree := newTree("d /a", "f /a/x", "d /a/y", "f /a/y/z", "f /ab", "l /l")
		tree.Below["/a"] = []string{"x", "y", "y/z"}
		c.do(tree)
		if got := tree.list(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Known nodes, nodes hidden by a mount, and nodes in the way.
func TestTreeQuestions(t *testing.T) {
	var none *Tree
	if none.Knows(NodeQuestion{Path: "/"}) || none.Hides("/") {
		t.Error("no tree knows something")
	}
	tree := newTree("d /a", "f /a/x")
	tree.Resolved["/via"] = "/a/x"
	tree.Asked["/a"], tree.Asked["/a/x"] = false, true
	for q, want := range map[NodeQuestion]bool{
		{Path: "/a"}: true, {Path: "/a", Content: true}: false, {Path: "/a/x", Content: true}: true, {Path: "/b"}: false,
	} {
		if got := tree.Knows(q); got != want {
			t.Errorf("%+v: %v", q, got)
		}
	}
	if tree.At("/via/").Type != "file" || tree.Place("/other") != "/other" {
		t.Error("a path does not lead to its place")
	}
	for place, want := range map[string]string{"/a/x/y/z": "/a/x", "/a/y": "", "/x": ""} {
		if got := tree.Blocked(place); got != want {
			t.Errorf("%s is blocked by %q, want %q", place, got, want)
		}
	}
	tree.Missing["/a/m"], tree.Unreachable["/a/u"] = "/a/m", "loop"
	tree.Mounted("/a", false)
	if !tree.Hides("/a/x") || !tree.Hides("/a") || tree.Hides("/ab") || len(tree.Missing)+len(tree.Unreachable) > 0 {
		t.Errorf("after a mount: %+v", tree)
	}
}

// Links in the last component are followed as far as they are known, and not for ever.
func TestFinal(t *testing.T) {
	tree := newTree("d /a", "l /a/rel ../b/x", "l /abs /c/y", "l /twice /a/rel", "l /loop /loop", "f /a/f")
	tree.Resolved["/c/y"] = "/d/y"
	for name, want := range map[string]string{
		"/a/f": "/a/f", "/a/rel": "/b/x", "/abs": "/d/y", "/twice": "/b/x", "/loop": "/loop", "/none": "/none",
	} {
		if got := tree.Final(name); got != want {
			t.Errorf("%s leads to %s, want %s", name, got, want)
		}
	}
}

// A copy is deep, and facts that were written and read back are the same.
func TestClone(t *testing.T) {
	f := Facts{
		Programs: map[string]bool{"a": true, "b": false}, Tree: newTree("d /a"), Root: &Root{Device: "/dev/vda1"}, Sealed: "then",
		Block: &Block{Mounts: map[string]string{}}, Units: &Units{Names: []string{}}, Handover: &Handover{Keys: []string{"v"}},
	}
	f.Block.Add("/dev/vda", Device{Size: 1, Members: []string{"/dev/vdb"}, Slot: Slot{"/dev/vdc", 1}})
	c, err := f.Clone()
	if err != nil {
		t.Fatal(err)
	}
	once, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	twice, err := json.Marshal(c)
	if err != nil || string(once) != string(twice) {
		t.Errorf("%v\n%s\n%s", err, once, twice)
	}
	if c.Block.Mounts == nil || c.Units.Names == nil {
		t.Error("what was asked for and is empty came back as not asked for")
	}
	c.Programs["a"], c.Tree.Nodes["/b"] = false, Node{Type: "file"}
	c.Block.Remove("/dev/vda")
	if again, err := json.Marshal(f); err != nil || string(again) != string(once) {
		t.Errorf("changing the copy changes the original: %s", cmp.Diff(string(once), string(again)))
	}
}

// Devices are known by their nodes and paths, come and go, and an absent path is not an unknown one.
func TestBlock(t *testing.T) {
	var none *Block
	if _, _, found := none.Lookup("/dev/vda"); found || none.Known("/dev/vda") {
		t.Error("no facts know a device")
	}
	b := &Block{}
	b.Prepare()
	b.Absent["/dev/disk/by-label/x"] = "hint"
	if !b.Known("/dev/disk/by-label/x") || b.Known("/dev/vda") {
		t.Error("absent and unknown are mixed up")
	}
	b.Add("/dev/vda1", Device{Size: 5}, "/dev/disk/by-label/x")
	node, d, found := b.Lookup("/dev/disk/by-label/x")
	if node != "/dev/vda1" || d.Size != 5 || !found || len(b.Absent) > 0 {
		t.Errorf("%s %+v %v", node, d, found)
	}
	b.Remove("/dev/vda1")
	for _, path := range []string{"/dev/vda1", "/dev/disk/by-label/x"} {
		if _, _, found := b.Lookup(path); found || !b.Known(path) {
			t.Errorf("%s is there, or nobody looked", path)
		}
	}
}

func TestNames(t *testing.T) {
	for disk, want := range map[string]string{"/dev/vda": "/dev/vda2", "/dev/nvme0n1": "/dev/nvme0n1p2", "/dev/mmcblk0": "/dev/mmcblk0p2"} {
		if got := PartitionNode(disk, 2); got != want {
			t.Errorf("%s: %s, want %s", disk, got, want)
		}
	}
	b := &Block{Disks: map[string]Disk{"/dev/dm-0": {Partitions: map[int]string{2: "/dev/dm-7"}}}}
	if got := b.Partition("/dev/dm-0", 2) + b.Partition("/dev/dm-0", 3); got != "/dev/dm-7/dev/dm-0p3" {
		t.Error(got)
	}
	for label, want := range map[string]string{"plain-1": "plain-1", "a b/c": `a\x20b\x2fc`, "größe": "größe", "a\xff": `a\xff`, "\uFFFD": "\uFFFD", `"`: `\x22`} {
		if got := EncodeLabel(label); got != want {
			t.Errorf("%q: %s, want %s", label, got, want)
		}
	}
	for d, want := range map[string]Device{
		"":                                 {},
		"mounted on /a, /b":                {MountedOn: []string{"/a", "/b"}},
		"part of /dev/md0":                 {Holders: []string{"/dev/md0"}},
		"mounted on /a and part of /dev/x": {MountedOn: []string{"/a"}, Holders: []string{"/dev/x"}},
	} {
		if got := want.Uses(); got != d {
			t.Errorf("%q, want %q", got, d)
		}
	}
}

// TestAtOrBelow changes a tree at random, through its methods and without them, and compares with a look at all nodes.
func TestAtOrBelow(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	place := func() string {
		name := ""
		for range 1 + random.IntN(4) {
			name += "/" + string(rune('a'+random.IntN(3)))
		}
		return name
	}
	tree := &Tree{}
	tree.Prepare()
	for range 5000 {
		p, n := place(), Node{Type: []string{"file", "directory"}[random.IntN(2)]}
		switch random.IntN(6) {
		case 0:
			tree.Put(p, n)
		case 1:
			tree.Drop(p)
		case 2:
			if to := place(); !Within(to, p) && !Within(p, to) {
				tree.Move(p, to)
			}
		case 3:
			tree.Mounted(p, true)
		case 4:
			tree.Nodes[p] = n
		default:
			tree = tree.clone()
		}
		at := []string{"/", place()}[random.IntN(2)]
		var want []string
		for q := range tree.Nodes {
			if Within(q, at) {
				want = append(want, q)
			}
		}
		got := tree.AtOrBelow(at)
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Fatalf("below %s: %q, want %q", at, got, want)
		}
	}
}

// TestWritable: who may make entries in a directory. Nothing is known above /.
func TestWritable(t *testing.T) {
	tree := &Tree{Nodes: map[string]Node{
		"/home": {Mode: 0o755}, "/home/u": {UID: 5, Mode: 0o700}, "/home/u/ro": {UID: 5, Mode: 0o555}, "/tmp": {Mode: 0o777}, "/srv": {Mode: 0o775},
		"/closed": {Mode: 0o700}, "/closed/u": {UID: 5, Mode: 0o700},
	}}
	for dir, want := range map[string]bool{
		"/home": false, "/home/u": true, "/home/u/ro": false, "/tmp": true, "/srv": true, "/closed": false, "/closed/u": false, "/": false, "/unknown": false,
	} {
		if got := tree.Writable(dir, 5); got != want || !tree.Writable(dir, 0) {
			t.Errorf("%s: %v, and for root %v", dir, got, tree.Writable(dir, 0))
		}
	}
	if dir, _ := tree.Near("home/u/x"); dir != "." {
		t.Errorf("a relative path ends at %q", dir)
	}
}

// TestForget: a node that a caller has added to the map is found, even if another one has been removed since.
func TestForget(t *testing.T) {
	tree := Tree{Nodes: map[string]Node{"/a": {Type: "directory"}, "/c": {Type: "file"}}}
	tree.AtOrBelow("/")
	tree.Nodes["/a/b"] = Node{Type: "file"}
	tree.Drop("/c")
	if got := slices.Sorted(slices.Values(tree.AtOrBelow("/a"))); !slices.Equal(got, []string{"/a", "/a/b"}) {
		t.Errorf("below /a are %q", got)
	}
}
