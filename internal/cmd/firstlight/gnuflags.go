// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A gnuFlag is a flag of GNU style.
type gnuFlag struct {
	name  string
	short byte
	on    *bool    // of a flag without a value
	value *string  // of one with a value
	bare  string   // the value if none is given; then it must follow an equals sign
	word  string   // stands for the value in the help
	words []string // the values to complete, if the flag takes one of a few
	usage string   // its meaning in the help; "" hides the flag
}

// gnuOptions returns the flags that the help shows.
func gnuOptions(flags []gnuFlag) []option {
	var list []option
	for _, f := range flags {
		form := "--" + f.name
		switch {
		case f.usage == "":
			continue
		case f.bare != "":
			form += "[=" + f.word + "]"
		case f.word != "":
			form += " " + f.word
		}
		if f.short != 0 {
			form = "-" + string(f.short) + ", " + form
		}
		list = append(list, option{form, f.usage})
	}
	return list
}

// gnuCompletion returns the flags that the help shows, for completion scripts.
func gnuCompletion(flags []gnuFlag) []completedFlag {
	var list []completedFlag
	for _, f := range flags {
		if f.usage != "" {
			list = append(list, completedFlag{f.name, f.usage, f.short, f.word, f.bare != "", f.words})
		}
	}
	return list
}

// optionLines lists flags with their meaning, one line each; those without a letter leave room for it.
func optionLines(list []option) string {
	var b strings.Builder
	width := 0
	indented := func(o option) string {
		if strings.HasPrefix(o.form, "--") {
			return "    " + o.form
		}
		return o.form
	}
	for _, o := range list {
		width = max(width, len(indented(o)))
	}
	for _, o := range list {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, indented(o), o.usage)
	}
	return b.String()
}

// parseGNU sets flags and returns the other arguments, which may stand between them.
func parseGNU(flags []gnuFlag, args []string) (rest []string, err error) {
	for len(args) > 0 {
		arg := args[0]
		args = args[1:]
		switch {
		case arg == "--":
			return append(rest, args...), nil
		case strings.HasPrefix(arg, "--"):
			name, value, given := strings.Cut(arg[2:], "=")
			i := slices.IndexFunc(flags, func(f gnuFlag) bool { return f.name == name })
			if i < 0 {
				return nil, fmt.Errorf("unknown flag: --%s", name)
			}
			args, err = flags[i].set(value, given, args)
		case len(arg) > 1 && arg[0] == '-':
			args, err = shortFlags(flags, arg[1:], args)
		default:
			rest = append(rest, arg)
		}
		if err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// shortFlags sets the flags of one argument, such as -ps or -dDIR.
func shortFlags(flags []gnuFlag, letters string, args []string) ([]string, error) {
	for len(letters) > 0 {
		c := letters[0]
		letters = letters[1:]
		i := slices.IndexFunc(flags, func(f gnuFlag) bool { return f.short == c && c != 0 })
		if i < 0 {
			return nil, fmt.Errorf("unknown shorthand flag: -%c", c)
		}
		if flags[i].on == nil && letters != "" || strings.HasPrefix(letters, "=") {
			return flags[i].set(strings.TrimPrefix(letters, "="), true, args)
		}
		var err error
		if args, err = flags[i].set("", false, args); err != nil {
			return nil, err
		}
	}
	return args, nil
}

// set sets the flag, and returns the arguments that are left.
func (f *gnuFlag) set(value string, given bool, args []string) ([]string, error) {
	switch {
	case f.on != nil:
		*f.on = true
		if given {
			on, err := strconv.ParseBool(value)
			if err != nil {
				return nil, fmt.Errorf("invalid argument %q for --%s", value, f.name)
			}
			*f.on = on
		}
	case given:
		*f.value = value
	case f.bare != "":
		*f.value = f.bare
	case len(args) == 0:
		return nil, fmt.Errorf("flag needs an argument: --%s", f.name)
	default:
		*f.value, args = args[0], args[1:]
	}
	return args, nil
}
