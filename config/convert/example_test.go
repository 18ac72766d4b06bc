// SPDX-License-Identifier: Apache-2.0

package convert_test

import (
	"fmt"

	"github.com/firstlight-boot/firstlight/config/convert"
	"github.com/firstlight-boot/firstlight/config/diag"
)

func ExampleToYAML() {
	src := diag.NewSource("motd.ign", []byte(`{"ignition":{"version":"3.4.0"},"storage":{"files":[{"path":"/etc/motd","mode":420,"contents":{"source":"data:,hello%0A"}}]}}`))
	text, report := convert.ToYAML(src)
	if err := report.Err(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(string(text))
	// Output:
	// variant: fcos
	// version: 1.5.0
	// storage:
	//   files:
	//     - path: /etc/motd
	//       contents:
	//         inline: |
	//           hello
	//       mode: 0644
}

func ExampleFromCloudConfig() {
	_, report := convert.FromCloudConfig(diag.NewSource("user-data", []byte("#cloud-config\nhostname: web\npackages: [nginx]\n")))
	for _, loss := range report {
		fmt.Println(loss)
	}
	// Output:
	// user-data:3:1: warning: packages has no counterpart: left out [C001]
}
