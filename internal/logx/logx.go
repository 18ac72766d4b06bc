// SPDX-License-Identifier: Apache-2.0

// Package logx writes log records to syslog, standard output and the systemd journal in the forms that distributions read.
//
// A record is one line: prefixes, message, then attributes as key=value. The package neither filters nor stores records:
// callers must not pass secrets to it.
package logx

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Levels in addition to those of slog, in the order of syslog(3).
const (
	Notice   = slog.LevelInfo + 2
	Critical = slog.LevelError + 4
)

// A Sink takes finished lines.
type Sink interface {
	Lines(...Line) error
}

// A Line is a record before a sink formats it.
type Line struct {
	Level slog.Level
	Text  string
}

// To logs the line, without attributes. The logger's own methods look up their caller for each record, which no sink shows and which
// takes too long for thousands of lines.
func (line Line) To(l *slog.Logger) {
	if ctx, h := context.Background(), l.Handler(); h.Enabled(ctx, line.Level) {
		_ = h.Handle(ctx, slog.NewRecord(time.Time{}, line.Level, line.Text, 0))
	}
}

// New returns a logger that writes every record, debug ones included, to the sink.
func New(s Sink) *slog.Logger { return slog.New(handler{sink: s}) }

// prefixKey marks the attribute that Prefix adds; no other attribute can have this name.
const prefixKey = "\x00prefix"

// Prefix returns a logger whose lines begin with the prefixes of l and then text, which ends in a colon:
// "files:" or "op(3):".
func Prefix(l *slog.Logger, text string) *slog.Logger { return l.With(prefixKey, text) }

// handler formats records. It does not support groups: names are flat.
type handler struct {
	sink  Sink
	words string // prefixes, each followed by a space
	attrs string // attributes, each preceded by a space
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }

func (h handler) Handle(_ context.Context, r slog.Record) error {
	words, attrs := h.words, h.attrs
	if r.NumAttrs() > 0 {
		r.Attrs(func(a slog.Attr) bool {
			words, attrs = extend(words, attrs, a)
			return true
		})
	}
	return h.sink.Lines(Line{r.Level, words + r.Message + attrs})
}

func (h handler) WithAttrs(list []slog.Attr) slog.Handler {
	for _, a := range list {
		h.words, h.attrs = extend(h.words, h.attrs, a)
	}
	return h
}

func (h handler) WithGroup(string) slog.Handler { return h }

func extend(words, attrs string, a slog.Attr) (string, string) {
	value := a.Value.Resolve()
	switch {
	case a.Key == prefixKey:
		return words + value.String() + " ", attrs
	case a.Equal(slog.Attr{}):
		return words, attrs
	}
	text := value.String()
	if text == "" || strings.ContainsAny(text, " \"\n\t=") {
		text = strconv.Quote(text)
	}
	return words, attrs + " " + a.Key + "=" + text
}

// Op runs f and logs it as operation number n: its start and its result. The two spaces after "[started]" are part of the
// form that people search logs for.
func Op(l *slog.Logger, n int, text string, f func() error) error {
	prefix := "op(" + strconv.FormatInt(int64(n), 16) + "): "
	Line{slog.LevelInfo, prefix + "[started]  " + text}.To(l)
	err := f()
	if err != nil {
		Line{Critical, prefix + "[failed]   " + text + ": " + err.Error()}.To(l)
		return err
	}
	Line{slog.LevelInfo, prefix + "[finished] " + text}.To(l)
	return nil
}
