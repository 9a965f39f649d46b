package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/api"
)

// tableCommand makes a command on one table; what it begins goes on by itself.
func tableCommand(r *remote, use, short, long string, do func(context.Context, *api.Client, string, api.Table) error) *cobra.Command {
	operation := use
	cmd := feedCommand(r, use+" NAME TABLE", short, long+"The command answers once the work has begun: weir changefeed show NAME --spans tells how far it is.\n"+
		"A table is given as schema.table; a name that holds a dot in backquotes.\n\n",
		func(ctx context.Context, c *api.Client, args []string) error {
			t, err := api.ParseTable(args[1])
			if err != nil {
				return usageError{err}
			}
			if err := do(ctx, c, args[0], t); err != nil {
				return err
			}
			return r.say(api.Accepted{Changefeed: args[0], Table: t, Operation: operation}, "%s of %s has begun", operation, t)
		})
	return cmd
}

func newMove(r *remote) *cobra.Command {
	var to string
	cmd := tableCommand(r, "move", "Move all spans of a table to a node", "",
		func(ctx context.Context, c *api.Client, name string, t api.Table) error {
			if to == "" {
				return usageError{errors.New("--to is missing: give the name of a node, see weir nodes")}
			}
			return c.Move(ctx, name, t, to)
		})
	cmd.Flags().StringVar(&to, "to", "", "name of the node")
	complete := func(cmd *cobra.Command, _ []string, text string) ([]string, cobra.ShellCompDirective) {
		return r.completeNodes(cmd, nil, text)
	}
	if err := cmd.RegisterFlagCompletionFunc("to", complete); err != nil {
		panic(err) // the flag is the one above
	}
	return cmd
}

func newSplit(r *remote) *cobra.Command {
	var into int
	cmd := tableCommand(r, "split", "Split a table into spans", "Each span replicates on its own, on any node.\n",
		func(ctx context.Context, c *api.Client, name string, t api.Table) error {
			if into < 2 || into > 1024 {
				return usageError{fmt.Errorf("--into: %d cannot be used: give a number from 2 to 1024", into)}
			}
			return c.Split(ctx, name, t, into)
		})
	cmd.Flags().IntVar(&into, "into", 2, "how many spans it becomes")
	return cmd
}

func newMerge(r *remote) *cobra.Command {
	return tableCommand(r, "merge", "Merge the spans of a table into one", "",
		func(ctx context.Context, c *api.Client, name string, t api.Table) error { return c.Merge(ctx, name, t) })
}
