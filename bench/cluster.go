package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/tabwriter"
	"time"
)

// A clusterReport is what the bench measures of the cluster form.
type clusterReport struct {
	Failover   []failoverReport   `json:"failover,omitempty"`
	Throughput []throughputReport `json:"throughput,omitempty"`
	Wire       []wireReport       `json:"wire,omitempty"`
	Idle       *idleReport        `json:"idle,omitempty"`
}

// wireTables are the numbers of tables that a barrier's messages are counted for.
var wireTables = []int{10, 1_000, 100_000}

// runCluster measures the cluster form, and prints.
func runCluster(ctx context.Context, o options) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	weir, err := filepath.Abs(o.weir)
	if err != nil {
		return err
	}
	var r clusterReport
	if !o.spansOnly {
		if _, err := os.Stat(weir); err != nil {
			return fmt.Errorf("%w: build it with: make build", err)
		}
		say("fail-over: kill -9, %d times each", failoverRounds)
		if r.Failover, err = measureFailover(ctx, o, weir); err != nil {
			return err
		}
		say("throughput of one table")
		if r.Throughput, err = measureThroughput(ctx, o, weir); err != nil {
			return err
		}
		for _, tables := range wireTables {
			w, err := wireChild(ctx, o, tables)
			if err != nil {
				return err
			}
			r.Wire = append(r.Wire, *w)
		}
	}
	if o.spans > 0 {
		if r.Idle, err = measureIdle(ctx, o); err != nil {
			return err
		}
	}
	r.print(os.Stdout)
	if o.json != "" {
		return writeJSON(o.json, r)
	}
	return nil
}

// wireChild counts in a process of its own: a source is registered once in each.
func wireChild(ctx context.Context, o options, tables int) (*wireReport, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	child := exec.CommandContext(ctx, self, "-dir", o.dir, "-wire-tables", strconv.Itoa(tables))
	child.Stderr = os.Stderr
	out, err := child.Output()
	if err != nil {
		return nil, fmt.Errorf("count the messages of a barrier over %d tables: %w", tables, err)
	}
	var r wireReport
	return &r, json.Unmarshal(out, &r)
}

func runWire(ctx context.Context, o options) error {
	r, err := measureWire(ctx, o, o.wireTables)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func (r *clusterReport) print(w io.Writer) {
	for _, f := range r.Failover {
		fmt.Fprintf(w, "  %-7s kill -9 of %s, to new durable rows of every table: %v, target below %v\n",
			verdict(f.Median < failoverTarget), f.Role, f.Median.Round(10*time.Millisecond), failoverTarget)
	}
	if len(r.Throughput) > 0 {
		fmt.Fprintf(w, "\none table to csv, %d rows in one transaction; all nodes and the upstream share this machine's cores\n\n", throughputRows)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "nodes\tdispatchers\trows/s\t")
		for _, x := range r.Throughput {
			fmt.Fprintf(t, "%d\t%d\t%.0f\t\n", x.Nodes, x.Dispatchers, x.RowsPerSec)
		}
		t.Flush()
	}
	if len(r.Wire) > 0 {
		fmt.Fprintf(w, "\na syncpoint's messages between %d nodes\n\n", wireNodes)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "tables\tmessages\tbytes\theartbeats meanwhile\t")
		for _, x := range r.Wire {
			fmt.Fprintf(t, "%d\t%d\t%d\t%d\t\n", x.Tables, x.Messages, x.Bytes, x.Beats)
		}
		t.Flush()
	}
	if i := r.Idle; i != nil {
		slowest := median(i.Syncpoints, func(d time.Duration) float64 { return float64(d) })
		fmt.Fprintf(w, "\n%d idle spans on one node: start-up %v (%v of CPU), idle CPU %.1f %%; definitions %.0f bytes a span\n\n",
			i.Spans, i.StartUp.Round(time.Millisecond), i.StartUpCPU.Round(time.Millisecond), i.IdleCPU*100, i.Definitions)
		fmt.Fprintf(w, "  %-7s heap beside definitions: %.0f bytes a span, target below %d\n", verdict(i.Heap < idleBytesTarget), i.Heap, idleBytesTarget)
		fmt.Fprintf(w, "  %-7s a syncpoint across them: %v, target below %v\n", verdict(time.Duration(slowest) < idleSyncpointTarget),
			time.Duration(slowest).Round(time.Millisecond), idleSyncpointTarget)
	}
}
