package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/api"
)

// drainLook is how often the progress of a drain is asked for.
const drainLook = 500 * time.Millisecond

func newDrain(c *console) *cobra.Command {
	var undo, wait bool
	cmd := &cobra.Command{
		Use:   "drain NODE",
		Short: "Take everything off a node, which then ends",
		Long: `Take everything off a node, which then ends: its maintainers first, then its spans.

The command waits, and shows what is left, until the node holds nothing. Ending the command does not end the drain: --undo does.

` + exitHelp,
		Args: wantArgs("NODE"),
	}
	r := addRemote(cmd, c)
	cmd.ValidArgsFunction = r.completeNodes
	cmd.Flags().BoolVar(&undo, "undo", false, "end a drain: the node takes part again")
	cmd.Flags().BoolVar(&wait, "wait", true, "wait until the node is drained")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		n, err := client.Drain(cmd.Context(), args[0], undo)
		switch {
		case err != nil:
			return err
		case undo:
			return r.say(n, "node %s takes part again", n.Name)
		case !wait:
			return r.say(n, "the drain of node %s has begun", n.Name)
		}
		d := &drainWatch{screen: newScreen(c.err, c.getenv), node: n}
		if err := d.watch(cmd.Context(), client); err != nil {
			return err
		}
		return r.say(d.node, "node %s is drained", d.node.Name)
	}
	return cmd
}

// A drainWatch follows the drain of one incarnation of a node.
type drainWatch struct {
	screen *screen
	node   api.Node
	told   string
}

// watch returns when the node holds nothing, or is gone. A server that does not answer for a while is waited for: it may be
// the node itself, or a coordinator that is being elected anew.
func (d *drainWatch) watch(ctx context.Context, c *api.Client) error {
	const patience = 30 * time.Second
	tick := time.NewTicker(drainLook)
	defer tick.Stop()
	defer d.screen.show("")
	heard := time.Now()
	for d.node.State == api.NodeDraining {
		d.tell()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		all, err := c.Nodes(ctx)
		switch {
		case err == nil:
			heard = time.Now()
			d.take(all)
		case exitCode(err) != exitUnreachable || time.Since(heard) > patience:
			return fmt.Errorf("the drain goes on, but cannot be watched: %w", err)
		}
	}
	if d.node.State == api.NodeUp {
		return &api.Error{Code: api.WrongState, Where: "node " + d.node.Name, What: "its drain was undone by another command"}
	}
	return nil
}

// take looks for the incarnation among the living nodes; one that is gone has ended, as a drained node does.
func (d *drainWatch) take(all []api.Node) {
	for _, n := range all {
		if n.Name == d.node.Name && n.Incarnation == d.node.Incarnation {
			d.node = n
			return
		}
	}
	d.node.State, d.node.Maintainers, d.node.Spans = api.NodeDrained, 0, 0
}

// tell shows what is left: as the live line of a terminal, else as a line for each change.
func (d *drainWatch) tell() {
	text := fmt.Sprintf("draining %s: %s and %s left", d.node.Name, plural(uint64(d.node.Maintainers), "maintainer"), plural(uint64(d.node.Spans), "span"))
	if text == d.told {
		return
	}
	d.told = text
	if d.screen.isTerm {
		d.screen.show(text)
		return
	}
	io.WriteString(d.screen, text+"\n") //nolint:errcheck // a closed terminal is no reason to stop waiting
}
