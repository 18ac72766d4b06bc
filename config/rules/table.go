// SPDX-License-Identifier: Apache-2.0

package rules

// table is the list of all rules.
var table = []Rule{}
