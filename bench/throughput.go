package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/mariadb"
)

const (
	throughputFeed = "throughput"
	throughputRows = 400_000
)

// A throughputReport is how fast the rows of one table, committed in one transaction, come into files.
type throughputReport struct {
	Nodes       int     `json:"nodes"`
	Dispatchers int     `json:"dispatchers"`
	RowsPerSec  float64 `json:"rows_per_second"`
}

// measureThroughput measures one table on several numbers of nodes and dispatchers. All share this machine's cores.
func measureThroughput(ctx context.Context, o options, weir string) (reports []throughputReport, err error) {
	dir, err := os.MkdirTemp(o.dir, "throughput")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := launch(ctx, filepath.Join(dir, "server"))
	if err != nil {
		return nil, err
	}
	defer server.Kill()
	u := &upstream{Server: server, load: load{Name: "staged", Rows: throughputRows, PerTxn: 1000, writers: 2}}
	if err := u.fill(ctx); err != nil {
		return nil, err
	}
	for _, nodes := range []int{1, 2, 3} {
		for _, dispatchers := range []int{1, 2, 4} {
			r, err := stream(ctx, server, filepath.Join(dir, fmt.Sprintf("%d-%d", nodes, dispatchers)), weir, nodes, dispatchers)
			if err != nil {
				return nil, fmt.Errorf("%d nodes, %d dispatchers: %w", nodes, dispatchers, err)
			}
			say("  %d nodes, %d dispatchers: %.0f rows/s", nodes, dispatchers, r.RowsPerSec)
			reports = append(reports, *r)
		}
	}
	return reports, nil
}

// stream copies the rows into an empty table that so many dispatchers serve, and waits until they are in files.
func stream(ctx context.Context, server *mariadb.Server, dir, weir string, nodes, dispatchers int) (*throughputReport, error) {
	f, err := newFleet(weir, dir, nodes)
	if err != nil {
		return nil, err
	}
	defer f.stop()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := f.start(ctx); err != nil {
		return nil, err
	}
	if err := server.Exec(ctx, "DROP TABLE IF EXISTS bench.hot; CREATE TABLE bench.hot LIKE bench.orders"); err != nil {
		return nil, err
	}
	start := "current"
	if _, err := f.client.Create(ctx, api.Spec{
		Name: throughputFeed, From: server.URI(), To: "file://" + filepath.Join(dir, "out") + "?flush-interval=100ms&protocol=csv",
		Config: api.ConfigPatch{StartAt: &start, Tables: &[]string{"bench.hot"}},
	}); err != nil {
		return nil, err
	}
	if err := until(ctx, "the table is served as it should be", func() bool {
		at, err := f.spansOf(ctx, throughputFeed)
		if err == nil && len(at["hot"]) == 1 && dispatchers > 1 {
			_ = f.client.Split(ctx, throughputFeed, api.Table{Schema: "bench", Name: "hot"}, dispatchers) // it is asked again
		}
		return err == nil && len(at["hot"]) == dispatchers
	}); err != nil {
		return nil, err
	}
	if _, err := server.DB().ExecContext(ctx, "INSERT INTO bench.hot SELECT * FROM bench.orders"); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := until(ctx, "all rows are down", func() bool {
		return linesAre(throughputRows, filepath.Join(dir, "out"), ".csv") == nil
	}); err != nil {
		return nil, err
	}
	return &throughputReport{Nodes: nodes, Dispatchers: dispatchers, RowsPerSec: throughputRows / time.Since(began).Seconds()}, nil
}
