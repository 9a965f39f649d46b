package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/mariadb"
)

const (
	failoverTarget = 5 * time.Second
	failoverTables = 6
	failoverRounds = 3
	failoverPause  = 10 * time.Millisecond // between rows
	failoverFeed   = "failover"
)

// A failoverReport tells how long after a kill -9 a row of each table that was committed after it is in a file that an
// index names: the tables of the killed node are the last.
type failoverReport struct {
	Role    string          `json:"role"` // of the node that was killed
	Samples []time.Duration `json:"samples_ns"`
	Median  time.Duration   `json:"median_ns"`
}

// The nodes that are killed.
const (
	roleMaintainer  = "the maintainer's node"
	roleDispatcher  = "a dispatcher's node"
	roleCoordinator = "the coordinator"
)

// measureFailover kills nodes of a cluster of three that follows tables into files, a changefeed's rows going on.
func measureFailover(ctx context.Context, o options, weir string) (reports []failoverReport, err error) {
	dir, err := os.MkdirTemp(o.dir, "failover")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	w := &failoverWorld{out: filepath.Join(dir, "out"), committed: map[int]time.Time{}}
	if w.server, err = launch(ctx, filepath.Join(dir, "server")); err != nil {
		return nil, err
	}
	defer w.server.Kill()
	if w.fleet, err = newFleet(weir, dir, 3); err != nil {
		return nil, err
	}
	defer w.fleet.stop()
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	for _, role := range []string{roleMaintainer, roleDispatcher, roleCoordinator} {
		r := failoverReport{Role: role}
		for range failoverRounds {
			took, err := w.round(ctx, role)
			if err != nil {
				return nil, fmt.Errorf("kill %s: %w", role, err)
			}
			say("  %s killed: %v", role, took.Round(10*time.Millisecond))
			r.Samples = append(r.Samples, took)
		}
		r.Median = time.Duration(median(r.Samples, func(d time.Duration) float64 { return float64(d) }))
		reports = append(reports, r)
	}
	return reports, nil
}

// A failoverWorld is the cluster, what it follows, and what has come of it.
type failoverWorld struct {
	server *mariadb.Server
	fleet  *fleet
	out    string

	next      int
	committed map[int]time.Time // by row; row n is of table n % failoverTables
}

func (w *failoverWorld) begin(ctx context.Context) error {
	if err := w.server.Exec(ctx, "CREATE DATABASE bench"); err != nil {
		return err
	}
	for i := range failoverTables {
		if err := w.server.Exec(ctx, fmt.Sprintf("CREATE TABLE bench.t%d (id BIGINT PRIMARY KEY, text VARCHAR(30) NOT NULL)", i)); err != nil {
			return err
		}
	}
	if err := w.fleet.start(ctx); err != nil {
		return err
	}
	start := "earliest"
	_, err := w.fleet.client.Create(ctx, api.Spec{
		Name: failoverFeed, From: w.server.URI(), To: "file://" + w.out + "?flush-interval=100ms&protocol=csv",
		Config: api.ConfigPatch{StartAt: &start, Tables: &[]string{"bench.*"}},
	})
	return err
}

// write inserts a row.
func (w *failoverWorld) write(ctx context.Context) error {
	id := w.next
	if _, err := w.server.DB().ExecContext(ctx, fmt.Sprintf("INSERT INTO bench.t%d VALUES (%d, 'row-%d.')", id%failoverTables, id, id)); err != nil {
		return err
	}
	w.next++
	w.committed[id] = time.Now()
	return nil
}

// round has all nodes serve tables, kills the one with the role, and goes on writing until a row of each table that came
// after the kill is durable.
func (w *failoverWorld) round(ctx context.Context, role string) (time.Duration, error) {
	victim, err := w.settle(ctx, role)
	if err != nil {
		return 0, err
	}
	seen := &reader{pattern: filepath.Join(w.out, "bench", "*", "*", "meta", "CDC.index"), read: map[string]int{}, rows: map[int]time.Time{}}
	if err := seen.look(); err != nil {
		return 0, err
	}
	first, killed := w.next, time.Now()
	w.fleet.node(victim).kill()
	for late := map[int]bool{}; len(late) < failoverTables; {
		if time.Since(killed) > untilTime {
			return 0, fmt.Errorf("after a minute new rows of %d tables of %d are durable", len(late), failoverTables)
		}
		if err := w.write(ctx); err != nil {
			return 0, err
		}
		if err := seen.watch(ctx, failoverPause, 0, false); err != nil {
			return 0, err
		}
		for id := first; id < w.next; id++ {
			if _, ok := seen.rows[id]; ok {
				late[id%failoverTables] = true
			}
		}
	}
	took := time.Since(killed)
	return took, w.fleet.start(ctx)
}

// settle waits until every node serves tables, and all rows are down, and names the node to kill.
func (w *failoverWorld) settle(ctx context.Context, role string) (victim string, err error) {
	var owner, coordinator string
	ready := func() bool {
		cf, err := w.fleet.client.Changefeed(ctx, failoverFeed)
		if err != nil || cf.State != api.Normal || w.write(ctx) != nil {
			return false
		}
		owner = cf.Owner
		spans, err := w.fleet.spansOf(ctx, failoverFeed)
		if err != nil {
			return false
		}
		return w.spread(ctx, spans)
	}
	if err := until(ctx, "each node serves a table", ready); err != nil {
		return "", err
	}
	if coordinator, err = w.fleet.coordinator(ctx); err != nil {
		return "", err
	}
	switch role {
	case roleMaintainer:
		return owner, nil
	case roleCoordinator:
		return coordinator, nil
	}
	for _, n := range w.fleet.nodes {
		if n.name != owner && n.name != coordinator {
			return n.name, nil
		}
	}
	return "", errors.New("no node is a dispatcher's only")
}

// spread tells that every table is served, some on each node. It moves one to a node without any.
func (w *failoverWorld) spread(ctx context.Context, spans map[string][]string) bool {
	count := map[string][]string{}
	for i := range failoverTables {
		table := fmt.Sprintf("t%d", i)
		if len(spans[table]) != 1 {
			return false
		}
		count[spans[table][0]] = append(count[spans[table][0]], table)
	}
	for _, n := range w.fleet.nodes {
		if len(count[n.name]) > 0 {
			continue
		}
		fullest := slices.MaxFunc(w.fleet.nodes, func(a, b *member) int { return len(count[a.name]) - len(count[b.name]) })
		_ = w.fleet.client.Move(ctx, failoverFeed, api.Table{Schema: "bench", Name: count[fullest.name][0]}, n.name) // it is asked again
		return false
	}
	return true
}
