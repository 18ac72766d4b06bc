// SPDX-License-Identifier: Apache-2.0

package rules

import (
	"slices"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/spec"
)

// table is the list of all rules. Each section has a file of its own.
var table = slices.Concat(
	readingRules, keyRules, resourceRules, nodeRules, diskRules, raidRules, filesystemRules, luksRules, unitRules, passwdRules,
)

// readingRules are applied while a document is read, before there is a config to check.
var readingRules = []Rule{
	{ID: "V001", Kind: Reading, About: "A config is not empty."},
	{ID: "V002", Kind: Reading, About: "A config is one well-formed JSON value, without byte-order mark, and nothing after it."},
	{ID: "V003", Kind: Reading, About: "A member has a value of its type; integers have neither fraction nor exponent and fit into 64 bits."},
	{ID: "V004", Kind: Reading, About: "`ignition.version` is given, and is three integers with an optional pre-release and metadata."},
	{ID: "V005", Kind: Reading, About: "`ignition.version` is one of the accepted versions."},
	{ID: "V006", Kind: Accepts, About: "Versions may have leading zeros, and an empty pre-release."},
	{ID: "V007", Kind: Reading, Severity: diag.Warning, About: "Every member is known in the config's version."},
	{ID: "V008", Kind: Reading, Severity: diag.Warning, About: "`null` does not stand where an object is expected."},
	{ID: "V009", Kind: Reading, Severity: diag.Warning, About: "Members are written with the letter case of their names."},
	{ID: "V010", Kind: Accepts, About: "`null` in place of a scalar counts as absent, in place of a list as an empty list."},
}

// passwdRules are about users and groups.
var passwdRules = []Rule{
	{ID: "V700", Kind: Accepts, About: "Users and groups: apart from unique names nothing is checked."},
}

// versions of rules that do not hold for all.
const (
	from31 = spec.V3_1
	from32 = spec.V3_2
	from33 = spec.V3_3
	from34 = spec.V3_4
	from35 = spec.V3_5
	from37 = spec.V3_7
)
