// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/author"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/doc"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// advise improves the hint of a finding if it knows what people commonly mean by such a text.
func advise(d *diag.Diagnostic, src *diag.Source, version spec.Version) {
	if d.Path.Tag != jsonPath && d.Path.Tag != "" {
		return // the front end knows better
	}
	hint := ""
	switch d.Code {
	case "V003":
		hint = typeHint(d)
	case "V004", "V005":
		hint = versionHint(d, src)
	case "V007":
		hint = memberHint(d.Path.Path)
		d.Summary = "unknown member " + quote(lastName(d.Path.Path)) + " is ignored"
	case "V009":
		d.Summary = "the member " + quote(lastName(d.Path.Path)) + " has the wrong letter case; its value is used"
	case "V106":
		hint = dataHint(d)
	case "V112", "V114":
		hint = hashHint(d)
	}
	if hint != "" {
		d.Hint = hint
	}
	if d.Hint == "" {
		d.Hint = fallback(d, version)
	}
}

// smallest is the smallest config.
const smallest = `{"ignition": {"version": "3.6.0"}}`

// fallback is the hint if the meaning cannot be guessed.
func fallback(d *diag.Diagnostic, version spec.Version) string {
	switch {
	case d.Code == "V007":
		steps := d.Path.Path
		return "remove it; the members here are " + strings.Join(membersOf(steps[:len(steps)-1], version), ", ")
	case d.Code == "V003" && d.About().Len() == 0:
		return "a config is an object, such as " + smallest
	case d.Code == "V003":
		return "put it in braces: an object has named members"
	case d.Code == "V002" && d.Exact().Start.Offset > 0:
		return "remove it, or look for a missing or extra bracket"
	}
	return "the smallest config is " + smallest
}

// membersOf returns the members that an object has in a version.
func membersOf(steps []any, version spec.Version) []string {
	var names []string
	if s := structAt(steps); s != nil {
		for _, f := range s.Fields {
			if f.Since <= version {
				names = append(names, f.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// typeHint is the hint for a value of a wrong type.
func typeHint(d *diag.Diagnostic) string {
	steps := d.About().Path
	if len(steps) == 0 {
		return ""
	}
	last, given := lastName(steps), givenString(d)
	switch parent := parentOf(steps); {
	case strings.HasSuffix(last, "MiB") && given != "":
		return author.SizeHint(given)
	case last == "mode" && given != "":
		return modeHint(given)
	case (last == "uid" || last == "gid" || last == "id") && given != "" && strings.Trim(given, "0123456789") != "":
		return "write the number, without quotes; without " + last + ", one is chosen"
	case slices.Contains(joinable, last) && strings.ContainsAny(given, ", "):
		return "write each as an entry of its own: " + entries(given)
	case isNamed(d):
		return `write a list of objects, each with its name: [{"name": "NAME"}]`
	case last == "append" && parent == "files":
		return `before 3.0.0 append was true or false; now it is a list of what to append: "append": [{"source": "data:,TEXT"}]`
	case last == "version":
		return fmt.Sprintf("write it in quotes, as in %q", spec.Stable.String())
	case last == "contents" && parent == "files":
		return `write it as {"source": "data:,TEXT"}`
	case (last == "user" || last == "group") && parent != "passwd":
		return `write it as {"name": "NAME"} or {"id": NUMBER}`
	}
	return ""
}

// givenString returns the string that stands where another type is wanted, or "".
func givenString(d *diag.Diagnostic) string {
	span, text := d.Exact(), ""
	if span.Source == nil || json.Unmarshal(span.Source.Text[span.Start.Offset:span.End.Offset], &text) != nil {
		return ""
	}
	return text
}

// modeHint says what to write in place of a mode that is a string.
func modeHint(given string) string {
	if v, err := strconv.ParseUint(strings.TrimPrefix(given, "0o"), 8, 12); err == nil {
		return fmt.Sprintf("write %d, which is octal %04o; modes are decimal in JSON", v, v)
	}
	for mode := range 0o1000 {
		if given == permissions(mode) {
			return fmt.Sprintf("write %d, which is octal %04o", mode, mode)
		}
	}
	return "write the mode as a decimal number: octal 0644 is 420"
}

// joinable are lists of words that people write as one string.
var joinable = []string{"groups", "noProxy", "shouldExist", "shouldNotExist", "devices", "options", "mountOptions"}

// entries splits a string into entries of a list, and shows the first few.
func entries(text string) string {
	const most = 3
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	more := ""
	if len(words) > most {
		words, more = words[:most], ", …"
	}
	for i := range words {
		words[i] = quote(diag.Cut(words[i], 20))
	}
	return "[" + strings.Join(words, ", ") + more + "]"
}

// isNamed reports whether a value is an object of objects where a list is wanted: its members are named after what should be in a list.
func isNamed(d *diag.Diagnostic) bool {
	span := d.Exact()
	if span.Source == nil || !strings.Contains(d.Summary, "must be a list, not an object") {
		return false
	}
	tree, report := doc.ParseJSON(diag.NewSource("", span.Source.Text[span.Start.Offset:span.End.Offset]))
	if report.HasErrors() || len(tree.Root.Kids) == 0 {
		return false
	}
	kid := &tree.Root.Kids[0]
	return kid.Kind == doc.Object && !knows(d.About().Path, kid.Key)
}

// lastName returns the last name of a path.
func lastName(steps []any) string {
	name, _ := steps[len(steps)-1].(string)
	return name
}

// dataHint is the hint for one character of a data URL.
func dataHint(d *diag.Diagnostic) string {
	span := d.Exact()
	if span.Source == nil || span.End.Offset-span.Start.Offset != 1 {
		return ""
	}
	c := span.Source.Text[span.Start.Offset]
	switch base64 := strings.Contains(d.Summary, "base64"); {
	case base64 && (c == '-' || c == '_'):
		return "this is base64 for URLs; write + for - and / for _"
	case base64:
		return "base64 has A-Z a-z 0-9 + / and = at the end; base64 -w0 FILE prints it without line breaks"
	case c != '%':
		return fmt.Sprintf("write it as %%%02X", c)
	}
	return "write the character % itself as %25"
}

// parentOf returns the name of the list or object that a value is in.
func parentOf(steps []any) string {
	for i := len(steps) - 2; i >= 0; i-- {
		if name, ok := steps[i].(string); ok {
			return name
		}
	}
	return ""
}

// versionHint is the hint for a config whose version cannot be used, going by the rest of it. It sets the exact place to the member
// that shows what the config is.
func versionHint(d *diag.Diagnostic, src *diag.Source) string {
	tree, report := doc.ParseJSON(src)
	if report.HasErrors() {
		return ""
	}
	for _, name := range []string{"ignitionVersion", "variant", "version"} {
		if kid := tree.Root.Member(name); kid != nil && (name != "version" || tree.Root.Member("ignition") == nil) {
			d.Mark = tree.KeySpan(kid)
			break
		}
	}
	if kid := tree.Root.Member("ignition"); kid != nil && kid.Member("version") == nil && d.Mark.Source == nil {
		d.Mark = tree.KeySpan(kid)
	}
	switch {
	case tree.Root.Member("ignitionVersion") != nil:
		return "ignitionVersion marks a version 1 config, a format of 2014; write a config of version " + spec.Stable.String()
	case tree.Root.Member("variant") != nil:
		return "variant belongs to the YAML form (Butane); \"firstlight build\" makes a config of it"
	case tree.Root.Member("version") != nil && tree.Root.Member("ignition") == nil:
		return fmt.Sprintf(`put the version inside ignition: {"ignition": {"version": %q}}`, spec.Stable.String())
	}
	return ""
}

// A member is one that the format does not have, at one place: below a list or object, or anywhere.
type member struct{ parent, name string }

// yaml and gone start hints.
const (
	yaml = "belongs to the YAML form (Butane): "
	gone = "was removed in 3.0.0: "
)

// formerMembers are members of the YAML form and of versions before 3.0.0, with what to write instead.
var formerMembers = map[member]string{
	{"", "variant"}:                        `variant ` + yaml + `"firstlight build" makes a config of it`,
	{"contents", "inline"}:                 `inline ` + yaml + `in JSON write "source": "data:,TEXT" with percent escapes`,
	{"append", "inline"}:                   `inline ` + yaml + `in JSON write "source": "data:,TEXT" with percent escapes`,
	{"keyFile", "inline"}:                  `inline ` + yaml + `in JSON write "source": "data:,TEXT" with percent escapes`,
	{"merge", "inline"}:                    `inline ` + yaml + `in JSON write "source": "data:,TEXT" with percent escapes`,
	{"contents", "local"}:                  `local ` + yaml + `in JSON write "source": "data:,TEXT" with percent escapes`,
	{"storage", "trees"}:                   `trees ` + yaml + `"firstlight build" puts local files into the config`,
	{"filesystems", "with_mount_unit"}:     `with_mount_unit ` + yaml + `in JSON write a .mount unit`,
	{"units", "contents_local"}:            `contents_local ` + yaml + `in JSON write contents`,
	{"users", "ssh_authorized_keys_local"}: `ssh_authorized_keys_local ` + yaml + `in JSON write sshAuthorizedKeys`,
	{"", "networkd"}:                       `networkd ` + gone + `write the same text to /etc/systemd/network/NAME with storage.files`,
	{"", "ignitionVersion"}:                `ignitionVersion marks a version 1 config`,
	{"config", "append"}:                   `append ` + gone + `use merge`,
	{"files", "filesystem"}:                `filesystem ` + gone + `the path is below the root filesystem; for another filesystem use the path below its mount point`,
	{"directories", "filesystem"}:          `filesystem ` + gone + `the path is below the root filesystem; for another filesystem use the path below its mount point`,
	{"links", "filesystem"}:                `filesystem ` + gone + `the path is below the root filesystem; for another filesystem use the path below its mount point`,
	{"filesystems", "mount"}:               `mount ` + gone + `put device, format, label, uuid and options into the filesystem itself`,
	{"filesystems", "create"}:              `create ` + gone + `set format, and wipeFilesystem in place of force`,
	{"filesystems", "name"}:                `name ` + gone + `in files, use the path below the mount point`,
	{"users", "create"}:                    `create ` + gone + `put uid, gecos, homeDir, shell and the like into the user itself`,
	{"units", "enable"}:                    `enable ` + gone + `use enabled`,
	{"partitions", "size"}:                 `size ` + gone + `use sizeMiB, which counts MiB and not sectors`,
	{"partitions", "start"}:                `start ` + gone + `use startMiB, which counts MiB and not sectors`,
	{"verification", "sha512"}:             `write it as "hash": "sha512-DIGEST"`,
	{"verification", "sha256"}:             `write it as "hash": "sha256-DIGEST"`,
	{"files", "source"}:                    `put source into contents: "contents": {"source": "data:,TEXT"}`,
	{"files", "content"}:                   `write it as "contents": {"source": "data:,TEXT"}`,
	{"files", "permissions"}:               `write it as mode, in decimal: octal 0644 is 420`,
	{"files", "owner"}:                     `write it as user: {"name": "NAME"}`,
	{"users", "password"}:                  `write a hash as passwordHash; mkpasswd --method=yescrypt makes it`,
	{"users", "home"}:                      `write it as homeDir`,
	{"users", "ssh_authorized_keys"}:       `write it as sshAuthorizedKeys: names with underscores belong to the YAML form`,
}

// memberHint is the hint for an unknown member.
func memberHint(steps []any) string {
	name := lastName(steps)
	if hint := formerMembers[member{parentOf(steps), name}]; hint != "" {
		return hint
	}
	if camel := camelCase(name); camel != name && knows(steps[:len(steps)-1], camel) {
		return "write it as " + camel + ": names with underscores belong to the YAML form"
	}
	if s := structAt(steps[:len(steps)-1]); s != nil && !knows(steps[:len(steps)-1], name) {
		for i := range s.Fields {
			if f := &s.Fields[i]; f.Elem != nil {
				if _, exact := f.Elem.Find(name, spec.Newest); exact {
					return "it belongs to " + f.Name + ": put it inside that member"
				}
			}
		}
	}
	return ""
}

// camelCase turns a name of the YAML form into one of JSON's: password_hash into passwordHash.
func camelCase(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts {
		switch {
		case i == 0 || p == "":
		case p == "mib":
			parts[i] = "MiB"
		default:
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// structAt returns the object at a path as the newest version has it, or nil.
func structAt(steps []any) *spec.Struct {
	s := spec.Config()
	for _, step := range steps {
		if key, ok := step.(string); ok {
			f, _ := s.Find(key, spec.Newest)
			if f == nil || f.Elem == nil {
				return nil
			}
			s = f.Elem
		}
	}
	return s
}

// knows reports whether an object of the newest version has a member.
func knows(steps []any, name string) bool {
	s := structAt(steps)
	if s == nil {
		return false
	}
	_, exact := s.Find(name, spec.Newest)
	return exact
}

// hashHint is the hint for a hash whose function is missing or wrong, going by the digits.
func hashHint(d *diag.Diagnostic) string {
	span := d.Exact()
	if span.Source == nil || span.End.Offset > len(span.Source.Text) {
		return ""
	}
	text := strings.Trim(string(span.Source.Text[span.Start.Offset:span.End.Offset]), `"'`)
	if function, rest, ok := strings.Cut(text, ":"); ok && digestFunction(rest) != "" {
		return "write it as " + function + "-DIGEST, with a dash in place of the colon"
	}
	switch function := digestFunction(text); {
	case function == "sha256" || function == "sha512":
		return fmt.Sprintf("%d hexadecimal digits are a %s: write %s-DIGEST", len(text), function, function)
	case function != "":
		return fmt.Sprintf("%d hexadecimal digits are a %s, which the format does not know; use sha512", len(text), function)
	case strings.HasSuffix(text, "="):
		return "the digest is in base64; write it in hexadecimal digits, as sha512sum prints it"
	}
	return "write it as sha512-DIGEST; sha512sum FILE prints the digest"
}

// digestFunction returns the function whose digests have as many hexadecimal digits as a text, or "".
func digestFunction(s string) string {
	if strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return ""
	}
	return map[int]string{32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}[len(s)]
}
