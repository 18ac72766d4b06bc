// SPDX-License-Identifier: Apache-2.0

package logx

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"levels", func(l *slog.Logger) {
			l.Debug("a")
			l.Info("b")
			l.Log(t.Context(), Notice, "c")
			l.Warn("d")
			l.Error("e")
			l.Log(t.Context(), Critical, "f")
		}, "DEBUG    : a\nINFO     : b\nNOTICE   : c\nWARNING  : d\nERROR    : e\nCRITICAL : f\n"},
		{"prefixes and attributes", func(l *slog.Logger) {
			Prefix(Prefix(l, "files:"), "op(1):").Info("text", "n", 3, "s", "two words", "e", "")
		}, "INFO     : files: op(1): text n=3 s=\"two words\" e=\"\"\n"},
		{"operation", func(l *slog.Logger) {
			_ = Op(l, 26, "write /a", func() error { return nil })
			_ = Op(l, 27, "write /b", func() error { return errors.New("no space") })
		}, "INFO     : op(1a): [started]  write /a\nINFO     : op(1a): [finished] write /a\n" +
			"INFO     : op(1b): [started]  write /b\nCRITICAL : op(1b): [failed]   write /b: no space\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			c.log(New(Stdout{&out}))
			if out.String() != c.want {
				t.Errorf("got:\n%swant:\n%s", out.String(), c.want)
			}
		})
	}
}
