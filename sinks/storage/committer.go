package storage

import (
	"errors"
	"fmt"
	"io/fs"
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
	commit struct {
		files []*sealed
		env   *sinks.Env
	}
	// committed: committer -> worker. err nil: all are durable and counted, but for those that are marked fenced.
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
	// continues is the record's.
	continues []continuation
	file      *os.File // nil if its handle was let go
	synced    bool
	placed    bool // it has its final name; always so where the folder is not shared
	fenced    bool // a later dispatcher has the span: the file will never count
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
	if c.env.Shared {
		return c.takeTurns()
	}
	return c.count(c.files)
}

// count makes files part of the output. A reader sees them by the index, a successor by the record.
func (c *commit) count(files []*sealed) error {
	if err := syncDirs(files, func(s *sealed) string { return filepath.Join(s.dir, s.date) }); err != nil {
		return err
	}
	if err := c.env.Permitted(); err != nil {
		return err
	}
	last := newest(files)
	if err := putAll(last, func(s *sealed) (string, []byte) { return s.record(), s.recordLine() }); err != nil {
		return err
	}
	if err := syncDirs(last, func(s *sealed) string { return filepath.Dir(s.record()) }); err != nil {
		return err
	}
	if err := c.env.Permitted(); err != nil {
		return err
	}
	if err := putAll(last, func(s *sealed) (string, []byte) { return s.index(s.date), []byte(s.indexLine(s.number)) }); err != nil {
		return err
	}
	return syncDirs(last, func(s *sealed) string { return filepath.Dir(s.index(s.date)) })
}

// takeTurns counts the files of one table version after the other, each in that one's turn.
func (c *commit) takeTurns() error {
	var dirs []string
	files := map[string][]*sealed{}
	for _, s := range c.files {
		if files[s.dir] == nil {
			dirs = append(dirs, s.dir)
		}
		files[s.dir] = append(files[s.dir], s)
	}
	for _, dir := range dirs {
		if err := c.takeTurn(filepath.Join(dir, metaDir), files[dir]); err != nil {
			return err
		}
	}
	return nil
}

// takeTurn counts those files whose claim still stands. A successor that claims later finds what was counted here.
func (c *commit) takeTurn(dir string, files []*sealed) error {
	t, err := takeTurn(dir)
	if err != nil {
		return err
	}
	defer t.end()
	standing, err := judge(files)
	if err != nil || len(standing) == 0 {
		return err
	}
	if err := c.env.Permitted(); err != nil {
		return err
	}
	for _, s := range standing {
		if err := s.place(); err != nil {
			return err
		}
	}
	return c.count(standing)
}

// judge marks the files whose dispatchers no longer have their spans, and gives the others. A series stands or falls as
// a whole: of rows in order none may be left out.
func judge(files []*sealed) (standing []*sealed, err error) {
	fenced := map[string]bool{} // by record
	for _, s := range files {
		fenced[s.record()] = fenced[s.record()] || s.fenced
	}
	for _, s := range newest(files) {
		all, err := s.neighbours()
		if err != nil {
			return nil, err
		}
		if s.stands(all) != nil {
			fenced[s.record()] = true
		}
	}
	for _, s := range files {
		if s.fenced = fenced[s.record()]; !s.fenced {
			standing = append(standing, s)
		}
	}
	return standing, nil
}

// place gives the file its final name.
func (s *sealed) place() error {
	if s.placed {
		return nil
	}
	if err := os.Rename(s.writing(s.date, s.number), s.data(s.date, s.number)); err != nil {
		return err
	}
	s.placed = true
	return nil
}

// syncData makes the files' content durable. What fails here may be lost for good: the kernel drops dirty pages that it
// could not write, and a second fsync succeeds.
func (c *commit) syncData() error {
	errs := make([]error, len(c.files))
	var group sync.WaitGroup
	slots := make(chan struct{}, parallelSyncs)
	for i, s := range c.files {
		if s.synced || s.fenced {
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
		file, err := os.Open(s.writing(s.date, s.number))
		if errors.Is(err, fs.ErrNotExist) && !s.claim.IsZero() {
			s.fenced = true // only a later dispatcher removes it
			return nil
		}
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
	r := record{Span: rangeOf(s.span), Date: s.date, Number: s.number, Size: s.size, Complete: s.complete, Continues: s.continues, Claim: s.claim}
	return r.line()
}

// newest gives the last file of each series: what the record and the index will name.
func newest(files []*sealed) []*sealed {
	at := map[string]int{}
	var last []*sealed
	for _, s := range files {
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
