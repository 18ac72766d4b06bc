// SPDX-License-Identifier: Apache-2.0

package unit

import (
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/config/unitfile"
)

// Install is the [Install] section of a unit with its drop-ins (systemd.unit(5)).
type Install struct {
	WantedBy, RequiredBy, UpheldBy []string
	Alias, Also                    []string
	DefaultInstance                string
}

// Empty reports whether enabling the unit has no effect.
func (i Install) Empty() bool {
	return len(i.WantedBy)+len(i.RequiredBy)+len(i.UpheldBy)+len(i.Alias)+len(i.Also) == 0
}

// readInstall reads the section from the text of a unit file and from the unit's drop-ins. An error means that systemd
// refuses to load the unit.
func (u *Units) readInstall(n Name, place, text string) (Install, error) {
	var i Install
	err := i.add(n, place, text)
	for _, d := range u.dropins(n) {
		if err == nil {
			err = i.add(n, d.place, d.text)
		}
	}
	return i, err
}

// add adds the settings of one file. Lists add up, and an empty value clears them, except for Also=.
func (i *Install) add(n Name, place, text string) error {
	f := unitfile.Parse(text)
	for _, s := range f.Sections {
		if s.Name != "Install" {
			continue
		}
		for _, o := range s.Options {
			if err := i.set(n, o); err != nil {
				return fmt.Errorf("%s, line %d: %w", place, o.Line, err)
			}
		}
	}
	if f.Fatal != nil {
		return fmt.Errorf("%s, line %d: %s", place, f.Fatal.Line, f.Fatal.Problem)
	}
	return nil
}

func (i *Install) set(n Name, o unitfile.Option) error {
	switch o.Name {
	case "WantedBy":
		i.WantedBy = extend(i.WantedBy, o.Value)
	case "RequiredBy":
		i.RequiredBy = extend(i.RequiredBy, o.Value)
	case "UpheldBy":
		i.UpheldBy = extend(i.UpheldBy, o.Value)
	case "Alias":
		i.Alias = extend(i.Alias, o.Value)
	case "Also":
		for _, word := range strings.Fields(o.Value) {
			word = unescape(word)
			if other, err := expand(word, n); err == nil && !SplitName(other).valid() {
				return fmt.Errorf("%q in Also= is not the name of a unit", word)
			}
			i.Also = append(i.Also, word)
		}
	case "DefaultInstance":
		if !n.IsTemplate() {
			return nil // as systemd, which ignores it
		}
		if instance, err := expand(o.Value, n); err == nil && !validChars(instance) {
			return fmt.Errorf("%q in DefaultInstance= is not the name of an instance", o.Value)
		}
		i.DefaultInstance = o.Value
	}
	return nil
}

// extend adds the words of a value to a list. An empty value clears it.
func extend(list []string, value string) []string {
	if value == "" {
		return nil
	}
	return append(list, words(value)...)
}

// unescape removes backslashes, each of which stands for the byte after it. Only Also= has them.
func unescape(word string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '\\' {
			i++
		}
		if i < len(word) {
			b.WriteByte(word[i])
		}
	}
	return b.String()
}

// words splits a value as systemd does: at blanks outside of quotes. It drops everything after an unclosed quote.
func words(value string) []string {
	var all []string
	var word strings.Builder
	var quote byte
	in := false // a word has begun
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, in = c, true
		case quote == 0 && (c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			if in {
				all = append(all, word.String())
			}
			word.Reset()
			in = false
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if in && quote == 0 {
		all = append(all, word.String())
	}
	return all
}
