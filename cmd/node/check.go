package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/weir-cdc/weir/config"
)

// The statuses of a finding.
const (
	statusOK      = "ok"
	statusWarning = "warning"
	statusError   = "error"
)

// A finding is one thing that was looked at, at one end.
type finding struct {
	End    string `json:"end"` // "from" or "to"
	Status string `json:"status"`
	Name   string `json:"name"`
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"` // the statement or command that mends it
}

func newCheck(c *console) *cobra.Command {
	conf := config.Default()
	var output string
	cmd := &cobra.Command{
		Use:   "check --from URI [--to URI]",
		Short: "Tell what an upstream or a downstream lacks, with the statement that fixes it",
		Long: `Tell what an upstream or a downstream lacks, with the statement that fixes it.

Nothing is changed at either end. Exit status: 0 all usable (warnings included), 1 something is not, 2 the command line
is wrong.`,
		Example: `  weir check --from mysql://root@127.0.0.1:3306/ --to file:///srv/out`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "table" && output != "json" {
				return usageError{fmt.Errorf("--output: %q is not known: give table or json", output)}
			}
			if err := conf.Resolve(c.getenv); err != nil {
				return usageError{err}
			}
			if err := conf.CheckURIs(); err != nil {
				return usageError{err}
			}
			findings := look(cmd.Context(), conf)
			if err := show(c.out, findings, output); err != nil {
				return err
			}
			return verdict(findings)
		},
	}
	cmd.Flags().SortFlags = false
	ends := map[string]bool{"from": true, "from-file": true, "to": true, "to-file": true}
	for _, s := range conf.Settings() {
		if ends[s.Name] {
			cmd.Flags().Var(s.Value, s.Name, s.Usage)
		}
	}
	cmd.Flags().StringVar(&output, "output", "table", "table or json")
	return cmd
}

// look checks the ends that are given.
func look(ctx context.Context, conf *config.Config) []finding {
	var all []finding
	for _, end := range []struct {
		name, uri string
		check     func(context.Context, string) []finding
	}{{"from", conf.From, checkSource}, {"to", conf.To, checkSink}} {
		if end.uri == "" {
			continue
		}
		for _, f := range end.check(ctx, end.uri) {
			f.End = end.name
			all = append(all, f)
		}
	}
	return all
}

// verdict is an error if any finding is.
func verdict(findings []finding) error {
	n := 0
	for _, f := range findings {
		if f.Status == statusError {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return errors.New(plural(uint64(n), "error") + " found")
}

func show(w io.Writer, findings []finding, output string) error {
	if output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		if findings == nil {
			findings = []finding{}
		}
		return e.Encode(findings)
	}
	_, err := io.WriteString(w, table(findings, hasColours(w), columns(w)))
	return err
}

// table prints a line per finding, and the fix of those that have one below. Details are wrapped into their column, as wide as
// the terminal lets it be; a fix is not, so that it can be copied.
func table(findings []finding, colours bool, columns int) string {
	var b strings.Builder
	widest := 0
	for _, f := range findings {
		widest = max(widest, len(f.Name))
	}
	for _, f := range findings {
		detail := wrap(f.Detail, columns-margin-widest)
		fmt.Fprintf(&b, "%-4s  %s  %-*s  %s\n", f.End, paint(f.Status, colours), widest, f.Name, detail[0])
		for _, line := range detail[1:] {
			fmt.Fprintf(&b, "%*s%s\n", margin+widest, "", line)
		}
		if f.Fix != "" {
			for _, line := range strings.Split(f.Fix, "\n") {
				fmt.Fprintf(&b, "      fix: %s\n", line)
			}
		}
	}
	return b.String()
}

// margin is how wide a line is without its name and its detail.
const margin = len("from  warning    ")

// wrap breaks a text at spaces; a width that is too small for that breaks nothing.
func wrap(text string, width int) (lines []string) {
	const least = 20
	for width >= least && len(text) > width {
		at := strings.LastIndexByte(text[:width+1], ' ')
		if at <= 0 {
			if at = strings.IndexByte(text, ' '); at < 0 {
				break
			}
		}
		lines, text = append(lines, text[:at]), text[at+1:]
	}
	return append(lines, text)
}

// columns gives the width of a terminal, 0 of what is none.
func columns(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}

func paint(status string, colours bool) string {
	padded := fmt.Sprintf("%-7s", status)
	if !colours {
		return padded
	}
	code := map[string]string{statusOK: "32", statusWarning: "33", statusError: "31"}[status]
	return "\x1b[" + code + "m" + padded + "\x1b[0m"
}

func hasColours(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
