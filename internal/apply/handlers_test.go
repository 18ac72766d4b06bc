// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"slices"
	"testing"

	"github.com/firstlight-boot/firstlight/internal/op"
)

// cases returns the operations that have a case in a function of handlers.go.
func cases(t *testing.T, function string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "handlers.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file.Scope.Lookup(function).Decl.(*ast.FuncDecl), func(n ast.Node) bool {
		if c, ok := n.(*ast.CaseClause); ok {
			for _, e := range c.List {
				names = append(names, e.(*ast.SelectorExpr).Sel.Name)
			}
		}
		return true
	})
	return names
}

// TestHandlers: every kind of operation has a handler, and every handler a kind; the JSON form of each leads back to it.
func TestHandlers(t *testing.T) {
	var all []string
	for _, o := range op.Operations() {
		all = append(all, reflect.TypeOf(o).Name())
		text, err := json.Marshal(op.Step{Op: o})
		if err != nil {
			t.Fatal(err)
		}
		var back op.Step
		if err := json.Unmarshal(text, &back); err != nil || back.Op.Kind() != o.Kind() {
			t.Errorf("%s comes back as %v, %v", text, back.Op, err)
		}
	}
	handled := cases(t, "handle")
	for _, name := range all {
		if !slices.Contains(handled, name) {
			t.Errorf("handle has no case for op.%s", name)
		}
	}
	for _, name := range append(handled, cases(t, "inspect")...) {
		if !slices.Contains(all, name) {
			t.Errorf("op.%s has a case and is not in op.Operations", name)
		}
	}
	if err := handle(t.Context(), &Machine{}, trial{}); err == nil {
		t.Error("an operation without a handler is not an error")
	}
}
