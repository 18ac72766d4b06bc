// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// CryptoCards implements Cards.
func (*Host) CryptoCards() ([]string, error) {
	queues, err := filepath.Glob("/sys/bus/ap/devices/[0-9a-f][0-9a-f].[0-9a-f][0-9a-f][0-9a-f][0-9a-f]")
	if err != nil {
		return nil, err
	}
	var cards []string
	for _, q := range queues {
		text, err := os.ReadFile(filepath.Join(q, "uevent"))
		if err != nil {
			return nil, fmt.Errorf("look at crypto card: %w", err)
		}
		for line := range bytes.Lines(text) {
			if _, value, _ := strings.Cut(strings.TrimSpace(string(line)), "="); value == "cca" {
				cards = append(cards, filepath.Base(q))
			}
		}
	}
	if len(cards) == 0 {
		return nil, errors.New("the machine has no crypto card in CCA mode")
	}
	return cards, nil
}

// ReadFile implements Cards.
func (*Host) ReadFile(name string) ([]byte, error) { return os.ReadFile(name) }
