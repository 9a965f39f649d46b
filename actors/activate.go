package actors

import (
	"context"
	"errors"
	"fmt"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

// ActivationOptions is what an activation of a changefeed needs.
type ActivationOptions struct {
	Changefeed string
	Store      *cluster.Store
	Source     sources.Source
	StartAt    string
	Catalog    *schema.Catalog
	Tables     *filter.Filter
	Warn       func(string)
	// ResetLog has the relay log begun anew.
	ResetLog bool
}

// An activation is one life of a changefeed: its epoch, and where it goes on.
type activation struct {
	ActivationOptions
	epoch      uint64
	writes     *cluster.Activation
	checkpoint cluster.Checkpoint
	history    *schema.History
	live       *feed.Live
	resetLog   bool
	server     schema.Server
	cancel     context.CancelFunc
}

// activateFeed takes the next epoch, and reads what is stored; for a new changefeed it makes what is to be stored.
func activateFeed(ctx context.Context, o ActivationOptions) (*activation, error) {
	epoch, err := o.Store.NextEpoch(ctx, o.Changefeed)
	if err != nil {
		return nil, err
	}
	a := &activation{ActivationOptions: o, epoch: epoch, writes: o.Store.Activation(o.Changefeed, epoch), resetLog: o.ResetLog}
	a.checkpoint, err = o.Store.Checkpoint(ctx, o.Changefeed)
	var tracker *schema.Tracker
	switch {
	case errors.Is(err, cluster.ErrNoCheckpoint):
		tracker, err = a.create(ctx)
	case err == nil:
		tracker, err = a.restore(ctx, a.checkpoint.CommitTs)
	}
	if err != nil {
		return nil, err
	}
	var walk context.Context
	walk, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	a.live = feed.NewLive(walk, tracker, o.Catalog, o.Source, a.history, o.Warn)
	return a, nil
}

// create finds where a new changefeed begins and stores the definitions there; the checkpoint, stored last, makes it so.
func (a *activation) create(ctx context.Context) (*schema.Tracker, error) {
	mark, err := a.Source.Start(ctx, a.StartAt)
	if err != nil {
		return nil, fmt.Errorf("find --start-at %s: %w", a.StartAt, err)
	}
	tables, err := a.Source.Snapshot(ctx, mark)
	if err != nil {
		return nil, fmt.Errorf("read the definitions of the tables: %w", err)
	}
	if a.server, err = a.Source.Server(ctx); err != nil {
		return nil, fmt.Errorf("read the upstream's settings: %w", err)
	}
	tracker := schema.NewTracker(a.server, a.Tables)
	tracker.Load(tables, mark.Ts)
	if a.history, err = schema.CreateHistory(ctx, a.writes, tracker, mark.Ts); err != nil {
		return nil, fmt.Errorf("store the definitions of the tables: %w", err)
	}
	a.checkpoint = cluster.Checkpoint{CommitTs: mark.Ts, Mark: mark}
	if err := a.writes.SetCheckpoint(ctx, a.checkpoint); err != nil {
		return nil, err
	}
	a.resetLog = true
	return tracker, nil
}

// restore reads the definitions as of commit-ts ts.
func (a *activation) restore(ctx context.Context, ts uint64) (*schema.Tracker, error) {
	a.history = schema.NewHistory(a.writes)
	tracker, err := a.history.Restore(ctx, ts, a.Tables)
	if err != nil {
		return nil, fmt.Errorf("read the stored definitions as of commit-ts %d: %w", ts, err)
	}
	return tracker, nil
}

// tablesAt lists the replicated tables as of a position at or above the checkpoint.
func (a *activation) tablesAt(ctx context.Context, ts uint64) ([]barrier.Table, error) {
	tables := a.live.Tables()
	if ts > a.checkpoint.CommitTs {
		tracker, err := a.restore(ctx, ts)
		if err != nil {
			return nil, err
		}
		tables = tracker.Tables()
	}
	list := make([]barrier.Table, len(tables))
	for i, t := range tables {
		list[i] = barrier.Table{ID: barrier.TableID(t.ID), Schema: t.Schema}
	}
	return list, nil
}

// save stores a checkpoint, and forgets definitions that nobody can ask for any more.
func (a *activation) save(ctx context.Context, c cluster.Checkpoint) error {
	if err := a.writes.SetCheckpoint(ctx, c); err != nil {
		return err
	}
	return a.history.Compact(ctx, c.CommitTs)
}

// end lets go what the activation's walk still waits for.
func (a *activation) end() {
	if a != nil {
		a.cancel()
	}
}
