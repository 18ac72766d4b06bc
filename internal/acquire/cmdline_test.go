// SPDX-License-Identifier: Apache-2.0

package acquire

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
	"time"

	"github.com/firstlight-boot/firstlight/internal/fetch"
	"github.com/firstlight-boot/firstlight/internal/platform"
)

// TestExpectedHash checks that a config which is not the one that the kernel command line names by its hash is not taken,
// wherever it comes from.
func TestExpectedHash(t *testing.T) {
	const text = `{"ignition": {"version": "3.4.0"}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(text)) }))
	defer server.Close()
	good := fmt.Sprintf("sha256-%x", sha256.Sum256([]byte(text)))
	other := fmt.Sprintf("sha256-%x", sha256.Sum256([]byte("other")))
	for _, c := range []struct {
		name    string
		cmdline Cmdline
		verify  func([]byte) error
		err     error
	}{
		{name: "none expected", cmdline: Cmdline{paramURL + "=" + server.URL}},
		{name: "this one", cmdline: Cmdline{paramURL + "=" + server.URL}, verify: fetch.Bootstrap{Hash: good}.Verify},
		{name: "another", cmdline: Cmdline{paramURL + "=" + server.URL}, verify: fetch.Bootstrap{Hash: other}.Verify, err: fetch.ErrHashMismatch},
		{name: "no config at all", verify: fetch.Bootstrap{Hash: good}.Verify, err: fetch.ErrHashMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, err := fetch.New(fetch.Options{})
			if err != nil {
				t.Fatal(err)
			}
			metal, _ := platform.Find("metal")
			_, err = FetchUser(t.Context(), Env{
				Platform: metal, Cmdline: c.cmdline, Timeout: time.Minute, Verify: c.verify, Note: func(Fetched) {},
				HTTP: client, Machine: platform.Env{FS: fstest.MapFS{}}, Log: slog.New(slog.DiscardHandler),
			})
			if !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
		})
	}
}
