package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/weir-cdc/weir/test/mariadb"
)

// A load is what an upstream is filled with.
type load struct {
	Name    string `json:"name"`
	Rows    int    `json:"rows"`
	PerTxn  int    `json:"rows_per_transaction"`
	writers int    // connections that fill
}

// An upstream is a private MariaDB whose binlog holds one load.
type upstream struct {
	*mariadb.Server
	load     load
	binlogs  []string // file names, oldest first
	logBytes int64    // of all of them
}

const createOrders = `CREATE DATABASE bench; CREATE TABLE bench.orders (
	id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
	customer INT UNSIGNED NOT NULL,
	status ENUM('new','paid','sent','returned') NOT NULL,
	quantity SMALLINT NOT NULL,
	price DECIMAL(12,2) NOT NULL,
	weight DOUBLE,
	sku CHAR(16) NOT NULL,
	email VARCHAR(100) NOT NULL,
	note VARCHAR(400),
	created DATETIME(3) NOT NULL,
	updated TIMESTAMP NOT NULL)`

// open launches the server of a load below dir. It is filled only if an earlier run has not done so.
func (l load) open(ctx context.Context, dir string) (*upstream, error) {
	dir = filepath.Join(dir, fmt.Sprintf("%s-%d-by-%d", l.Name, l.Rows, l.PerTxn))
	done := filepath.Join(dir, "filled")
	_, err := os.Stat(done)
	filled := err == nil
	if !filled {
		if err := os.RemoveAll(dir); err != nil {
			return nil, err
		}
	}
	server, err := launch(ctx, dir)
	if err != nil {
		return nil, err
	}
	u := &upstream{Server: server, load: l}
	if !filled {
		if err = u.fill(ctx); err == nil {
			err = os.WriteFile(done, nil, 0o644)
		}
	}
	if err == nil {
		err = u.measure(ctx)
	}
	if err != nil {
		u.Kill()
		return nil, err
	}
	return u, nil
}

func launch(ctx context.Context, dir string) (*mariadb.Server, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	// Without annotations the binlog holds each row once, not its statement too.
	return mariadb.Launch(ctx, mariadb.Options{Dir: dir, Args: []string{"--binlog-annotate-row-events=OFF", "--innodb-buffer-pool-size=256M"}})
}

func (u *upstream) fill(ctx context.Context) error {
	if err := u.Exec(ctx, createOrders); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	starts := make(chan int)
	var writers sync.WaitGroup
	for range u.load.writers {
		writers.Go(func() {
			for first := range starts {
				n := min(u.load.PerTxn, u.load.Rows-first)
				if _, err := u.DB().ExecContext(ctx, insertOrders(first, n)); err != nil {
					cancel(fmt.Errorf("fill %s: %w", u.load.Name, err))
				}
			}
		})
	}
	for first := 0; first < u.load.Rows && ctx.Err() == nil; first += u.load.PerTxn {
		starts <- first
	}
	close(starts)
	writers.Wait()
	return context.Cause(ctx)
}

// measure learns what the binlog holds.
func (u *upstream) measure(ctx context.Context) error {
	rows, err := u.DB().QueryContext(ctx, "SHOW BINARY LOGS")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var size int64
		if err := rows.Scan(&name, &size); err != nil {
			return err
		}
		u.binlogs = append(u.binlogs, name)
		u.logBytes += size
	}
	return rows.Err()
}

var words = strings.Fields(`the order was packed on monday and left with "express" carrier, fragile glass inside;
	customer asks for a call before delivery, leave it at café Zürich if nobody answers - paid in advance`)

// insertOrders is one statement of n rows; the same ids give the same rows.
func insertOrders(first, n int) string {
	var b strings.Builder
	b.Grow(n * 260)
	b.WriteString("INSERT INTO bench.orders VALUES ")
	for id := first; id < first+n; id++ {
		if id > first {
			b.WriteByte(',')
		}
		writeOrder(&b, id+1, rand.New(rand.NewPCG(1, uint64(id))))
	}
	return b.String()
}

func writeOrder(b *strings.Builder, id int, r *rand.Rand) {
	note := words[r.IntN(len(words))]
	for len(note) < 80 {
		note += " " + words[r.IntN(len(words))]
	}
	fmt.Fprintf(b, "(%d,%d,%d,%d,%d.%02d,%s,'SKU-%011d','user%06d@example.com','%s','2024-%02d-%02d %02d:%02d:%02d.%03d','2024-%02d-%02d 12:%02d:%02d')",
		id, r.Uint32(), 1+r.IntN(4), r.IntN(30000), r.IntN(100000), r.IntN(100), strconv.FormatFloat(r.Float64()*100, 'g', -1, 64),
		r.IntN(100_000_000_000), r.IntN(1_000_000), note,
		1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000),
		1+r.IntN(12), 1+r.IntN(28), r.IntN(60), r.IntN(60))
}
