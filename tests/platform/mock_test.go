// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// TestAmazonMock runs the platform aws against AWS's own metadata mock with IMDSv2 required.
func TestAmazonMock(t *testing.T) {
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	mock := filepath.Join(cache, "firstlight", "servers", "ec2-metadata-mock")
	if _, err := os.Stat(mock); err != nil {
		if os.Getenv("FIRSTLIGHT_TEST_SERVERS") != "" {
			t.Fatal(err)
		}
		t.Skip("ec2-metadata-mock is not there; ./build servers installs it")
	}
	for name, c := range map[string]struct {
		data string
		want outcome
	}{
		"found": {config, outcome{found: true}}, "gzip": {packed(config), outcome{found: true}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text, err := json.Marshal(map[string]any{"userdata": map[string]any{
				"paths":  map[string]string{"userdata": "/2019-10-01/user-data"},
				"values": map[string]string{"userdata": base64.StdEncoding.EncodeToString([]byte(c.data))},
			}})
			if err != nil {
				t.Fatal(err)
			}
			write(t, dir+"/mock.json", string(text))
			cmd := exec.Command(mock, "--imdsv2", "--hostname", link, "--port", "80", "--config-file", dir+"/mock.json")
			cmd.Dir = dir
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				cmd.Process.Kill()
				cmd.Wait()
			})
			for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
				if conn, err := net.Dial("tcp", link+":80"); err == nil {
					conn.Close()
					break
				} else if time.Since(began) > time.Minute {
					t.Fatal(err)
				}
			}
			c.want.check(t, engine(t, t.TempDir(), "aws", "fetch", nil))
		})
	}
}
