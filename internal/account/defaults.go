// SPDX-License-Identifier: Apache-2.0

package account

import (
	"strconv"
	"strings"
)

// defs are settings by name.
type defs map[string]string

// parseLoginDefs reads login.defs(5): a name, blanks, a value, perhaps in quotes.
func parseLoginDefs(text string) defs {
	d := defs{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		end := strings.IndexAny(line, " \t")
		if end < 0 || line[0] == '#' {
			continue
		}
		value, _, _ := strings.Cut(strings.TrimLeft(line[end:], " \t\""), `"`)
		d[line[:end]] = value
	}
	return d
}

// parseDefaults reads /etc/default/useradd: NAME=value, nothing else (useradd(8)).
func parseDefaults(text string) defs {
	d := defs{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			d[name] = value
		}
	}
	return d
}

// number returns a setting as the C library would read it, decimal, octal or hexadecimal.
func (d defs) number(name string, otherwise int) int {
	n, err := strconv.ParseInt(d[name], 0, 64)
	if err != nil {
		return otherwise
	}
	return int(n)
}

func (d defs) text(name, otherwise string) string {
	if v, ok := d[name]; ok && v != "" {
		return v
	}
	return otherwise
}

func (d defs) yes(name string) bool { return strings.EqualFold(d[name], "yes") }

// ids returns the range that new ids are taken from (login.defs(5)); kind is "UID" or "GID".
func (d defs) ids(kind string, system bool) (low, high int) {
	if system {
		return d.number("SYS_"+kind+"_MIN", 101), d.number("SYS_"+kind+"_MAX", d.number(kind+"_MIN", 1000)-1)
	}
	return d.number(kind+"_MIN", 1000), d.number(kind+"_MAX", 60000)
}

// HomeMode returns the mode of new home directories (HOME_MODE, UMASK of login.defs(5)).
func (db *DB) HomeMode() uint32 {
	mode := 0o777 &^ db.defs.number("UMASK", 0o022)
	return uint32(db.defs.number("HOME_MODE", mode)) & 0o7777
}

// Skeleton returns the directory whose content new home directories begin with.
func (db *DB) Skeleton() string { return db.defaults.text("SKEL", "/etc/skel") }

// Spools returns the directory of mailboxes, and whether new users get one at once.
func (db *DB) Spools() (dir string, create bool) {
	return db.defs.text("MAIL_DIR", "/var/mail"), db.defaults.yes("CREATE_MAIL_SPOOL")
}

// expiry returns the field of shadow(5) that the default "2026-12-31" stands for.
func (d defs) expiry() string {
	var f [3]int
	parts := strings.Split(d["EXPIRE"], "-")
	if len(parts) != 3 {
		return ""
	}
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		if err != nil {
			return ""
		}
		f[i] = n
	}
	return strconv.Itoa(days(f[0], f[1], f[2]))
}

// days counts from 1970-01-01 to a date of the Gregorian calendar, in years that begin with March so that the
// leap day is the last one.
func days(year, month, day int) int {
	if month <= 2 {
		year--
		month += 12
	}
	return 365*year + year/4 - year/100 + year/400 + (153*(month-3)+2)/5 + day - 1 - 719468
}

// inactive returns the field of shadow(5) for the default days of grace.
func (d defs) inactive() string {
	if n := d.number("INACTIVE", -1); n >= 0 {
		return strconv.Itoa(n)
	}
	return ""
}
