// SPDX-License-Identifier: Apache-2.0

package acquire

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"log/slog"
	"sync"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/internal/logx"
)

// LogReport logs each finding as one line in the form of Ignition's reports, and what can be done about it on another.
func LogReport(log *slog.Logger, report diag.List) {
	levels := map[diag.Severity]slog.Level{diag.Error: logx.Critical, diag.Warning: slog.LevelWarn, diag.Info: slog.LevelInfo}
	for _, d := range report {
		log.Log(context.Background(), levels[d.Severity], d.Line())
		if d.Hint != "" {
			log.Info("help: " + d.Hint)
		}
	}
}

// logDigest logs the digest of a config that is going to be parsed. It hashes on another processor; done waits for the end.
func logDigest(log *slog.Logger, data []byte) (done func()) {
	var hashing sync.WaitGroup
	hashing.Go(func() {
		sum := sha512.Sum512(data)
		log.Debug("parsing config with SHA512: " + hex.EncodeToString(sum[:]))
	})
	return hashing.Wait
}
