// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"os"
	"slices"
	"strings"
)

// say writes what failed, and what the boot waits for, to the console for people in front of it. A missing console is not an
// error.
func (r *run) say(text string) {
	r.flush() // the log may be on the console, too
	if r.o.Console == "" {
		return
	}
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	console, err := os.OpenFile(r.o.Console, os.O_WRONLY, 0)
	if err != nil {
		r.log.Debug("no console: " + err.Error())
		return
	}
	_, err = console.WriteString(strings.ReplaceAll(text, "\n", "\r\n"))
	if err := errors.Join(err, console.Close()); err != nil {
		r.log.Debug("write to the console: " + err.Error())
	}
}

// inform writes good news to the console, unless systemd.show_status on the kernel command line turns status messages off
// (systemd(1)). The word quiet does not: it is for the kernel's messages, and servers set it too.
func (r *run) inform(text string) {
	value, _ := r.cmdline.Last("systemd.show_status")
	if own, ok := r.cmdline.Last("rd.systemd.show_status"); ok {
		value = own
	}
	if !slices.Contains([]string{"0", "no", "n", "false", "f", "off", "error"}, strings.ToLower(value)) {
		r.say(text)
	}
}
