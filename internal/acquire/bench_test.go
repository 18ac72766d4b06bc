// SPDX-License-Identifier: Apache-2.0

package acquire

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/types"
	"github.com/firstlight-boot/firstlight/internal/fetch"
)

// BenchmarkSiblings merges 40 configs from a server that takes 50 ms for each answer.
func BenchmarkSiblings(b *testing.B) {
	const latency = 50 * time.Millisecond
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		io.WriteString(w, file(r.URL.Path))
	}))
	defer server.Close()
	var children []string
	for i := range 40 {
		children = append(children, fmt.Sprintf("%s/%d", server.URL, i))
	}
	doc, _ := config.Parse(diag.NewSource("root.ign", []byte(references("merge", children...))))
	for b.Loop() {
		client, err := fetch.New(fetch.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Render(b.Context(), doc, RenderOptions{
			Fetch: func(ctx context.Context, r types.Resource, _ string) ([]byte, error) {
				return client.Bytes(ctx, fetch.FromResource(r), MaxConfig)
			},
			Configure: func(ctx context.Context, c types.Config) error { return client.Configure(ctx, fetch.SettingsOf(c)) },
		}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/latency.Seconds(), "round-trips")
}
