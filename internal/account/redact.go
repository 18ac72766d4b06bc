// SPDX-License-Identifier: Apache-2.0

package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/firstlight-boot/firstlight/config/types"
)

// A template is a set of texts without password hashes. A password field of a template is either a literal that
// is not a secret (empty, "x", or nothing but "*" and "!"), or any number of "!" and one placeholder:
//
//	{keep FILE LINE}   the hash in that line of FILE, as it is now
//	{secret HANDLE}    the hash that the config has under HANDLE
//
// The "!" that lock an account stay visible before the placeholder. A line that the editor does not understand may hold a hash
// anywhere, so {keep FILE LINE} replaces all of it except a first byte "#", "+" or "-".
const (
	keepWord   = "{keep "
	secretWord = "{secret "
	wordEnd    = "}"
)

// secret lists the files whose second field is a password.
func secret(f File) bool {
	switch f {
	case Passwd, Shadow, Group, GShadow, LibPasswd, LibGroup:
		return true
	}
	return false
}

// layoutOf returns the form of a file's lines.
func layoutOf(f File) layout {
	switch f {
	case LibPasswd:
		return layouts[Passwd]
	case LibGroup:
		return layouts[Group]
	}
	return layouts[f]
}

// Redact returns the texts as templates that keep every hash where it is. Editing them makes the same choices and
// the same changes as editing the originals, and redacting a template gives what redacting its restored text gives.
func (t Texts) Redact() Texts {
	redacted := make(Texts, len(t))
	for f, text := range t {
		if secret(f) {
			text = redactText(f, text)
		}
		redacted[f] = text
	}
	return redacted
}

func redactText(f File, text string) string {
	var b strings.Builder
	form, number := layoutOf(f), 0
	for line := range strings.Lines(text) {
		number++
		keep := keepWord + string(f) + " " + strconv.Itoa(number) + wordEnd
		body, end := line, ""
		if strings.HasSuffix(line, "\n") {
			body, end = line[:len(line)-1], "\n"
		}
		b.WriteString(redactLine(form, body, keep))
		b.WriteString(end)
	}
	return b.String()
}

func redactLine(form layout, line, keep string) string {
	if form.parse(line) == nil {
		prefix := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if prefix == "" && line != "" && strings.IndexByte("#+-", line[0]) >= 0 {
			prefix = line[:1]
		}
		if prefix == line { // blank
			return line
		}
		return prefix + keep
	}
	name, rest, _ := strings.Cut(line, ":")
	password, after, _ := strings.Cut(rest, ":") // no line of an account ends in its password
	if lock, hash := splitLock(password); hash != "" {
		password = lock + keep
	}
	return name + ":" + password + ":" + after
}

// splitLock splits a password field into the "!" before the hash, and the hash. The hash is empty if the
// field holds none.
func splitLock(field string) (lock, hash string) {
	hash = strings.TrimLeft(field, "!")
	if hash == "x" || strings.Trim(hash, "*!") == "" {
		return field, ""
	}
	return field[:len(field)-len(hash)], hash
}

// RedactConfig returns accounts of a config with a placeholder for every password hash. It calls handle for each of
// them, with its path in the config and the secret, and expects a word without blanks, colons and "}" by which
// Restore can ask for the secret. The secret is the hash without the "!" before it.
func RedactConfig(p types.Passwd, handle func(path, secret string) string) types.Passwd {
	redact := func(path string, field *string) *string {
		if field == nil {
			return nil
		}
		lock, hash := splitLock(*field)
		switch {
		case hash == "":
			return field
		case checkField("", hash) != nil:
			hash = ":" // Configure refuses it like the original, without naming it
		default:
			hash = secretWord + handle(path, hash) + wordEnd
		}
		hash = lock + hash
		return &hash
	}
	p.Groups, p.Users = slices.Clone(p.Groups), slices.Clone(p.Users)
	for i := range p.Groups {
		p.Groups[i].PasswordHash = redact(fmt.Sprintf("$.passwd.groups.%d.passwordHash", i), p.Groups[i].PasswordHash)
	}
	for i := range p.Users {
		p.Users[i].PasswordHash = redact(fmt.Sprintf("$.passwd.users.%d.passwordHash", i), p.Users[i].PasswordHash)
	}
	return p
}

// Restore fills templates in: current holds the files as they are, all those of Sources, and secret returns what
// RedactConfig gave to its handle. It returns the files whose text differs from the current one, and fails if a
// template refers to a line or a secret that is missing, or to a line that is now another account's.
func (t Texts) Restore(current Texts, secret func(handle string) (string, bool)) (Texts, error) {
	r := restorer{current: current, secret: secret, lines: map[File][]string{}}
	restored := Texts{}
	for _, f := range Files() {
		template, changes := t[f]
		if !changes {
			continue
		}
		text, err := r.text(f, template)
		if err != nil {
			return nil, err
		}
		if now, exists := current[f]; !exists || withNewline(text) != withNewline(now) {
			restored[f] = text
		}
	}
	return restored, nil
}

type restorer struct {
	current Texts
	secret  func(string) (string, bool)
	lines   map[File][]string // of the current files, as far as they were needed
}

func (r *restorer) text(f File, template string) (string, error) {
	if !secret(f) {
		return template, nil
	}
	var b strings.Builder
	form, number := layoutOf(f), 0
	for line := range strings.Lines(template) {
		number++
		body := strings.TrimSuffix(line, "\n")
		restored, err := r.line(form, body)
		if err != nil {
			return "", fmt.Errorf("restore line %d of %s: %w", number, f, err)
		}
		b.WriteString(restored)
		b.WriteString(line[len(body):])
	}
	return b.String(), nil
}

func (r *restorer) line(form layout, line string) (string, error) {
	fields := form.parse(line)
	if fields == nil {
		placeholder := strings.TrimLeft(line, " \t#+-")
		if placeholder == "" {
			return line, nil
		}
		file, number, ok := parseKeep(placeholder)
		if !ok {
			return "", fmt.Errorf("the template has text where a placeholder should be")
		}
		return r.lineOf(file, number)
	}
	name, rest, _ := strings.Cut(line, ":")
	password, after, _ := strings.Cut(rest, ":") // no line of an account ends in its password
	lock, placeholder := splitLock(password)
	if placeholder == "" {
		return line, nil
	}
	hash, err := r.hash(form, fields[0], placeholder)
	return name + ":" + lock + hash + ":" + after, err
}

// hash returns what a placeholder in the line of an account stands for.
func (r *restorer) hash(form layout, account, placeholder string) (string, error) {
	if handle, ok := strings.CutPrefix(placeholder, secretWord); ok {
		handle = strings.TrimSuffix(handle, wordEnd)
		hash, known := r.secret(handle)
		if !known {
			return "", fmt.Errorf("the config has no password hash %q", handle)
		}
		return hash, checkField("password hash", hash)
	}
	file, number, ok := parseKeep(placeholder)
	if !ok {
		return "", fmt.Errorf("the template has a hash where a placeholder should be")
	}
	line, err := r.lineOf(file, number)
	if err != nil {
		return "", err
	}
	fields := form.parse(line)
	if fields == nil || fields[0] != account {
		return "", fmt.Errorf("line %d of %s is not the line of %q any more", number, file, account)
	}
	_, hash := splitLock(fields[1])
	return hash, nil
}

// lineOf returns a line of a current file, counted from 1.
func (r *restorer) lineOf(f File, number int) (string, error) {
	lines, split := r.lines[f]
	if !split {
		lines = strings.Split(r.current[f], "\n")
		r.lines[f] = lines
	}
	if number < 1 || number > len(lines) {
		return "", fmt.Errorf("%s has no line %d any more", f, number)
	}
	return lines[number-1], nil
}

// parseKeep parses {keep FILE LINE}.
func parseKeep(placeholder string) (f File, number int, ok bool) {
	rest, ok := strings.CutPrefix(placeholder, keepWord)
	rest, closed := strings.CutSuffix(rest, wordEnd)
	file, line, parted := strings.Cut(rest, " ")
	number, err := strconv.Atoi(line)
	return File(file), number, ok && closed && parted && err == nil && secret(File(file))
}

// withNewline returns a text that ends in a line break, unless it is empty.
func withNewline(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
