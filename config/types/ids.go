// SPDX-License-Identifier: Apache-2.0

package types

import "math"

// MaxID is the largest id that a user or group can have. The one after it, 2³² − 1, stands for "no id" in the kernel and
// in the C library.
const MaxID int64 = math.MaxUint32 - 1

// ValidID reports whether a number can be the id of a user or a group, and the owner of a file. It refuses what
// useradd(8) and groupadd(8) refuse.
func ValidID(id int) bool { return id >= 0 && int64(id) <= MaxID }
