package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/weir-cdc/weir/actors"
	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/config"
	"github.com/weir-cdc/weir/filter"
)

const (
	wireNodes    = 3
	wireBarriers = 3
	wireFeed     = "wire"
)

// A wireReport tells what nodes said to each other for a syncpoint over that many tables: the median of some.
type wireReport struct {
	Tables   int `json:"tables"`
	Messages int `json:"messages"` // between actors
	Bytes    int `json:"bytes"`
	// Beats are the heartbeats, grants and checkpoints meanwhile: they go by the clock, and not with the barrier.
	Beats int `json:"beats"`
}

// measureWire has three nodes, in this process, cross syncpoints over a crowd of tables.
func measureWire(ctx context.Context, o options, tables int) (r *wireReport, err error) {
	say("messages of a barrier: %d tables over %d nodes", tables, wireNodes)
	dir, err := os.MkdirTemp(o.dir, "wire")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source := newCrowd(tables)
	source.register()
	log := quietLog()
	etcd, err := cluster.Embed(ctx, cluster.EmbedOptions{Dir: dir, Log: log})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, etcd.Close()) }()
	store := cluster.NewStore(etcd.Client())
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	sent := &tally{}
	var control *actors.Control
	for i := range wireNodes {
		name := fmt.Sprintf("n%d", i+1)
		server, err := actors.NewServer(actors.ServeOptions{
			Name: name, DataDir: filepath.Join(dir, name), Remote: cluster.RemoteOptions{Listen: "127.0.0.1:0"}, LeaseTTL: time.Minute,
			Store: store, Build: wireOptions, OnSent: sent.add, Log: log,
		})
		if err != nil {
			return nil, err
		}
		control = server.Control()
		running.Go(func() { _ = server.Run(ctx) })
	}
	if err := wireFeedOf(ctx, control, source, tables); err != nil {
		return nil, err
	}
	var rounds []wireReport
	for i := range wireBarriers {
		sent.reset()
		if err := crossed(ctx, control, source.commit(time.Duration(i+1)*idleInterval)); err != nil {
			return nil, err
		}
		rounds = append(rounds, sent.report())
	}
	middle := func(of func(wireReport) int) int {
		return int(median(rounds, func(r wireReport) float64 { return float64(of(r)) }))
	}
	return &wireReport{
		Tables: tables, Messages: middle(func(r wireReport) int { return r.Messages }),
		Bytes: middle(func(r wireReport) int { return r.Bytes }), Beats: middle(func(r wireReport) int { return r.Beats }),
	}, nil
}

// wireFeedOf makes the changefeed and waits until all tables are served, on all nodes.
func wireFeedOf(ctx context.Context, control *actors.Control, source *crowd, tables int) error {
	if err := until(ctx, "all nodes have joined", func() bool {
		nodes, err := control.Nodes(ctx)
		return err == nil && len(nodes) == wireNodes
	}); err != nil {
		return err
	}
	start, interval := "earliest", idleInterval.String()
	if _, err := control.Create(ctx, api.Spec{
		Name: wireFeed, From: crowdURI, To: "blackhole://", Config: api.ConfigPatch{StartAt: &start, SyncpointInterval: &interval},
	}); err != nil {
		return err
	}
	if err := crossed(ctx, control, source.commit(10*time.Millisecond)); err != nil {
		return err
	}
	return until(ctx, "every node has its share", func() bool {
		nodes, err := control.Nodes(ctx)
		for _, n := range nodes {
			if n.Spans < tables/wireNodes/2 {
				return false
			}
		}
		return err == nil
	})
}

// crossed waits until the checkpoint has reached a commit-ts.
func crossed(ctx context.Context, control *actors.Control, ts uint64) error {
	return until(ctx, "the checkpoint moves", func() bool {
		cf, err := control.Changefeed(ctx, wireFeed)
		return err == nil && uint64(cf.CheckpointTs) >= ts
	})
}

func wireOptions(c *config.Config) (actors.Options, error) {
	tables, err := filter.Parse(c.Tables)
	return actors.Options{
		Changefeed: c.Changefeed, From: c.From, To: c.To, Tables: tables, StartAt: c.StartAt,
		SyncpointInterval: c.SyncpointInterval, Memory: uint64(c.Memory), RelaySize: int64(c.RelaySize), Log: quietLog(),
	}, err
}

// A tally counts messages between nodes.
type tally struct {
	mu    sync.Mutex
	count wireReport
}

func (t *tally) add(kind string, bytes int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch strings.TrimPrefix(kind, "weir.") {
	case "DeliverEvent", "Crossed", "SpanResolved", "BlockStatuses", "BlockOrders", "Resolved", "Define":
		t.count.Messages++
		t.count.Bytes += bytes
	default:
		t.count.Beats++
	}
}

func (t *tally) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count = wireReport{}
}

func (t *tally) report() wireReport {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}
