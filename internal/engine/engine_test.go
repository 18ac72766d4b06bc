// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/apply"
	"github.com/firstlight-boot/firstlight/internal/handover"
	"github.com/firstlight-boot/firstlight/internal/op"
)

// TestBlock checks what the console of a failed boot ends with.
func TestBlock(t *testing.T) {
	const text = "{\"ignition\":{\"version\":\"3.4.0\"},\n\"storage\":{\"files\":[{\"path\":\"etc/x\"}]}}"
	_, report := config.Parse(diag.NewSource("fw_cfg opt/com.coreos/config", []byte(text)))
	for _, c := range []struct {
		name    string
		err     error
		touched bool
		want    []string
	}{
		{"invalid config", &acquire.InvalidError{Source: "fw_cfg opt/com.coreos/config", Report: report}, false,
			[]string{"fw_cfg opt/com.coreos/config:2:29", "($.storage.files.0.path)", "Nothing was written to any disk"}},
		{"step", fmt.Errorf("files: %w", &apply.StepError{
			Step: op.Step{Op: op.SetKernelArguments{Present: []string{"a"}}, Path: "$.kernelArguments",
				Origin: diag.Place{File: "c.ign", Line: 3, Column: 7}},
			Err: errors.New("it broke"),
		}), true, []string{`what   make kernel arguments ["a"] present`, "where  c.ign:3:7 ($.kernelArguments)", "cause  it broke",
			"The machine has been changed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &run{o: Options{Stage: "files"}, progress: handover.Progress{Touched: c.touched}}
			block := r.block(findings(c.err))
			for _, w := range c.want {
				if !strings.Contains(block, w) {
					t.Errorf("the block lacks %q:\n%s", w, block)
				}
			}
		})
	}
}

// TestFailureLog: the log of a failed boot has the cause and the place, as its console does.
func TestFailureLog(t *testing.T) {
	var log bytes.Buffer
	r := &run{
		o:   Options{Stage: "files", StateFile: filepath.Join(t.TempDir(), "state"), Stderr: io.Discard},
		log: slog.New(slog.NewTextHandler(&log, nil)), flush: func() {},
	}
	code := r.fail(&apply.StepError{
		Step: op.Step{Op: op.SetKernelArguments{}, Path: "$.kernelArguments", Origin: diag.Place{File: "c.ign", Line: 3, Column: 7}}, Err: errors.New("it broke"),
	}, 1)
	for _, want := range []string{"it broke", "c.ign:3:7 ($.kernelArguments)"} {
		if code != 1 || !strings.Contains(log.String(), want) {
			t.Errorf("exit %d; the log lacks %q:\n%s", code, want, &log)
		}
	}
}
