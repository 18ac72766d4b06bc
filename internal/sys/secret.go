// SPDX-License-Identifier: Apache-2.0

package sys

import (
	"errors"
	"fmt"
	"os"
)

// KeepSecret puts a secret into a file in memory that root alone can read, for programs that take it only from a file,
// and returns the file's name and what removes it.
func KeepSecret(secret []byte) (name string, forget func() error, err error) {
	file, err := os.CreateTemp("/run", ".firstlight-secret-") // mode 0600
	if err != nil {
		return "", nil, fmt.Errorf("keep a secret: %w", err)
	}
	_, err = file.Write(secret)
	if err := errors.Join(err, file.Close()); err != nil {
		return "", nil, errors.Join(fmt.Errorf("keep a secret: %w", err), os.Remove(file.Name()))
	}
	return file.Name(), func() error { return os.Remove(file.Name()) }, nil
}
