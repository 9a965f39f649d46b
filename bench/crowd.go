package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/sources/mysql/image"
)

// A crowd is an upstream of very many tables in which nothing happens but what the bench says: a transaction without
// rows, at a commit-ts of its choice. A real server with a million tables would measure the server.
type crowd struct {
	tables int

	mu      sync.Mutex
	commits []uint64 // commit-ts of the transactions, ascending
	news    chan struct{}
}

const (
	crowdScheme = "crowd"
	crowdURI    = "crowd://tables"
	crowdStart  = uint64(1_700_000_000_000) << 18 // commit-ts at which it begins
)

func newCrowd(tables int) *crowd { return &crowd{tables: tables, news: make(chan struct{})} }

// register makes it the source of crowdURI, for all changefeeds of this process.
func (c *crowd) register() {
	sources.Register(crowdScheme, func(string, sources.Settings) (sources.Source, error) { return c, nil })
}

var _ sources.Source = (*crowd)(nil)

// commit ends a transaction that long after the beginning.
func (c *crowd) commit(after time.Duration) (ts uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ts = crowdStart + uint64(after.Milliseconds())<<18
	c.commits = append(c.commits, ts)
	close(c.news)
	c.news = make(chan struct{})
	return ts
}

// after gives the transactions above ts, and what tells that there are more.
func (c *crowd) after(ts uint64) (commits []uint64, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, commit := range c.commits {
		if commit > ts {
			commits = append(commits, commit)
		}
	}
	return commits, c.news
}

func crowdMark(ts uint64) relay.Mark { return relay.Mark{Ts: ts, Position: fmt.Sprintf("%020d", ts)} }

func (c *crowd) Start(context.Context, string) (relay.Mark, error) { return crowdMark(crowdStart), nil }

// Snapshot gives definitions of the size of an ordinary small table's.
func (c *crowd) Snapshot(context.Context, relay.Mark) ([]*schema.Table, error) {
	tables := []*schema.Table{{Schema: "crowd", Charset: "utf8mb4", Collation: "utf8mb4_general_ci"}}
	for i := range c.tables {
		tables = append(tables, &schema.Table{
			Schema: "crowd", Name: fmt.Sprintf("t%07d", i), Charset: "utf8mb4", Collation: "utf8mb4_general_ci",
			Columns: []schema.Column{
				{Name: "id", Type: schema.BigInt, TypeName: "bigint", Length: 20, PK: true},
				{Name: "name", Type: schema.VarChar, TypeName: "varchar", Length: 100, Charset: "utf8mb4", Collation: "utf8mb4_general_ci"},
			},
			Indexes: []schema.Index{{Name: "PRIMARY", Primary: true, Unique: true, Columns: []int{0}}},
			Handle:  []int{0},
		})
	}
	return tables, nil
}

func (c *crowd) ReadTable(_ context.Context, ref schema.Ref) (*schema.Table, error) {
	return nil, fmt.Errorf("read the definition of %s: %w", ref, schema.ErrNoTable)
}

func (c *crowd) Server(context.Context) (schema.Server, error) {
	return schema.Server{MariaDB: true, Version: 101106, Charset: "utf8mb4", Collation: "utf8mb4_general_ci", UTF8: "utf8mb3"}, nil
}

// Pull appends each transaction as the eight bytes of its commit-ts.
func (c *crowd) Pull(ctx context.Context, log *relay.Log, contact func(sources.Contact)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		_, tail := log.Tail()
		commits, more := c.after(tail.Ts)
		for _, ts := range commits {
			start, end := tail, crowdMark(ts)
			if err := log.Append(relay.Block{Data: binary.LittleEndian.AppendUint64(nil, ts), Start: &start, End: &end}); err != nil {
				return err
			}
			tail = end
		}
		contact(sources.Contact{At: time.Now(), Position: tail.Position, CaughtUp: true})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-more:
		case <-tick.C:
		}
	}
}

func (c *crowd) Walker(relay.Mark) sources.Walker { return crowdWalker{} }

// A crowdWalker reads what Pull has written.
type crowdWalker struct{}

func (crowdWalker) Walk(data []byte, h sources.Handler) error {
	for ; len(data) >= 8; data = data[8:] {
		ts := binary.LittleEndian.Uint64(data)
		if err := h.Commit(crowdMark(ts), int64(ts>>18)); err != nil {
			return err
		}
	}
	return nil
}

func (c *crowd) Format() rows.Format { return image.Format{} }

func (c *crowd) Head(context.Context) (string, error) { return crowdMark(crowdStart).Position, nil }

func (c *crowd) Goal(_ context.Context, at string) (string, error) { return at, nil }

func (c *crowd) Reached(at, goal string) (bool, error) { return at >= goal, nil }

func (c *crowd) Close() error { return nil }
