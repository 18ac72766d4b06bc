// SPDX-License-Identifier: Apache-2.0

// Package docgen generates the documentation that follows from the types of the config library and from the table of platforms:
// the reference of members and rules, a JSON schema for every spec version, and the page of platforms.
//
// It returns texts and writes no file. The invariant: the results depend only on the library's source, so that a test can
// compare the files in the tree with them.
package docgen

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"reflect"
	"strings"

	"github.com/firstlight-boot/firstlight/config/spec"
)

// Files returns the generated files by their names below docs; types is the source of package config/types.
func Files(types fs.FS) (map[string][]byte, error) {
	c, err := readComments(types)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{"reference/rules.md": rulesPage(), "reference/README.md": indexPage(), "platforms.md": Platforms()}
	for _, v := range spec.All() {
		files["reference/config-"+v.String()+".md"] = configPage(c, v)
		schema, err := Schema(c, v)
		if err != nil {
			return nil, err
		}
		files["schema/config-"+v.String()+".schema.json"] = schema
	}
	return files, nil
}

// Comments are the doc comments of types and of their fields: "Disk", "Disk.Device".
type Comments map[string]string

// readComments reads the doc comments of a package. Every field with a tag has one.
func readComments(source fs.FS) (Comments, error) {
	comments := Comments{}
	names, err := fs.Glob(source, "*.go")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := fs.ReadFile(source, name)
		if err != nil {
			return nil, fmt.Errorf("read comments: %w", err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path.Base(name), text, parser.ParseComments)
		if err != nil {
			return nil, fmt.Errorf("read comments: %w", err)
		}
		if err := comments.add(file); err != nil {
			return nil, err
		}
	}
	return comments, nil
}

func (c Comments) add(file *ast.File) error {
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.TYPE {
			continue
		}
		for _, s := range decl.Specs {
			t, ok := s.(*ast.TypeSpec)
			if !ok {
				continue
			}
			c[t.Name.Name] = oneLine(decl.Doc.Text())
			fields, ok := t.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, f := range fields.Fields.List {
				if f.Tag != nil && f.Doc == nil {
					return fmt.Errorf("read comments: a field of %s has none", t.Name.Name)
				}
				for _, n := range f.Names {
					c[t.Name.Name+"."+n.Name] = oneLine(f.Doc.Text())
				}
			}
		}
	}
	return nil
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// of returns the comment of a field.
func (c Comments) of(f *spec.Field) string { return c[f.Owner.Name()+"."+f.GoName] }

// kindOf names the type of a member in JSON.
func kindOf(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return kindOf(t.Elem())
	case reflect.Slice:
		return "list of " + kindOf(t.Elem()) + "s"
	case reflect.Struct:
		return "object"
	case reflect.Bool:
		return "boolean"
	case reflect.Int:
		return "integer"
	}
	return "string"
}
