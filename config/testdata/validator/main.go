// SPDX-License-Identifier: Apache-2.0

// Command validator does nothing but check a config. It shows how small a program with the library is.
package main

import (
	"io"
	"os"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/diag"
)

func main() {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		os.Exit(2)
	}
	_, report := config.Parse(diag.NewSource("-", text))
	if diag.Text(os.Stdout, report, true) != nil || report.HasErrors() {
		os.Exit(1)
	}
}
