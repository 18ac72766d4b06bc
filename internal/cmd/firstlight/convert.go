// SPDX-License-Identifier: Apache-2.0

package main

import (
	"flag"
	"fmt"
	"io"

	"github.com/firstlight-boot/firstlight/config"
	"github.com/firstlight-boot/firstlight/config/convert"
	"github.com/firstlight-boot/firstlight/config/diag"
)

const convertManual = `
Convert a config into the form that people write, YAML. FILE is an Ignition
config of version 3.x or 2.x, or a cloud-config; without one, standard input is
read. With --json, a config of version 2.x becomes JSON of version 3.x.

What cannot be carried over is reported on standard error, with its line and
the reason. The exit code is 0 if there is a result, 1 if there is none or, with
--strict, if anything was left out, and 2 if the command line is wrong.

  firstlight convert config.ign > config.bu
  firstlight convert --strict user-data.yaml`

// setupConvert is "firstlight convert".
func setupConvert(flags *flag.FlagSet) runner {
	var format string
	choiceVar(flags, &format, "format", formatText, reportFormats, "report `form`")
	strict := flags.Bool("strict", false, "fail if anything is left out or changed")
	asJSON := flags.Bool("json", false, "write JSON of version 3.x instead of YAML")
	output := flags.String("output", "", "`file` to write to")
	return func(args []string, s streams) int {
		if len(args) > 1 {
			return usageError(s, "convert", "name one file")
		}
		name := "-"
		if len(args) == 1 {
			name = args[0]
		}
		text, err := read(name, s.in)
		if err != nil {
			_ = writeFindings(s.err, format, unreadable(name, err))
			return exitFailed
		}
		if name == "-" {
			name = "<stdin>"
		}
		out, report, err := convertText(diag.NewSource(name, text), *asJSON)
		if err != nil {
			fmt.Fprintf(s.err, "firstlight convert: %v\n", err)
			return exitFailed
		}
		if err := writeFindings(s.err, format, report); err != nil {
			return exitFailed
		}
		if report.HasErrors() || *strict && len(report) > 0 {
			return exitFailed
		}
		write := func(w io.Writer) error { _, err := w.Write(out); return err }
		if *output == "" {
			err = write(s.out)
		} else {
			err = writeFile(*output, write)
		}
		if err != nil {
			fmt.Fprintf(s.err, "firstlight convert: %v\n", err)
			return exitFailed
		}
		return exitOK
	}
}

// convertText converts a document of whatever form.
func convertText(src *diag.Source, asJSON bool) ([]byte, diag.List, error) {
	switch form := convert.Detect(src.Text); form {
	case convert.CloudConfig:
		if asJSON {
			return nil, nil, fmt.Errorf("%s: a cloud-config becomes YAML; use \"firstlight build\" on the result for JSON", src.Name)
		}
		out, report := convert.FromCloudConfig(src)
		return checked(src, out, report)
	case convert.Ignition2:
		out, report := convert.FromIgnition2(src)
		if report.HasErrors() {
			return nil, report, nil
		}
		if asJSON {
			return append(out, '\n'), report, nil
		}
		yaml, more := convert.ToYAML(diag.NewSource(src.Name, out))
		return yaml, append(report, elsewhere(src, more)...), nil
	case convert.Ignition3:
		if asJSON {
			return nil, nil, fmt.Errorf("%s: the config is of version 3.x already", src.Name)
		}
		out, report := convert.ToYAML(src)
		return out, report, nil
	case convert.Authored:
		return nil, nil, fmt.Errorf("%s: the document has a variant already; use \"firstlight build\"", src.Name)
	default:
		return nil, nil, fmt.Errorf("%s: this is neither an Ignition config, which begins with {, nor a cloud-config, which begins with #cloud-config", src.Name)
	}
}

// checked adds the errors of the result as warnings: the result belongs to its reader, who can correct it.
func checked(src *diag.Source, out []byte, report diag.List) ([]byte, diag.List, error) {
	if report.HasErrors() {
		return nil, report, nil
	}
	_, found := config.Parse(diag.NewSource("result", out))
	return out, append(report, elsewhere(src, found.Errors())...), nil
}

// elsewhere turns findings about a result into warnings about the document: their places are in a text that nobody has seen yet.
func elsewhere(src *diag.Source, found diag.List) diag.List {
	for i := range found {
		found[i].Severity = diag.Warning
		found[i].Summary = "the result has this at " + found[i].Path.String() + ": " + found[i].Summary
		found[i].Span, found[i].Mark = src.Span(0, 0), diag.Span{}
	}
	return found
}
