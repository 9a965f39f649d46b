package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/weir-cdc/weir/test/replay"
)

// report plays the files to a final state, compares that with the server's tables, and says where to look.
func report(ctx context.Context, s *shop, out string) error {
	output, err := replay.Read(out)
	if err != nil {
		return err
	}
	state, problems, err := output.Final()
	if err != nil {
		return err
	}
	say("%d transactions' rows were written as %d rows of %d table versions; %d statements were followed",
		s.orders/10, output.Rows(), len(output.Versions), len(s.ddl))
	for _, p := range problems {
		say("problem: %v", p)
	}
	var differ []string
	names := make([]string, 0, len(state))
	for name := range state {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Printf("\n%-20s %10s %10s\n", "table", "upstream", "in files")
	for _, name := range names {
		schema, table, _ := strings.Cut(name, ".")
		got := state[name].Rows()
		want, err := replay.Upstream(ctx, s.server.DB(), schema, table, state[name].Columns, "csv")
		if err != nil {
			return err
		}
		verdict := "equal, row by row"
		if diff := replay.Diff(got, want); diff != "" {
			verdict = diff
			differ = append(differ, name)
		}
		fmt.Printf("%-20s %10d %10d  %s\n", name, total(want), total(got), verdict)
	}
	fmt.Printf(`
Look at
  %[1]s/shop/orders/VERSION/DATE/CDC*.csv      the rows: operation, table, schema, commit-ts, values
  %[1]s/shop/orders/meta/schema_*.json         one per table version: its columns and the statement that made it
  %[1]s/syncpoints/                            consistent cuts: a commit-ts and the server's position
  %[1]s/metadata                               the commit-ts up to which everything is here
`, out)
	if len(differ) > 0 || len(problems) > 0 {
		return errors.New("the files differ from the server's tables")
	}
	return nil
}

func total(rows map[string]int) (n int) {
	for _, times := range rows {
		n += times
	}
	return n
}
