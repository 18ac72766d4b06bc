// SPDX-License-Identifier: Apache-2.0

package lint_test

import (
	"fmt"
	"os"

	"github.com/firstlight-boot/firstlight/config/diag"
	"github.com/firstlight-boot/firstlight/config/lint"
)

func ExampleCheck() {
	const text = `{
  "ignition": {"version": "3.6.0"},
  "passwd": {"users": [
    {"name": "core", "passwordHash": "hunter2"},
    {"name": "core"}
  ]}
}`
	report := lint.Check(diag.NewSource("core.ign", []byte(text)))
	if err := diag.Text(os.Stdout, report, true); err != nil {
		fmt.Println(err)
	}
	// Output:
	// core.ign:4:38: info: passwordHash is not a hash of crypt(5): nobody can log in with it [I701]
	//   2 |   "ignition": {"version": "3.6.0"},
	//   3 |   "passwd": {"users": [
	//   4 |     {"name": "core", "passwordHash": "*******"},
	//     |                                      ^^^^^^^^^
	//   5 |     {"name": "core"}
	//   6 |   ]}
	// help: mkpasswd --method=yescrypt reads a password and prints its hash
	//
	// core.ign:5:14: error: duplicate name "core" [V020]
	//   3 |   "passwd": {"users": [
	//   4 |     {"name": "core", "passwordHash": "*******"},
	//   5 |     {"name": "core"}
	//     |              ^^^^^^
	//   6 |   ]}
	//   7 | }
	// core.ign:4:14: note: the first entry is here
	//   4 |     {"name": "core", "passwordHash": "*******"},
	//     |              ^^^^^^
	// help: merge the two entries, or remove one
}
