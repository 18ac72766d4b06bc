// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// LuksUUID returns the UUID in the LUKS header of a device, or "" if it has none. The header has it at byte 168, in
// 40 bytes, in both versions (LUKS2 On-Disk Format Specification, section 2.1).
func (h *Host) LuksUUID(device string) (string, error) {
	f, err := os.Open(device)
	if err != nil {
		return "", fmt.Errorf("read LUKS header: %w", err)
	}
	defer f.Close()
	head := make([]byte, 208)
	if _, err := io.ReadFull(f, head); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("read LUKS header of %s: %w", device, err)
	}
	if !bytes.HasPrefix(head, []byte("LUKS\xba\xbe")) {
		return "", nil
	}
	uuid, _, _ := bytes.Cut(head[168:208], []byte{0})
	return string(uuid), nil
}
