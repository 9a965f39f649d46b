package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/api"
)

func newChangefeed(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "changefeed",
		Short: "Create, watch and change the changefeeds of a cluster",
		Long:  "Create, watch and change the changefeeds of a cluster. Any of its nodes can be asked.\n\n" + exitHelp,
		Args:  cobra.ArbitraryArgs,
		RunE:  needsCommand,
	}
	r := addRemote(cmd, c)
	cmd.AddCommand(newCreate(r), newList(r), newShow(r), newUpdate(r), newPause(r), newResume(r), newRemove(r),
		newMove(r), newSplit(r), newMerge(r))
	return cmd
}

// feedCommand makes a command whose first argument is a changefeed's name.
func feedCommand(r *remote, use, short, long string, run func(context.Context, *api.Client, []string) error) *cobra.Command {
	names := strings.Fields(use)[1:]
	return &cobra.Command{
		Use: use, Short: short, Long: short + ".\n\n" + long + exitHelp,
		Args: wantArgs(names...), ValidArgsFunction: r.completeFeeds,
		RunE: func(cmd *cobra.Command, args []string) error {
			client, err := r.client()
			if err != nil {
				return err
			}
			return run(cmd.Context(), client, args)
		},
	}
}

func newList(r *remote) *cobra.Command {
	cmd := feedCommand(r, "list", "List the changefeeds", "", func(ctx context.Context, c *api.Client, _ []string) error {
		all, err := c.Changefeeds(ctx)
		if err != nil {
			return err
		}
		return r.show(api.ChangefeedList{Changefeeds: all}, func(w io.Writer) error { return feedTable(w, all, time.Now()) })
	})
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func feedTable(w io.Writer, all []api.Changefeed, now time.Time) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(w, "There is no changefeed: weir changefeed create makes one.")
		return err
	}
	var lines [][]string
	for _, cf := range all {
		lines = append(lines, []string{cf.Name, string(cf.State), lagOf(cf), grouped(uint64(cf.RowsPerSecond)), perSecond(cf.BytesPerSecond),
			grouped(uint64(cf.Spans)), cf.Owner, age(now, cf.Created), cf.Reason})
	}
	return rows(w, "NAME STATE LAG ROWS/S TRAFFIC SPANS OWNER AGE REASON", lines)
}

// lagOf is the lag of a changefeed that runs; that of another one says nothing.
func lagOf(cf api.Changefeed) string {
	switch cf.State {
	case api.Normal, api.Warning:
		return since(time.Duration(cf.LagMs) * time.Millisecond)
	}
	return "-"
}

func newShow(r *remote) *cobra.Command {
	var spans bool
	cmd := feedCommand(r, "show NAME", "Show a changefeed", "",
		func(ctx context.Context, c *api.Client, args []string) error {
			if spans {
				return r.showSpans(ctx, c, args[0])
			}
			cf, err := c.Changefeed(ctx, args[0])
			if err != nil {
				return err
			}
			return r.show(cf, func(w io.Writer) error { return feedDetails(w, cf, time.Now()) })
		})
	cmd.Flags().BoolVar(&spans, "spans", false, "show its spans, and where they are, instead")
	return cmd
}

func feedDetails(w io.Writer, cf api.Changefeed, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, strings.Map(printable, text))
		}
	}
	line("name", cf.Name)
	line("state", string(cf.State))
	line("reason", cf.Reason)
	if cf.RetryAt != nil {
		line("tries again", "in "+since(cf.RetryAt.Sub(now)))
	}
	line("from", cf.From)
	line("to", cf.To)
	line("tables", strings.Join(cf.Config.Tables, ", "))
	line("checkpoint", position(cf.CheckpointTs, cf.Position))
	line("resolved", position(cf.ResolvedTs, ""))
	line("lag", lagOf(cf))
	line("rows", fmt.Sprintf("%s, %s/s", grouped(cf.Rows), grouped(uint64(cf.RowsPerSecond))))
	line("traffic", perSecond(cf.BytesPerSecond))
	line("spans", grouped(uint64(cf.Spans)))
	line("slowest", cf.Slowest)
	line("barrier", cf.Barrier)
	line("owner", cf.Owner)
	line("relay log", fmt.Sprintf("%.1f MB", float64(cf.RelayBytes)/1e6))
	line("syncpoints", "every "+cf.Config.SyncpointInterval)
	line("gives up after", cf.Config.GiveUpAfter)
	line("time zone", cf.Config.TimeZone)
	line("memory", cf.Config.Memory)
	line("stops at", cf.Config.StopAt)
	line("uuid", cf.UUID)
	line("created", cf.Created.Local().Format(time.DateTime)+", "+age(now, cf.Created)+" ago")
	for _, e := range cf.Errors {
		line("error", age(now, e.At)+" ago: "+e.Text)
	}
	return t.Flush()
}

func position(ts api.CommitTs, name string) string {
	if ts == 0 {
		return "none"
	}
	text := fmt.Sprintf("%s, commit-ts %d", wallTime(uint64(ts)), uint64(ts))
	if name != "" {
		text += ", " + name
	}
	return text
}

// showSpans prints all spans, page by page.
func (r *remote) showSpans(ctx context.Context, c *api.Client, name string) error {
	q := api.SpanQuery{Limit: api.MostSpans}
	all := api.SpanPage{Spans: []api.Span{}}
	for {
		page, err := c.Spans(ctx, name, q)
		if err != nil {
			return err
		}
		all.Spans, all.Total = append(all.Spans, page.Spans...), page.Total
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	return r.show(all, func(w io.Writer) error {
		var lines [][]string
		for _, s := range all.Spans {
			lines = append(lines, []string{tableName(s.Table), s.Start, orEnd(s.End), s.Node, s.State, wallTime(uint64(s.CheckpointTs)), perSecond(s.BytesPerSecond), s.Dispatcher})
		}
		return rows(w, "TABLE START END NODE STATE CHECKPOINT TRAFFIC DISPATCHER", lines)
	})
}

func tableName(t api.Table) string {
	if t == (api.Table{}) {
		return "(ddl)"
	}
	return t.String()
}

func orEnd(end string) string {
	if end == "" {
		return "end"
	}
	return end
}
