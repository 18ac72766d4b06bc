// SPDX-License-Identifier: Apache-2.0

// Command linkflags checks and translates the settings that a distribution gives to the linker. The script build calls it before it
// compiles, because the linker ignores a setting that does not exist, and a bad value would only be found by a boot.
//
//	linkflags [FLAG]...
//
// It takes flags of go tool link, as one or many arguments, and prints those to link with. A setting is -X PACKAGE.NAME=VALUE, under
// the name of firstlight's variable or of Ignition's. Other flags are passed on.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	flags, err := translate(strings.Join(os.Args[1:], " "), os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(flags)
}

const module = "github.com/firstlight-boot/firstlight/internal/"

// translate returns the flags to link with. It writes a line to notes for each setting that has no effect.
func translate(text string, notes io.Writer) (string, error) {
	words, err := split(text)
	if err != nil {
		return "", err
	}
	var out, programs []string
	var problems []error
	for len(words) > 0 {
		word := words[0]
		words = words[1:]
		name, definition, joined := strings.Cut(strings.TrimPrefix(word, "-"), "=")
		if strings.TrimPrefix(name, "-") != "X" || !strings.HasPrefix(word, "-") {
			out = append(out, quote(word))
			continue
		}
		if !joined {
			if len(words) == 0 {
				return "", errors.New("link-time settings: nothing follows -X")
			}
			definition, words = words[0], words[1:]
		}
		set, replaced, err := define(definition, notes)
		switch {
		case err != nil:
			problems = append(problems, err)
		case replaced != "":
			programs = append(programs, replaced)
		case set != "":
			out = append(out, "-X", quote(module+set))
		}
	}
	if len(programs) > 0 {
		out = append(out, "-X", quote(module+"engine.programReplacements="+strings.Join(programs, " ")))
	}
	return strings.Join(out, " "), errors.Join(problems...)
}

// define translates one PACKAGE.NAME=VALUE. It returns the definition below internal/, or words for programReplacements, or neither
// if the setting has no effect.
func define(definition string, notes io.Writer) (set, replaced string, err error) {
	variable, value, found := strings.Cut(definition, "=")
	name := variable[strings.LastIndexByte(variable, '.')+1:]
	where := variable[strings.LastIndexByte(variable, '/')+1:]
	where = strings.TrimSuffix(where, "."+name)
	if !found {
		return "", "", fmt.Errorf("link-time setting %s: it has no value; write -X %s=VALUE", name, variable)
	}
	s, ok := find(where, name)
	if !ok && where == "distro" {
		if slices.Contains(ownWork, name) {
			fmt.Fprintf(notes, "link-time setting %s: firstlight does that work itself and ignores it\n", name)
			return "", "", nil
		}
		for program, other := range called {
			if other == name && name != "" {
				s, ok, value = setting{name, name, replacements}, true, program+"="+value
			}
		}
	}
	if !ok {
		return "", "", unknown(variable)
	}
	if err := s.check(value); err != nil {
		return "", "", fmt.Errorf("link-time setting %s: %w", name, err)
	}
	switch where {
	case "version":
		return "version.version=" + value, "", nil
	case "distro", "engine":
		if strings.HasSuffix(s.name, "Cmd") || s.name == "programReplacements" {
			return "", value, nil
		}
	}
	return "engine." + s.name + "=" + value, "", nil
}

// find returns the setting of a variable: of firstlight's packages engine and version, or of Ignition's distro and version.
func find(where, name string) (setting, bool) {
	if where == "version" && (name == versionVariable.name || name == versionVariable.other) {
		return versionVariable, true
	}
	for _, s := range settings {
		if where == "engine" && name == s.name || where == "distro" && (name == s.name || name == s.other) {
			return s, true
		}
	}
	return setting{}, false
}

// unknown says which settings there are.
func unknown(variable string) error {
	var names []string
	for _, s := range settings {
		names = append(names, s.name)
	}
	return fmt.Errorf("link-time setting %s does not exist; there are engine.{%s} and version.version", variable, strings.Join(names, ","))
}

// split splits a text into words as the command go does: a word that begins with a quote ends with it.
func split(text string) ([]string, error) {
	var words []string
	for {
		text = strings.TrimLeft(text, " \t\n")
		if text == "" {
			return words, nil
		}
		end := strings.IndexAny(text, " \t\n")
		if q := text[0]; q == '\'' || q == '"' {
			text = text[1:]
			if end = strings.IndexByte(text, q); end < 0 {
				return nil, fmt.Errorf("link-time settings: the quote %c is not closed", q)
			}
			words, text = append(words, text[:end]), text[end+1:]
			continue
		}
		if end < 0 {
			end = len(text)
		}
		words, text = append(words, text[:end]), text[end:]
	}
}

// quote returns a word in the form that the command go splits again.
func quote(word string) string {
	switch {
	case !strings.ContainsAny(word, " \t\n'\"") && word != "":
		return word
	case strings.Contains(word, "'"):
		return `"` + word + `"`
	}
	return "'" + word + "'"
}
