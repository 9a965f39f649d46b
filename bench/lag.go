package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	lagFlush  = 100 * time.Millisecond
	lagTarget = 250 * time.Millisecond
	lagPause  = 50 * time.Millisecond // between rows, give or take a half
	lagWarmUp = 20                    // rows that are not counted
	lagWait   = time.Minute           // for one row
)

// A lagReport tells how long after its commit a row is in a file that the index names.
type lagReport struct {
	Rows int           `json:"rows"`
	P50  time.Duration `json:"p50_ns"`
	P99  time.Duration `json:"p99_ns"`
	Max  time.Duration `json:"max_ns"`
}

// measureLag lets weir follow an idle server into files and writes one row after the other.
func measureLag(ctx context.Context, weir, dir string, rows int) (report *lagReport, err error) {
	dir, err = os.MkdirTemp(dir, "lag")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	server, err := launch(ctx, filepath.Join(dir, "server"))
	if err != nil {
		return nil, err
	}
	defer server.Kill()
	if err := server.Exec(ctx, "CREATE DATABASE bench; CREATE TABLE bench.lag (id INT PRIMARY KEY, token VARCHAR(32))"); err != nil {
		return nil, err
	}
	out := filepath.Join(dir, "files")
	var said tail
	cmd := exec.Command(weir, "run", "--from", server.URI(), "--tables", "bench.*", "--start-at", "earliest",
		"--to", fmt.Sprintf("file://%s?protocol=csv&date-separator=none&flush-interval=%v", out, lagFlush),
		"--data-dir", filepath.Join(dir, "data"))
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		if e := cmd.Wait(); e != nil || err != nil {
			err = errors.Join(err, fmt.Errorf("weir to files, idle: %v; it said:\n%s", e, said.text))
		}
	}()
	seen := &reader{pattern: filepath.Join(out, "bench", "lag", "*", "meta", "CDC.index"), read: map[string]int{}, rows: map[int]time.Time{}}
	lags := make([]time.Duration, 0, rows)
	committed := map[int]time.Time{}
	for id := range lagWarmUp + rows {
		if _, err := server.DB().ExecContext(ctx, fmt.Sprintf("INSERT INTO bench.lag VALUES (%d, 'row-%d.')", id, id)); err != nil {
			return nil, err
		}
		committed[id] = time.Now()
		wait := lagPause/2 + rand.N(lagPause)
		if id == 0 {
			wait = lagWait
		}
		if err := seen.watch(ctx, wait, 1, id == 0); err != nil {
			return nil, err
		}
	}
	if err := seen.watch(ctx, lagWait, lagWarmUp+rows, true); err != nil {
		return nil, err
	}
	for id := lagWarmUp; id < lagWarmUp+rows; id++ {
		lags = append(lags, seen.rows[id].Sub(committed[id]))
	}
	return summariseLag(lags), nil
}

func summariseLag(lags []time.Duration) *lagReport {
	slices.Sort(lags)
	at := func(q float64) time.Duration { return lags[int(q*float64(len(lags)-1)+0.5)] }
	return &lagReport{Rows: len(lags), P50: at(0.5), P99: at(0.99), Max: lags[len(lags)-1]}
}

// A reader reads the files as any reader of the format does: those up to the one that the index names.
type reader struct {
	pattern string
	read    map[string]int    // by index file: the number of the last data file that was read
	rows    map[int]time.Time // when each row was first seen
}

// watch looks at the files again and again for a while, or, if it is to stop early, until it has seen n rows; then it
// is an error not to.
func (r *reader) watch(ctx context.Context, wait time.Duration, n int, early bool) error {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := r.look(); err != nil {
			return err
		}
		if early && len(r.rows) >= n {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			if early {
				return fmt.Errorf("%d rows of %d came within %v", len(r.rows), n, wait)
			}
			return nil
		}
	}
}

var dataFile = regexp.MustCompile(`^CDC0*(\d+)\.csv$`)

func (r *reader) look() error {
	indexes, err := filepath.Glob(r.pattern)
	if err != nil {
		return err
	}
	for _, index := range indexes {
		content, err := os.ReadFile(index)
		if err != nil {
			return err
		}
		name := strings.TrimSpace(string(content))
		match := dataFile.FindStringSubmatch(name)
		if match == nil {
			return fmt.Errorf("%s names %q", index, name)
		}
		last, err := strconv.Atoi(match[1])
		if err != nil {
			return err
		}
		width := len(name) - len("CDC.csv")
		for n := r.read[index] + 1; n <= last; n++ {
			if err := r.take(filepath.Join(filepath.Dir(filepath.Dir(index)), fmt.Sprintf("CDC%0*d.csv", width, n))); err != nil {
				return err
			}
			r.read[index] = n
		}
	}
	return nil
}

var token = regexp.MustCompile(`row-(\d+)\.`)

func (r *reader) take(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	now := time.Now()
	for line := range bytes.Lines(data) {
		match := token.FindSubmatch(line)
		if match == nil {
			return fmt.Errorf("%s holds a line without a row", path)
		}
		id, err := strconv.Atoi(string(match[1]))
		if err != nil {
			return err
		}
		if _, twice := r.rows[id]; twice {
			return fmt.Errorf("%s holds row %d again", path, id)
		}
		r.rows[id] = now
	}
	return nil
}
