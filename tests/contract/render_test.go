// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/acquire"
	"github.com/firstlight-boot/firstlight/internal/fetch"
)

type renderCase struct {
	Config json.RawMessage
	Expect any
	Valid  bool
	Error  bool
}

func TestRender(t *testing.T) {
	client, err := fetch.New(fetch.Options{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	options := acquire.RenderOptions{
		Fetch: func(ctx context.Context, r types.Resource, _ string) ([]byte, error) {
			return client.Bytes(ctx, fetch.FromResource(r), 1<<20)
		},
		Configure: func(ctx context.Context, c types.Config) error { return client.Configure(ctx, fetch.SettingsOf(c)) },
	}
	cases(t, "render-cases", func(t *testing.T, c renderCase) {
		doc, report := config.Parse(diag.NewSource("case", c.Config))
		if report.HasErrors() {
			t.Fatal(lines(report))
		}
		got, err := acquire.Render(t.Context(), doc, options)
		if (err != nil) != c.Error {
			t.Fatalf("the error is %v, want one: %v", err, c.Error)
		}
		if err == nil {
			compare(t, got, c.Expect, c.Valid)
		}
	})
}
