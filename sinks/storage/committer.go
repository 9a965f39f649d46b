package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/sinks"
)

// Messages between a worker and its committer.
type (
	// commit: worker -> committer. Make these files durable and count them. The files of one series are in order and of
	// one date, for recovery mends the index of the record's date only. Answer: committed. After a failure the same
	// message is sent again.
	commit struct{ files []*sealed }
	// committed: committer -> worker. err nil: all are durable and counted.
	committed struct {
		commit *commit
		err    error
	}
)

// A sealed is a complete data file on its way to durable. The worker keeps off it while it is in a commit.
type sealed struct {
	series
	of       *dataFile // not touched here
	date     string
	number   uint64
	size     int64
	complete sinks.Position
	file     *os.File // nil if its handle was let go
	synced   bool
}

// parallelSyncs is how many files of one commit are synced at a time.
const parallelSyncs = 8

// The committer is the worker's child that makes files durable: all that are ready in one go, step by step.
type committer struct{}

func (c *committer) Receive(ctx actor.Context) {
	if m, ok := ctx.Message().(*commit); ok {
		ctx.Send(ctx.Parent(), &committed{m, m.run()})
	}
}

func (c *commit) run() error {
	if err := c.syncData(); err != nil {
		return err
	}
	if err := syncDirs(c.files, func(s *sealed) string { return filepath.Join(s.dir, s.date) }); err != nil {
		return err
	}
	newest := c.newest()
	if err := putAll(newest, func(s *sealed) (string, []byte) { return s.record(), s.recordLine() }); err != nil {
		return err
	}
	if err := syncDirs(newest, func(s *sealed) string { return filepath.Dir(s.record()) }); err != nil {
		return err
	}
	if err := putAll(newest, func(s *sealed) (string, []byte) { return s.index(s.date), []byte(s.indexLine(s.number)) }); err != nil {
		return err
	}
	return syncDirs(newest, func(s *sealed) string { return filepath.Dir(s.index(s.date)) })
}

// syncData makes the files' content durable. What fails here may be lost for good: the kernel drops dirty pages that it
// could not write, and a second fsync succeeds.
func (c *commit) syncData() error {
	errs := make([]error, len(c.files))
	var group sync.WaitGroup
	slots := make(chan struct{}, parallelSyncs)
	for i, s := range c.files {
		if s.synced {
			continue
		}
		slots <- struct{}{}
		group.Go(func() {
			errs[i] = s.sync()
			<-slots
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

func (s *sealed) sync() error {
	if s.file == nil {
		file, err := os.Open(s.data(s.date, s.number))
		if err != nil {
			return err
		}
		s.file = file
	}
	err := s.file.Sync()
	closed := s.file.Close()
	s.file = nil
	if err := errors.Join(err, closed); err != nil {
		return fmt.Errorf("%w: %w", errLost, err)
	}
	s.synced = true
	return nil
}

func (s *sealed) recordLine() []byte {
	data, err := json.Marshal(record{Span: rangeOf(s.span), Date: s.date, Number: s.number, Size: s.size, Complete: s.complete})
	if err != nil {
		panic(err) // strings and numbers only
	}
	return append(data, '\n')
}

// newest gives the last file of each series: what the record and the index will name.
func (c *commit) newest() []*sealed {
	at := map[string]int{}
	var last []*sealed
	for _, s := range c.files {
		key := s.record()
		if i, known := at[key]; known {
			last[i] = s
			continue
		}
		at[key] = len(last)
		last = append(last, s)
	}
	return last
}

func putAll(files []*sealed, what func(*sealed) (string, []byte)) error {
	for _, s := range files {
		if err := put(what(s)); err != nil {
			return err
		}
	}
	return nil
}

// syncDirs makes the names in the files' directories durable, each directory once.
func syncDirs(files []*sealed, dir func(*sealed) string) error {
	done := map[string]bool{}
	for _, s := range files {
		d := dir(s)
		if done[d] {
			continue
		}
		if err := syncDir(d); err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		done[d] = true
	}
	return nil
}
