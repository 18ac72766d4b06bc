// SPDX-License-Identifier: Apache-2.0

// Code generated from internal/filesystem/table.go by go test ./internal/filesystem -update. DO NOT EDIT.

package rules

import "github.com/firstlight-boot/firstlight/config/spec"

// formats are the formats of filesystems. The order is that of messages.
var formats = []format{
	{name: "ext4", since: spec.V3_0, label: 16},
	{name: "btrfs", since: spec.V3_0, label: 256},
	{name: "xfs", since: spec.V3_0, label: 12},
	{name: "vfat", since: spec.V3_0, label: 11},
	{name: "swap", since: spec.V3_0, label: 15},
	{name: "none", since: spec.V3_3, label: -1},
	{name: "virtiofs", since: spec.V3_7, label: -1},
}
