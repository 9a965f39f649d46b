package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/config"
)

// demoName is the changefeed of a demo: a folder that belongs to it may be emptied by the next one.
const demoName = "demo"

func newDemo(c *console) *cobra.Command {
	var out string
	var length time.Duration
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Follow a built-in bank into files, with nothing to set up",
		Long: `Follow a built-in bank into files, with nothing to set up.

The bank moves money between accounts in several tables, and changes its tables now and then. The demo follows it for a
while, then says what it wrote and where to look.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if length < time.Second {
				return usageError{fmt.Errorf("--for: %v is too short: give at least 1s", length)}
			}
			return demo(cmd.Context(), out, length, c, start)
		},
	}
	cmd.Flags().StringVar(&out, "out", "demo-out", "folder for the files; one of an earlier demo is emptied")
	cmd.Flags().DurationVar(&length, "for", 15*time.Second, "how long to follow the bank")
	return cmd
}

func demo(ctx context.Context, out string, length time.Duration, c *console, start starter) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := emptyDemo(out); err != nil {
		return err
	}
	state, err := os.MkdirTemp("", "weir-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(state)

	conf := config.Default()
	conf.Changefeed = demoName
	conf.From = "workload://bank?seed=1&tables=4&rate=2000&ddl=3s&start=" + time.Now().UTC().Format(time.RFC3339)
	conf.To = "file://" + filepath.ToSlash(out) + "?protocol=csv&flush-interval=1s"
	conf.StartAt = "earliest"
	conf.SyncpointInterval = 5 * time.Second
	conf.DataDir = state
	fmt.Fprintf(c.out, "A bank is followed into %s for %v.\n", out, length)

	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	if err := run(ctx, conf, c, start); err != nil {
		return err
	}
	return describeOutput(c.out, out)
}

// emptyDemo empties the folder of an earlier demo. It touches no other.
func emptyDemo(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("look into %s: %w", out, err)
	}
	if len(entries) == 0 {
		return nil
	}
	var owner struct{ Changefeed string }
	data, err := os.ReadFile(filepath.Join(out, ".weir.json"))
	if err != nil || json.Unmarshal(data, &owner) != nil || strings.Split(owner.Changefeed, "/")[0] != demoName {
		return fmt.Errorf("%s holds files that no demo wrote: give another folder with --out", out)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(out, e.Name())); err != nil {
			return fmt.Errorf("empty %s: %w", out, err)
		}
	}
	return nil
}

// describeOutput says what lies in the folder, table by table.
func describeOutput(w io.Writer, out string) error {
	type content struct{ files, versions, bytes int64 }
	tables := map[string]*content{}
	err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		rel, err := filepath.Rel(out, path)
		if err != nil {
			return err
		}
		parts := strings.Split(filepath.ToSlash(rel), "/")
		if len(parts) < 4 || strings.HasPrefix(parts[0], ".") {
			return nil
		}
		name := parts[0] + "." + parts[1]
		if tables[name] == nil {
			tables[name] = &content{}
		}
		switch base := parts[len(parts)-1]; {
		case strings.HasPrefix(base, "schema_"):
			tables[name].versions++
		case strings.HasSuffix(base, ".csv"):
			info, err := e.Info()
			if err != nil {
				return err
			}
			tables[name].files++
			tables[name].bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		return err
	}
	names := make([]string, 0, len(tables))
	for name := range tables {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Fprintf(w, "\n%-24s %9s %6s %12s\n", "table", "versions", "files", "bytes")
	for _, name := range names {
		t := tables[name]
		fmt.Fprintf(w, "%-24s %9d %6d %12s\n", name, t.versions, t.files, grouped(uint64(t.bytes)))
	}
	fmt.Fprintf(w, `
Look at
  %[1]s/SCHEMA/TABLE/VERSION/DATE/CDC*.csv    the rows: operation, table, schema, commit-ts, values
  %[1]s/SCHEMA/TABLE/meta/schema_*.json       one per table version: its columns and the statement that made it
  %[1]s/metadata                              the commit-ts up to which everything is here
`, out)
	return nil
}
