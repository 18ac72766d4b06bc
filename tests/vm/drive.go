// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"fmt"
	"os"
	"path/filepath"
)

// metadataService is the address of most clouds' metadata services.
const metadataService = "169.254.169.254"

// makeDrive makes a config drive with the tools that clouds use. what has its format, label and file.
func makeDrive(image, config string, what []string) error {
	if len(what) != 3 {
		return fmt.Errorf("make a config drive: its format, label and file are needed, not %q", what)
	}
	format, label, file := what[0], what[1], what[2]
	tree, err := os.MkdirTemp("", "drive-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	name := filepath.Join(tree, file)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		return err
	}
	switch format {
	case "disc": // Azure's: UDF, with a file that identifies the disc
		if err := os.WriteFile(filepath.Join(tree, "ovf-env.xml"), []byte("<Environment/>\n"), 0o644); err != nil {
			return err
		}
		return run("genisoimage", "-quiet", "-udf", "-allow-lowercase", "-V", label, "-o", image, tree)
	case "iso9660":
		return run("genisoimage", "-quiet", "-joliet", "-rock", "-V", label, "-o", image, tree)
	case "vfat":
		if err := run("truncate", "-s", "16M", image); err != nil {
			return err
		}
		if err := run("mkfs.vfat", "-n", label, image); err != nil {
			return err
		}
		entries, err := filepath.Glob(tree + "/*")
		if err != nil {
			return err
		}
		return run("mcopy", append([]string{"-s", "-i", image}, append(entries, "::/")...)...)
	}
	return fmt.Errorf("make a config drive: no format is named %q", format)
}
