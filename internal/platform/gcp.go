// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"

	"github.com/firstlight-boot/firstlight/internal/metadata"
	"github.com/firstlight-boot/firstlight/internal/metadata/google"
)

// gcpUserData asks for the user data by Google's library.
func gcpUserData(ctx context.Context, c *metadata.Client) ([]byte, error) {
	return google.New(metadata.Transport{Client: c, Service: metadata.Google}).UserData(ctx)
}
