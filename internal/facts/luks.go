// SPDX-License-Identifier: Apache-2.0

package facts

// Volumes maps the names of encrypted volumes to the UUIDs in their headers.
type Volumes map[string]string
