package cluster

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
)

// part runs a part of a test on a cluster that its parts share.
func (c *Cluster) part(t *testing.T, name string, run func(t *testing.T)) {
	t.Helper()
	outer := c.t
	t.Run(name, func(t *testing.T) {
		c.t = t
		defer func() { c.t = outer }()
		run(t)
	})
}

// A traffic is rows that go into tables of the schema shop all the time: each transaction inserts a row into each table,
// changes an earlier one and deletes one that is earlier still.
type traffic struct {
	t      *testing.T
	server *mariadb.Server
	tables []string
	last   atomic.Int64 // key of the rows that were committed last
	cancel context.CancelFunc
	ended  chan error
	once   sync.Once
}

// newTraffic makes the tables, and lets so many transactions a second begin.
func newTraffic(t *testing.T, server *mariadb.Server, perSecond int, tables ...string) *traffic {
	t.Helper()
	server.MustExec(t, "CREATE DATABASE IF NOT EXISTS shop")
	for _, table := range tables {
		server.MustExec(t, "CREATE TABLE shop."+table+" (id BIGINT PRIMARY KEY, n INT NOT NULL, note VARCHAR(40))")
	}
	ctx, cancel := context.WithCancel(t.Context())
	f := &traffic{t: t, server: server, tables: tables, cancel: cancel, ended: make(chan error, 1)}
	go func() { f.ended <- f.run(ctx, time.Second/time.Duration(perSecond)) }()
	t.Cleanup(f.end)
	return f
}

func (f *traffic) run(ctx context.Context, pause time.Duration) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for id := int64(1); ; id++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		text := "BEGIN;"
		for _, table := range f.tables {
			text += fmt.Sprintf("INSERT INTO shop.%s VALUES (%d, 0, 'row %d'); UPDATE shop.%s SET n = n + 1 WHERE id = %d; DELETE FROM shop.%s WHERE id = %d;",
				table, id, id, table, id-7, table, id-40)
		}
		if err := f.server.Exec(context.WithoutCancel(ctx), text+"COMMIT"); err != nil {
			return err
		}
		f.last.Store(id)
	}
}

// end lets no more transactions begin, and waits for the last; once is enough.
func (f *traffic) end() {
	f.once.Do(func() {
		f.cancel()
		if err := <-f.ended; err != nil {
			f.t.Errorf("traffic: %v", err)
		}
	})
}

// next waits for a transaction that begins from now on, and gives its key.
func (f *traffic) next() int64 {
	f.t.Helper()
	id := f.last.Load() + 2 // the one after the last may have begun
	Eventually(f.t, "the upstream commits", func() bool { return f.last.Load() >= id })
	return id
}

// awaitRow waits until the files hold, for readers to see, a table's inserted row of that key, or a later one.
func (f *Feed) awaitRow(table string, id int64) {
	f.t.Helper()
	Eventually(f.t, fmt.Sprintf("row %d of %s is in the files", id, table), func() bool {
		o, err := replay.Read(f.Out)
		return err == nil && holds(o, table, id)
	})
}

func holds(o *replay.Output, table string, id int64) bool {
	for _, v := range o.Table("shop", table) {
		for i := len(v.Rows) - 1; i >= 0; i-- {
			if v.Rows[i].Op != replay.Insert {
				continue
			}
			if key, err := strconv.ParseInt(v.Rows[i].Values[0].Text, 10, 64); err == nil && key >= id {
				return true
			}
		}
	}
	return false
}

// flows waits until a row that is committed from now on is in the files, for each table, and says how long that took.
func (f *Feed) flows(load *traffic) time.Duration {
	f.t.Helper()
	begin := time.Now()
	id := load.next()
	for _, table := range load.tables {
		f.awaitRow(table, id)
	}
	return time.Since(begin)
}
