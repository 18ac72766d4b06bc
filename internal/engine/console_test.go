// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/acquire"
)

// TestConsole: failures always appear; successes do not where status messages are off.
func TestConsole(t *testing.T) {
	for cmdline, informs := range map[string]bool{
		"":                             true,
		"quiet loglevel=3":             true,
		"systemd.show_status=auto":     true,
		"systemd.show_status=0":        false,
		"rd.systemd.show_status=false": false,
		"systemd.show_status=error":    false,
		"systemd.show_status=no systemd.show_status=yes":  true,
		"rd.systemd.show_status=1 systemd.show_status=no": true,
	} {
		dir := t.TempDir()
		said := func(console string, say func(*run, string)) string {
			t.Helper()
			name := filepath.Join(dir, console)
			if err := os.WriteFile(name, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			say(&run{o: Options{Console: name}, cmdline: acquire.ParseCmdline(cmdline), log: slog.New(slog.DiscardHandler), flush: func() {}}, "a\nb")
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if got := said("failure", (*run).say); got != "a\r\nb\r\n" {
			t.Errorf("%q: a failure prints %q", cmdline, got)
		}
		if got := said("success", (*run).inform); (got != "") != informs {
			t.Errorf("%q: a success prints %q", cmdline, got)
		}
	}
}
