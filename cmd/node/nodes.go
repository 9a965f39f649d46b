package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-cdc/weir/api"
)

func newNodes(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "nodes",
		Short: "List the nodes of a cluster",
		Long:  "List the living nodes of a cluster, with what each holds. A star marks the coordinator.\n\n" + exitHelp,
		Args:  noArgs,
	}
	r := addRemote(cmd, c)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := r.client()
		if err != nil {
			return err
		}
		all, err := client.Nodes(cmd.Context())
		if err != nil {
			return err
		}
		return r.show(api.NodeList{Nodes: all}, func(w io.Writer) error { return nodeTable(w, all, time.Now()) })
	}
	return cmd
}

func nodeTable(w io.Writer, all []api.Node, now time.Time) error {
	var lines [][]string
	for _, n := range all {
		name := n.Name
		if n.Coordinator {
			name += "*"
		}
		var labels []string
		for _, key := range slices.Sorted(maps.Keys(n.Labels)) {
			labels = append(labels, key+"="+n.Labels[key])
		}
		lines = append(lines, []string{name, string(n.State), n.Address, n.APIAddress, fmt.Sprint(n.Maintainers), grouped(uint64(n.Spans)),
			grouped(uint64(n.RowsPerSecond)), perSecond(n.BytesPerSecond), age(now, n.Started), n.Version, strings.Join(labels, ",")})
	}
	return rows(w, "NAME STATE ADDRESS API MAINTAINERS SPANS ROWS/S TRAFFIC UP VERSION LABELS", lines)
}
