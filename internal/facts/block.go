// SPDX-License-Identifier: Apache-2.0

package facts

// Block is what is known of block devices.
type Block struct {
	// Devices maps every device path that the config names, aliases included, to the device behind it.
	// A path whose device does not exist has no entry.
	Devices map[string]Device `json:"devices,omitempty"`
	// Missing lists the helper programs that are not in the search path, out of those that were looked for.
	Missing []string `json:"missing,omitempty"`
}

// Device is one block device.
type Device struct {
	Node string `json:"node"` // resolved node, such as /dev/vdb1
	Size int64  `json:"size"` // bytes
}
