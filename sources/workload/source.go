// Package workload is a source with nothing to set up: workload://bank makes up the business of a bank, as a MariaDB
// server would log it. Transfers between accounts run over several tables in one transaction; now and then columns come
// and go, and tables are made, renamed, emptied and dropped, never one that still holds money. All balances add up to
// zero behind every transaction, so whoever lost or doubled half of one can be told by a sum.
//
// It is deterministic: transaction n is a function of the URI's options and n alone, its event time and commit-ts too.
// So a test can compute what a database that has applied n transactions holds (StateAt), and compare.
//
// What it writes into the relay log are binlog events with full metadata; the MySQL source's walker and row format read
// them. Its position is the number of a transaction, told as the GTID 0-1-n.
package workload

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/sources/mysql"
	"github.com/weir-cdc/weir/sources/mysql/image"
)

// A Source makes up transactions.
type Source struct {
	options Options
	reached atomic.Uint64 // the furthest transaction that was handed out

	mu   sync.Mutex // held by whoever makes transactions
	bank *Bank
}

var _ sources.Source = (*Source)(nil)

// Open makes the source that a URI describes; see ParseURI.
func Open(uri string) (*Source, error) {
	o, err := ParseURI(uri)
	if err != nil {
		return nil, &sources.Fatal{Kind: "bad-uri", Err: err}
	}
	return New(o), nil
}

// New makes a source.
func New(o Options) *Source { return &Source{options: o, bank: NewBank(o)} }

// Options are what the source was made with.
func (s *Source) Options() Options { return s.options }

// Start takes "earliest" and "current", which are both position 0, the number of a transaction, or a position.
func (s *Source) Start(_ context.Context, at string) (relay.Mark, error) {
	n := uint64(0)
	if at != "earliest" && at != "current" {
		var err error
		if n, err = number(at); err != nil {
			return relay.Mark{}, err
		}
	}
	if last := s.options.Transactions; last > 0 && n > last {
		return relay.Mark{}, badPosition("position %d lies behind the last transaction, %d: start before it, or raise the option transactions", n, last)
	}
	return s.mark(n), nil
}

const positionPrefix = "gtid:0-1-"

func (s *Source) mark(n uint64) relay.Mark {
	return relay.Mark{Ts: s.options.commitTs(n), Position: position(n)}
}

func position(n uint64) string {
	if n == 0 {
		return strings.TrimSuffix(positionPrefix, "0-1-")
	}
	return positionPrefix + strconv.FormatUint(n, 10)
}

// number undoes position; a bare number will do, too.
func number(position string) (uint64, error) {
	if position == strings.TrimSuffix(positionPrefix, "0-1-") {
		return 0, nil
	}
	n, err := strconv.ParseUint(strings.TrimPrefix(position, positionPrefix), 10, 64)
	if err != nil {
		return 0, badPosition("%q is no position of a workload: write earliest, or the number of a transaction", position)
	}
	return n, nil
}

func badPosition(format string, args ...any) error {
	return &sources.Fatal{Kind: "bad-position", Err: fmt.Errorf("source workload: "+format, args...)}
}

// Server describes the MariaDB that would log all this.
func (s *Source) Server(context.Context) (schema.Server, error) {
	return schema.Server{MariaDB: true, Version: 101106, Charset: charset, Collation: "utf8mb4_general_ci", UTF8: "utf8mb3"}, nil
}

// Snapshot gives the definitions at the mark, and those of the database when it has been made.
func (s *Source) Snapshot(ctx context.Context, at relay.Mark) ([]*schema.Table, error) {
	n, err := number(at.Position)
	if err != nil {
		return nil, err
	}
	bank := NewBank(s.options)
	if err := skip(ctx, bank, n); err != nil {
		return nil, err
	}
	var tables []*schema.Table
	if n > 0 {
		tables = append(tables, &schema.Table{Schema: Database, Charset: charset, Collation: collation})
	}
	for _, br := range bank.tables {
		tables = append(tables, br.table())
	}
	return tables, nil
}

// ReadTable gives a definition as of the last transaction that was handed out.
func (s *Source) ReadTable(ctx context.Context, ref schema.Ref) (*schema.Table, error) {
	tables, err := s.Snapshot(ctx, s.mark(s.reached.Load()))
	if err != nil {
		return nil, err
	}
	for _, t := range tables {
		if t.Schema == ref.Schema && t.Name == ref.Name {
			return t, nil
		}
	}
	return nil, fmt.Errorf("read the definition of %s: %w", ref, schema.ErrNoTable)
}

// skip goes on to position n, if ctx lasts that long.
func skip(ctx context.Context, bank *Bank, n uint64) error {
	const piece = 100_000
	for bank.Position() < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		bank.Skip(min(n, bank.Position()+piece))
	}
	return ctx.Err()
}

// Walker makes the MySQL source's walker.
func (s *Source) Walker(at relay.Mark) sources.Walker { return mysql.NewWalker(at) }

// Format is that of MySQL's row images.
func (s *Source) Format() rows.Format { return image.Format{} }

// Head is the last transaction that there is: what the clock allows for a bank that is live, the last one of a bank
// that makes as many as it can, else the last that was handed out.
func (s *Source) Head(context.Context) (string, error) {
	n := s.reached.Load()
	switch {
	case s.options.Live:
		n = max(n, s.pace(n, time.Now()).due(time.Now()))
	case s.options.Rate == 0 && s.options.Transactions > 0:
		n = s.options.Transactions
	}
	return position(n), nil
}

// Reached compares transaction numbers.
func (s *Source) Reached(at, goal string) (bool, error) {
	n, err := number(at)
	if err != nil {
		return false, err
	}
	m, err := number(goal)
	return err == nil && n >= m, err
}

// Goal reads a position to end at.
func (s *Source) Goal(_ context.Context, at string) (string, error) {
	n, err := number(at)
	if err != nil {
		return "", err
	}
	return position(n), nil
}

// Close does nothing: a Pull ends with its context.
func (s *Source) Close() error { return nil }

const (
	blockBytes = 256 << 10        // of a block, about
	silence    = time.Second      // after which a contact is reported although nothing happened
	least      = time.Millisecond // of waiting, lest each transaction is a block
)

// Pull makes transactions from the log's end on.
func (s *Source) Pull(ctx context.Context, log *relay.Log, contact func(sources.Contact)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, tail := log.Tail()
	n, err := number(tail.Position)
	if err != nil {
		return err
	}
	if s.bank.Position() > n {
		s.bank = NewBank(s.options)
	}
	if err := skip(ctx, s.bank, n); err != nil {
		return err
	}
	pace := s.pace(n, time.Now())
	writer := newEvents()
	for ctx.Err() == nil {
		now := time.Now()
		due := pace.due(now)
		if s.bank.Position() < due {
			if err := s.append(ctx, log, writer, due); err != nil {
				return err
			}
		}
		at := s.bank.Position()
		s.noteReached(at)
		contact(sources.Contact{At: now, Position: position(at), CaughtUp: at >= due})
		if at >= due {
			wait(ctx, min(max(pace.when(at+1).Sub(now), least), silence))
		}
	}
	return ctx.Err()
}

func (s *Source) noteReached(n uint64) {
	if n > s.reached.Load() {
		s.reached.Store(n)
	}
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// append puts a block of transactions, up to number due, into the log.
func (s *Source) append(ctx context.Context, log *relay.Log, w *events, due uint64) error {
	start := s.mark(s.bank.Position())
	w.reset()
	var t Transaction
	for s.bank.Position() < due && len(w.buf) < blockBytes {
		s.bank.Next(&t)
		w.transaction(&t)
	}
	end := s.mark(s.bank.Position())
	for {
		freed := log.Freed()
		err := log.Append(relay.Block{Data: w.buf, Start: &start, End: &end})
		if !errors.Is(err, relay.ErrFull) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-freed:
		}
	}
}

// A pace tells when transactions happen.
type pace struct {
	rate  uint64 // 0: at once
	last  uint64 // of all
	first uint64 // the number that happens at since
	since time.Time
}

// pace gives the pace of a Pull that goes on from transaction n now.
func (s *Source) pace(n uint64, now time.Time) pace {
	p := pace{rate: uint64(s.options.Rate), last: s.options.Transactions, first: n, since: now}
	if p.last == 0 {
		p.last = 1<<63 - 1
	}
	if s.options.Live {
		p.rate, p.first, p.since = s.options.eventRate(), 0, s.options.Start
	}
	return p
}

// due is the last transaction that has happened by now.
func (p pace) due(now time.Time) uint64 {
	if p.rate == 0 {
		return p.last
	}
	elapsed := max(0, now.Sub(p.since))
	n := uint64(elapsed/time.Second)*p.rate + uint64(elapsed%time.Second)*p.rate/uint64(time.Second)
	return min(p.last, p.first+n)
}

// when tells when transaction n happens; never is far away.
func (p pace) when(n uint64) time.Time {
	if n > p.last || p.rate == 0 {
		return p.since.Add(1<<63 - 1)
	}
	n -= p.first
	return p.since.Add(time.Duration(n/p.rate)*time.Second + time.Duration(n%p.rate*uint64(time.Second)/p.rate))
}
