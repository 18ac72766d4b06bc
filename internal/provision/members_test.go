// SPDX-License-Identifier: Apache-2.0

package provision

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/facts"
	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/plan"
)

// used is what the machine of this test holds before its first boot.
const used = `"storage":{
	"disks":[{"device":"/dev/vda","partitions":[{"number":7,"label":"was"}]},{"device":"/dev/vdb","partitions":[
		{"number":1,"label":"grow","sizeMiB":8},{"number":2,"label":"other","sizeMiB":8},{"number":3,"label":"gone","sizeMiB":8},
		{"number":4,"label":"fs","sizeMiB":8},{"number":5,"label":"vol","sizeMiB":20}]}],
	"luks":[{"name":"kept","device":"/dev/vdb5","keyFile":{"source":"data:,k"}}],
	"filesystems":[{"device":"/dev/vda7","format":"ext4"},{"device":"/dev/vdb4","format":"ext4"}]}`

// everything has every member of a config, each where it makes a difference on that machine. What is a secret has "canary" in it.
const everything = `{"ignition":{"version":"3.6.0",
	"config":{"merge":[{"source":"http://h/m","compression":"gzip","httpHeaders":[{"name":"N","value":"canary"}],"verification":{"hash":"sha256-` + sum + `"}}],
		"replace":{"source":"http://h/r","compression":"gzip","httpHeaders":[{"name":"N","value":"canary"}],"verification":{"hash":"sha256-` + sum + `"}}},
	"proxy":{"httpProxy":"http://p","httpsProxy":"https://p","noProxy":["n"]},
	"security":{"tls":{"certificateAuthorities":[{"source":"http://h/ca","compression":"gzip","httpHeaders":[{"name":"N","value":"canary"}],"verification":{"hash":"sha256-` + sum + `"}}]}},
	"timeouts":{"httpResponseHeaders":1,"httpTotal":2}},
	"kernelArguments":{"shouldExist":["a"],"shouldNotExist":["b"]},
	"passwd":{"groups":[{"name":"team","gid":777,"passwordHash":"canary","system":true},{"name":"sys","system":true},{"name":"sudo","shouldExist":false}],
		"users":[{"name":"core","gecos":"g","groups":["adm"],"homeDir":"/home/c","passwordHash":"canary","primaryGroup":"team","shell":"/bin/zsh","uid":900,
				"sshAuthorizedKeys":["canary key"]},
			{"name":"daemon","system":true,"noCreateHome":true,"noUserGroup":true,"noLogInit":true},{"name":"old","shouldExist":false}]},
	"storage":{
		"directories":[{"path":"/srv/d","overwrite":true,"mode":448,"user":{"name":"core"},"group":{"name":"team"}},{"path":"/new","user":{"id":5},"group":{"id":6}}],
		"files":[{"path":"/srv/f","overwrite":true,"mode":384,"user":{"name":"core"},"group":{"name":"team"},
				"contents":{"source":"http://canary:canary@h/f?canary","compression":"gzip","httpHeaders":[{"name":"N","value":"canary"}],"verification":{"hash":"sha256-` + sum + `"}},
				"append":[{"source":"http://canary:canary@h/a?canary","compression":"gzip","httpHeaders":[{"name":"N","value":"canary"}],"verification":{"hash":"sha256-` + sum + `"}}]},
			{"path":"/new/f","user":{"id":5},"group":{"id":6},"contents":{"source":"data:,canary"}}],
		"links":[{"path":"/srv/l","overwrite":true,"target":"/x","user":{"name":"core"},"group":{"name":"team"}},
			{"path":"/new/l","target":"/x","user":{"id":5},"group":{"id":6}},{"path":"/new/h","target":"/new/f","hard":true}],
		"disks":[{"device":"/dev/vda","wipeTable":true,"partitions":[
				{"number":1,"label":"m1","sizeMiB":10,"startMiB":2,"guid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa1","typeGuid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa2"},
				{"number":2,"label":"m2","sizeMiB":10},{"number":3,"label":"m3","sizeMiB":10},{"number":4,"label":"cex","sizeMiB":10},{"number":5,"label":"tang","sizeMiB":10},
				{"number":6,"label":"custom","sizeMiB":5}]},
			{"device":"/dev/vdb","partitions":[{"number":1,"label":"grow","sizeMiB":4,"resize":true},{"number":2,"label":"mine","wipePartitionEntry":true},
				{"number":3,"shouldExist":false,"wipePartitionEntry":true}]}],
		"raid":[{"name":"arr","level":"raid1","devices":["/dev/vda1","/dev/vda2","/dev/vda3"],"spares":1,"options":["--assume-clean"]}],
		"luks":[{"name":"full","device":"/dev/md/arr","label":"l","uuid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa3","discard":true,"options":["--cipher=c"],"openOptions":["--perf-no_read_workqueue"],
				"keyFile":{"source":"http://canary:canary@h/k?canary","compression":"gzip","httpHeaders":[{"name":"N","value":"canary"}],"verification":{"hash":"sha256-` + sum + `"}}},
			{"name":"cexed","device":"/dev/vda4","cex":{"enabled":true}},
			{"name":"tanged","device":"/dev/vda5","clevis":{"tang":[{"url":"http://canary:canary@tang?canary","thumbprint":"canary"},{"url":"http://t2","thumbprint":"y","advertisement":"{\"canary\":1}"}],"threshold":2,"tpm2":true}},
			{"name":"customed","device":"/dev/vda6","clevis":{"custom":{"pin":"tang","config":"canary","needsNetwork":true}}},
			{"name":"wiped","device":"/dev/vdb5","wipeVolume":true,"keyFile":{"source":"data:,canary"}}],
		"filesystems":[{"device":"/dev/mapper/full","format":"ext4","label":"l","uuid":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaa4","options":["-b","4096"],"mountOptions":["noatime"],"path":"/data"},
			{"device":"/dev/vdb4","format":"ext4","wipeFilesystem":true}]},
	"systemd":{"units":[{"name":"own.service","contents":"[Unit]\nDescription=canary\n","enabled":true,"dropins":[{"name":"d.conf","contents":"# canary"}]},
		{"name":"known.service","mask":true}]}}`

const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const everywhere = image + `d /srv/d
f /srv/f text
l /srv/l /etc
d /home/old
f /usr/lib/systemd/system/known.service [Install]
`

// withoutEffect lists the members that no plan and no setting of the network shows, and why.
var withoutEffect = map[string]string{
	"ignition.version":        "config.Parse reads it; the structs behind it have no version",
	"ignition.config.merge":   "package acquire resolves references; a plan is made for the result",
	"ignition.config.replace": "package acquire resolves references; a plan is made for the result",
	"passwd.users.noLogInit":  "lastlog and faillog are sparse files; the engine writes into neither",
}

// usedMachine is the machine before its first boot.
func usedMachine(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, everywhere, "vda", "vdb")
	if _, err := b.stage(document(t, used)).Do(context.Background()); err != nil {
		t.Fatal(err)
	}
	b.reboot()
	for _, name := range []string{"zkey", "zkey-cryptsetup"} {
		b.Programs[name] = b.Programs["cryptsetup"] // it is not run
	}
	return b
}

// parseEverything returns the config, in a copy of its own.
func parseEverything(t testing.TB) config.Document {
	t.Helper()
	var c types.Config
	if err := json.Unmarshal([]byte(everything), &c); err != nil {
		t.Fatal(err)
	}
	return config.Document{Config: c}
}

// shownPlan is all that a boot with a config would do, with the settings of its network, as text.
func shownPlan(t *testing.T, b *bench, doc config.Document) (string, error) {
	t.Helper()
	var f facts.Facts
	run := b.stage(doc)
	if err := Capture(context.Background(), run.Machine, b.peek, Boot(), doc, &f); err != nil {
		return "", err
	}
	all, err := Foresee(Boot(), doc, f, run.Inputs)
	text, failed := json.Marshal(all)
	if failed != nil {
		t.Fatal(failed)
	}
	settings, failed := json.Marshal(fetch.SettingsOf(doc.Config))
	if failed != nil {
		t.Fatal(failed)
	}
	return string(text) + string(settings), err
}

// A leaf is one value of a config.
type leaf struct {
	path   string // of the member, without indexes
	set    bool   // it is not the zero value
	change func(*types.Config)
}

// leaves lists all values of a config. Members that are not set are in unset.
func leaves(c *types.Config) (all []leaf, unset map[string]bool) {
	unset = map[string]bool{}
	var walk func(v reflect.Value, path string, pointed bool, find func(*types.Config) reflect.Value)
	walk = func(v reflect.Value, path string, pointed bool, find func(*types.Config) reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
				dot := "."
				if name == "" || path == "" { // an embedded struct, or the config itself
					dot = ""
				}
				walk(v.Field(i), path+dot+name, false, func(c *types.Config) reflect.Value { return find(c).Field(i) })
			}
		case reflect.Slice:
			if v.Len() == 0 {
				unset[path] = true
			}
			for i := range v.Len() {
				walk(v.Index(i), path, false, func(c *types.Config) reflect.Value { return find(c).Index(i) })
			}
		case reflect.Pointer:
			if v.IsNil() {
				unset[path] = true
				return
			}
			walk(v.Elem(), path, true, func(c *types.Config) reflect.Value { return find(c).Elem() })
		default:
			if v.IsZero() {
				unset[path] = true
			}
			all = append(all, leaf{path, !v.IsZero() || pointed, func(c *types.Config) { change(find(c)) }})
		}
	}
	walk(reflect.ValueOf(c).Elem(), "", false, func(c *types.Config) reflect.Value { return reflect.ValueOf(c).Elem() })
	return all, unset
}

// change gives a value another one of the same form.
func change(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.String:
		s := v.String()
		switch {
		case regexp.MustCompile(`^[0-9a-f-]{36}$`).MatchString(s):
			s = s[:35] + "f"
		case s == "ext4":
			s = "xfs"
		case s == "gzip":
			s = ""
		case strings.HasSuffix(s, "}"):
			s = strings.Replace(s, ":", ":1", 1)
		default:
			s += "x"
		}
		v.SetString(s)
	default:
		panic("a member of kind " + v.Kind().String())
	}
}

// Every member of a config makes a difference to the plan, or is in the table of those that do not.
func TestMembers(t *testing.T) {
	b := usedMachine(t)
	want, err := shownPlan(t, b, parseEverything(t))
	if err != nil {
		t.Fatal(err)
	}
	c := parseEverything(t).Config
	all, unset := leaves(&c)
	seen, matters := map[string]bool{}, map[string]bool{}
	for _, l := range all {
		seen[l.path] = true
		doc := parseEverything(t)
		l.change(&doc.Config)
		if got, err := shownPlan(t, b, doc); err != nil || got != want {
			matters[l.path] = true
		}
	}
	for path := range unset {
		if !slices.ContainsFunc(all, func(l leaf) bool { return l.set && (l.path == path || strings.HasPrefix(l.path, path+".")) }) {
			t.Errorf("the config of this test has no %s: set it to something that makes a difference", path)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(seen)) {
		_, excepted := exception(path)
		switch {
		case excepted && matters[path]:
			t.Errorf("%s makes a difference, and is in the table of those that do not", path)
		case !excepted && !matters[path]:
			t.Errorf("%s makes no difference to any plan: plan it, or say in the table why not", path)
		}
	}
	t.Logf("%d values of %d members changed", len(all), len(seen))
}

func exception(path string) (string, bool) {
	for prefix, why := range withoutEffect {
		if path == prefix || strings.HasPrefix(path, prefix+".") {
			return why, true
		}
	}
	return "", false
}

// handles returns the handles in a plan, and the placeholders for hashes.
func handles(t *testing.T, plans []op.Plan) []op.Handle {
	t.Helper()
	text, err := json.Marshal(plans)
	if err != nil {
		t.Fatal(err)
	}
	var found []op.Handle
	for _, m := range regexp.MustCompile(`"(?:handle|config|key|keys)":"([^"]*)"|\{secret ([^}]*)\}`).FindAllStringSubmatch(string(text), -1) {
		found = append(found, op.Handle(m[1]+m[2]))
	}
	return found
}

// checkPlans says what is wrong with plans: a handle that stands for nothing, a change when they are written and read back.
func checkPlans(t *testing.T, doc config.Document, plans []op.Plan, seed string) {
	t.Helper()
	loads := plan.Payloads(doc, seed)
	for _, h := range handles(t, plans) {
		_, known := loads[h]
		left := slices.ContainsFunc(doc.Config.Storage.Luks, func(l types.Luks) bool { return h == op.VolumeKey(l.Name) })
		if !known && !left && !strings.HasPrefix(string(h), string(op.LeftFile(""))) {
			t.Errorf("the handle %s stands for nothing", h)
		}
	}
	text, err := json.Marshal(plans)
	if err != nil {
		t.Fatal(err)
	}
	var again []op.Plan
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	if back, err := json.Marshal(again); err != nil || string(back) != string(text) {
		t.Errorf("plans that were read back are others (%v):\n%s\n%s", err, text, back)
	}
}

// A plan has no secret of its config, and a handle for each; and neither have the facts.
func TestNoSecrets(t *testing.T) {
	b := usedMachine(t)
	doc := parseEverything(t)
	text, err := shownPlan(t, b, doc)
	if err != nil {
		t.Fatal(err)
	}
	plans, _, _ := strings.Cut(text, `{"ResponseHeaders"`)
	if at := strings.Index(plans, "canary"); at >= 0 {
		t.Errorf("the plan holds a secret: %s", plans[max(0, at-200):min(len(plans), at+50)])
	}
	var f facts.Facts
	run := b.stage(doc)
	if err := Capture(context.Background(), run.Machine, b.peek, Boot(), doc, &f); err != nil {
		t.Fatal(err)
	}
	all, err := Foresee(Boot(), doc, f, run.Inputs)
	if err != nil {
		t.Fatal(err)
	}
	checkPlans(t, doc, all.Plans, run.Inputs.Seed)
	if n := len(handles(t, all.Plans)); n < 12 {
		t.Errorf("only %d handles were found", n)
	}
	if s, err := json.Marshal(f); err != nil || strings.Contains(string(s), "canary") {
		t.Errorf("the facts hold a secret (%v): %s", err, s)
	}
}
