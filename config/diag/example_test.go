// SPDX-License-Identifier: Apache-2.0

package diag_test

import (
	"errors"
	"fmt"

	"github.com/firstlight-boot/firstlight/config/diag"
)

func ExampleList_Err() {
	src := diag.NewSource("web.ign", []byte(`{"a": 1}`))
	list := diag.List{{Severity: diag.Error, Code: "V007", Path: diag.ParsePath("$.a"), Span: src.Span(1, 4), Summary: "not known", Hint: "remove it"}}
	err := list.Err()
	var report *diag.ReportError
	if errors.As(err, &report) {
		fmt.Println(report)
		fmt.Println(report.Hint())
	}
	// Output:
	// web.ign:1:2: error: not known [V007]
	// remove it
}
