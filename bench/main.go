// Command bench measures Weir beside others on one machine, in one run: MariaDB's own raw binlog dump, which does
// nothing with what it reads, and a plain program over go-mysql's canal. All read the same binlog of a private
// MariaDB; they take turns, several rounds, and the medians are quoted. What arrived is counted each time.
//
// It writes a table to standard output, and with -json all samples to a file.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	dir, weir, json      string
	batchRows, batchSize int
	singles              int
	rounds, lagRows      int
	strict               bool

	cluster    bool
	spans      int
	spansOnly  bool
	idleNode   bool
	wireTables int
	profile    string
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", filepath.Join(os.TempDir(), "weir-bench"), "folder for servers and output; filled servers are kept in it and used again")
	flag.StringVar(&o.weir, "weir", "bin/weir", "the weir binary")
	flag.StringVar(&o.json, "json", "", "file for all samples as JSON")
	flag.IntVar(&o.batchRows, "rows", 2_000_000, "rows in large transactions; 0 leaves them out")
	flag.IntVar(&o.batchSize, "per-transaction", 1000, "rows in one large transaction")
	flag.IntVar(&o.singles, "singles", 300_000, "rows in transactions of their own; 0 leaves them out")
	flag.IntVar(&o.rounds, "rounds", 5, "times that each contender runs")
	flag.IntVar(&o.lagRows, "lag-rows", 400, "rows for the idle lag; 0 leaves it out")
	flag.BoolVar(&o.cluster, "cluster", false, "measure the cluster form instead")
	flag.IntVar(&o.spans, "spans", 1_000_000, "idle spans on one node; 0 leaves them out")
	flag.BoolVar(&o.spansOnly, "spans-only", false, "with -cluster: only the idle spans")
	flag.IntVar(&o.wireTables, "wire-tables", 0, "count the messages of a barrier over so many tables; the bench starts itself so")
	flag.BoolVar(&o.idleNode, "idle-node", false, "be the node with the idle spans; the bench starts itself so")
	flag.StringVar(&o.profile, "profile", "", "folder for profiles of the node with the idle spans")
	flag.BoolVar(&o.strict, "strict", false, "exit with 1 if a target is missed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	measure := run
	switch {
	case o.idleNode:
		measure = func(ctx context.Context, o options) error { return idleNode(ctx, o, os.Stdout) }
	case o.wireTables > 0:
		measure = runWire
	case o.cluster:
		measure = runCluster
	}
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	p, err := o.programs(ctx)
	if err != nil {
		return err
	}
	var r report
	for _, l := range o.loads() {
		measured, err := compete(ctx, l, p.contenders(), o)
		if err != nil {
			return err
		}
		r.Loads = append(r.Loads, *measured)
	}
	if o.lagRows > 0 {
		say("idle lag: %d rows, one each %v", o.lagRows, lagPause)
		if r.Lag, err = measureLag(ctx, p.weir, o.dir, o.lagRows); err != nil {
			return err
		}
	}
	r.print(os.Stdout)
	if o.json != "" {
		if err := writeJSON(o.json, r); err != nil {
			return err
		}
	}
	if n := r.missed(); o.strict && n > 0 {
		return fmt.Errorf("%d targets missed", n)
	}
	return nil
}

func (o options) loads() []load {
	var loads []load
	if o.batchRows > 0 {
		loads = append(loads, load{Name: "batches", Rows: o.batchRows, PerTxn: o.batchSize, writers: 2})
	}
	if o.singles > 0 {
		loads = append(loads, load{Name: "singles", Rows: o.singles, PerTxn: 1, writers: 8})
	}
	return loads
}

// programs finds weir and builds the baseline.
func (o options) programs(ctx context.Context) (programs, error) {
	weir, err := filepath.Abs(o.weir)
	if err != nil {
		return programs{}, err
	}
	if _, err := os.Stat(weir); err != nil {
		return programs{}, fmt.Errorf("%w: build it with: make build", err)
	}
	p := programs{weir: weir, canal: filepath.Join(o.dir, "canal")}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.canal, "github.com/weir-cdc/weir/bench/canal")
	if out, err := build.CombinedOutput(); err != nil {
		return p, fmt.Errorf("build the baseline: %w\n%s", err, out)
	}
	return p, nil
}

// compete lets all contenders read a load, in turn, each round beginning with another.
func compete(ctx context.Context, l load, contenders []contender, o options) (r *loadReport, err error) {
	say("%s: %d rows, %d a transaction", l.Name, l.Rows, l.PerTxn)
	u, err := l.open(ctx, o.dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = errors.Join(err, u.Stop(stopping))
	}()
	if _, err := contenders[0].measure(ctx, u, o.dir); err != nil { // warms the binlog
		return nil, err
	}
	r = &loadReport{Load: l, Bytes: u.logBytes, Samples: map[string][]sample{}}
	for round := range o.rounds {
		for i := range contenders {
			c := contenders[(round+i)%len(contenders)]
			s, err := c.measure(ctx, u, o.dir)
			if err != nil {
				return nil, err
			}
			r.Samples[c.name] = append(r.Samples[c.name], s)
			say("  round %d: %-28s %6.2f s %10.0f rows/s", round+1, c.name, s.Wall.Seconds(), float64(l.Rows)/s.Wall.Seconds())
		}
	}
	r.summarise(contenders)
	return r, nil
}

func writeJSON(path string, r any) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// say tells what goes on; the results alone go to standard output.
func say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
