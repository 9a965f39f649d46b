package actors

import (
	"context"
	"errors"
	"fmt"
	"time"

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
	// Home is the incarnation of this node, which must be the changefeed's owner; "" asks for no owner.
	Home    string
	Store   *cluster.Store
	Source  sources.Source
	StartAt string
	Catalog *schema.Catalog
	Tables  *filter.Filter
	Warn    func(string)
	// ResetLog has the relay log begun anew.
	ResetLog bool
}

// An activation is one life of a changefeed: its epoch, and where it goes on.
type activation struct {
	ActivationOptions
	epoch      uint64
	nodes      []string // that hold a lease
	writes     *cluster.Activation
	checkpoint cluster.Checkpoint
	history    *schema.History
	live       *feed.Live
	resetLog   bool
	compacted  time.Time
	walk       context.Context // ends the live walk's blocking calls
	cancel     context.CancelFunc
}

// activateFeed takes the next epoch, and reads what is stored; for a new changefeed it makes what is to be stored.
func activateFeed(ctx context.Context, o ActivationOptions) (*activation, error) {
	epoch, err := o.claim(ctx)
	if err != nil {
		return nil, err
	}
	// After the epoch: what joins the cluster later has nothing of older ones.
	nodes, err := o.Store.Nodes(ctx)
	if err != nil {
		return nil, err
	}
	a := &activation{ActivationOptions: o, epoch: epoch, writes: o.Store.Activation(o.Changefeed, epoch), resetLog: o.ResetLog}
	for _, n := range nodes {
		a.nodes = append(a.nodes, n.Incarnation)
	}
	a.walk, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	a.history = schema.NewHistory(historyStore{a.writes}, "definitions")
	a.checkpoint, err = o.Store.Checkpoint(ctx, o.Changefeed)
	if errors.Is(err, cluster.ErrNoCheckpoint) {
		err = a.create(ctx)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (o ActivationOptions) claim(ctx context.Context) (uint64, error) {
	if o.Home == "" {
		return o.Store.NextEpoch(ctx, o.Changefeed)
	}
	return o.Store.Claim(ctx, o.Changefeed, o.Home)
}

// create finds where a new changefeed begins and stores the definitions there; the checkpoint, stored last, makes it so.
func (a *activation) create(ctx context.Context) error {
	mark, err := a.Source.Start(ctx, a.StartAt)
	if err != nil {
		return fmt.Errorf("find --start-at %s: %w", a.StartAt, err)
	}
	tables, err := a.Source.Snapshot(ctx, mark)
	if err != nil {
		return fmt.Errorf("read the definitions of the tables: %w", err)
	}
	server, err := a.Source.Server(ctx)
	if err != nil {
		return fmt.Errorf("read the upstream's settings: %w", err)
	}
	tracker := schema.NewTracker(server, a.Tables)
	tracker.Load(tables, mark.Ts)
	if err := a.history.Start(ctx, tracker, mark.Ts); err != nil {
		return err
	}
	a.checkpoint = cluster.Checkpoint{CommitTs: mark.Ts, Mark: mark}
	if err := a.writes.SetCheckpoint(ctx, a.checkpoint); err != nil {
		return err
	}
	a.resetLog = true
	return nil
}

// restore reads the definitions: it returns the replicated tables as of commit-ts ts, at or above the checkpoint, and makes
// the Definitions of the live walk as of the checkpoint.
func (a *activation) restore(ctx context.Context, ts uint64) ([]barrier.Table, error) {
	// The second reading is the one that the live walk goes on from.
	tracker, err := a.history.Restore(ctx, max(ts, a.checkpoint.CommitTs), a.Tables)
	if err != nil {
		return nil, err
	}
	var list []barrier.Table
	for _, t := range tracker.Tables() {
		table := barrier.Table{ID: barrier.TableID(t.ID), Schema: t.Schema}
		if t.Created > a.checkpoint.CommitTs {
			table.Since = barrier.Key{CommitTs: t.Created, Kind: barrier.DDL}.After()
		}
		list = append(list, table)
	}
	if tracker, err = a.history.Restore(ctx, a.checkpoint.CommitTs, a.Tables); err != nil {
		return nil, err
	}
	a.live = feed.NewLive(a.walk, tracker, a.Catalog, a.Source, a.history, a.Warn)
	return list, nil
}

// save stores a checkpoint, and forgets definitions that nobody can ask for any more: those behind the oldest checkpoint
// that the changefeed can be taken back to.
func (a *activation) save(ctx context.Context, c cluster.Checkpoint) error {
	if err := a.writes.SetCheckpoint(ctx, c); err != nil {
		return err
	}
	if c.Wall.Sub(a.compacted) < compactPeriod {
		return nil
	}
	a.compacted = c.Wall
	oldest, err := a.writes.OldestCheckpoint(ctx)
	if err != nil {
		return err
	}
	return a.history.Compact(ctx, oldest)
}

// compactPeriod is how often stored definitions are looked through.
const compactPeriod = time.Minute

// historyStore keeps the schema history in the metadata store, under the activation's epoch.
type historyStore struct{ *cluster.Activation }

var _ schema.KV = historyStore{}

// List gives all entries with the prefix.
func (s historyStore) List(ctx context.Context, prefix string) (map[string][]byte, error) {
	values := map[string][]byte{}
	err := s.Activation.List(ctx, prefix, func(key string, value []byte) error {
		values[key] = value
		return nil
	})
	return values, err
}

// Delete removes entries.
func (s historyStore) Delete(ctx context.Context, keys []string) error {
	return s.Activation.Delete(ctx, keys...)
}

// end lets go what the activation's walk still waits for.
func (a *activation) end() {
	if a != nil {
		a.cancel()
	}
}
