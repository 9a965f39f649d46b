package workload

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

// pull runs Pull into the log until the contact tells that everything has come.
func pull(t *testing.T, s *Source, log *relay.Log) sources.Contact {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var last sources.Contact
	err := s.Pull(ctx, log, func(c sources.Contact) {
		last = c
		if c.CaughtUp {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("pull: %v", err)
	}
	return last
}

func newLog(t *testing.T, at relay.Mark, o relay.Options) *relay.Log {
	t.Helper()
	log, err := relay.Open(filepath.Join(t.TempDir(), "relay"), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	if err := log.Reset(at); err != nil {
		t.Fatal(err)
	}
	return log
}

func start(t *testing.T, s *Source, at string) relay.Mark {
	t.Helper()
	m, err := s.Start(context.Background(), at)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// contents are all the bytes that the log holds behind the mark that it began at.
func contents(t *testing.T, log *relay.Log, began relay.Mark) []byte {
	t.Helper()
	from, _, err := log.Seek(began.Ts)
	if err != nil {
		t.Fatal(err)
	}
	reader := log.Reader(from)
	defer reader.Close()
	var all []byte
	for {
		data, _, err := reader.Next(1<<20, log.End())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
}

// behind cuts n groups off relay bytes, each of which ends in an event of type 0xf1.
func behind(data []byte, n uint64) []byte {
	for n > 0 {
		if data[4] == 0xf1 {
			n--
		}
		data = data[binary.LittleEndian.Uint32(data[9:]):]
	}
	return data
}

// all is a busy bank of n transactions, as fast as they come.
func all(n uint64) Options {
	o := busy(5)
	o.Rate, o.Transactions = 0, n
	return o
}

func TestPullGoesOnFromAnyPositionWithTheSameBytes(t *testing.T) {
	const last = 600
	whole := New(all(last))
	began := start(t, whole, "earliest")
	log := newLog(t, began, relay.Options{})
	if c := pull(t, whole, log); c.Position != "gtid:0-1-600" {
		t.Fatalf("the last contact is at %s", c.Position)
	}
	for _, from := range []uint64{0, 1, 2, 17, 300, 599, 600} {
		mark := start(t, whole, fmt.Sprint(from))
		want := behind(contents(t, log, began), from)
		s := New(all(last))
		part := newLog(t, mark, relay.Options{})
		if got := pull(t, s, part); got.Position != "gtid:0-1-600" {
			t.Errorf("from %d: the last contact is at %s", from, got.Position)
		}
		if got := contents(t, part, mark); !bytes.Equal(got, want) {
			t.Errorf("from %d: %d bytes differ from the %d of a run in one piece", from, len(got), len(want))
		}
		if _, tail := part.Tail(); tail != start(t, s, "600") {
			t.Errorf("from %d: the log ends at %v, want %v", from, tail, start(t, s, "600"))
		}
	}
}

// A second Pull of the same source goes on where the first one was stopped, and steps back when the log does.
func TestPullTwice(t *testing.T) {
	s := New(all(500))
	mark := start(t, s, "current")
	log := newLog(t, mark, relay.Options{})
	pull(t, s, log)
	want := contents(t, log, mark)
	pull(t, s, log)
	if got := contents(t, log, mark); !bytes.Equal(got, want) {
		t.Error("a Pull at the end added to the log")
	}
	if err := log.Reset(mark); err != nil {
		t.Fatal(err)
	}
	pull(t, s, log)
	if got := contents(t, log, mark); !bytes.Equal(got, want) {
		t.Error("a Pull into a log that was reset brings other bytes")
	}
}

func TestPullWaitsForRoom(t *testing.T) {
	o := all(20_000)
	s := New(o)
	log := newLog(t, start(t, s, "earliest"), relay.Options{MaxBytes: 1 << 20})
	cancel := log.Notify(func(relay.Offset) {
		if log.Size() >= 1<<20 {
			go func() {
				_, tail := log.Tail()
				if err := log.Trim(tail.Ts); err != nil {
					t.Error(err)
				}
			}()
		}
	})
	defer cancel()
	if c := pull(t, s, log); c.Position != "gtid:0-1-20000" {
		t.Errorf("the last contact is at %s", c.Position)
	}
}

func TestPullKeepsItsRate(t *testing.T) {
	o := busy(5)
	o.Rate, o.Transactions = 2000, 100
	s := New(o)
	log := newLog(t, start(t, s, "earliest"), relay.Options{})
	began := time.Now()
	pull100 := func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		s.Pull(ctx, log, func(c sources.Contact) {
			if c.Position == "gtid:0-1-100" {
				cancel()
			}
		})
	}
	pull100()
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("100 transactions at 2000 a second took %v", took)
	}
	if head, _ := s.Head(context.Background()); head != "gtid:0-1-100" {
		t.Errorf("head is %s", head)
	}
}

// A checker compares what a walk tells with what a bank of its own does.
type checker struct {
	t       *testing.T
	bank    *Bank
	tx      Transaction
	changes []Change
	started bool
	format  rows.Format
	plans   map[string]rows.Plan
	ordinal uint32
}

func newChecker(t *testing.T, s *Source, from uint64) *checker {
	return &checker{t: t, bank: BankAt(s.options, from), format: s.Format(), plans: map[string]rows.Plan{}}
}

func (c *checker) next() {
	if !c.started {
		c.bank.Next(&c.tx)
		c.changes, c.started, c.ordinal = c.tx.Changes, true, 0
	}
}

func (c *checker) Rows(e *sources.RowsEvent) error {
	c.next()
	if e.CommitTs != c.bank.options.commitTs(c.tx.Number) || e.Ordinal != c.ordinal {
		return fmt.Errorf("transaction %d: rows at %d, ordinal %d, want %d, %d",
			c.tx.Number, e.CommitTs, e.Ordinal, c.bank.options.commitTs(c.tx.Number), c.ordinal)
	}
	c.ordinal++
	if len(c.changes) == 0 {
		return fmt.Errorf("transaction %d: rows too many", c.tx.Number)
	}
	table := c.changes[0].branch.table()
	if e.Table.Schema != table.Schema || e.Table.Name != table.Name || e.Op != c.changes[0].Op {
		return fmt.Errorf("transaction %d: operation %d on %s, want %d on %s", c.tx.Number, e.Op, e.Table, c.changes[0].Op, table.Name)
	}
	if err := checkDescribed(e.Described, table); err != nil {
		return fmt.Errorf("transaction %d: %w", c.tx.Number, err)
	}
	key := fmt.Sprint(c.changes[0].branch.tableID())
	if c.plans[key] == nil {
		plan, err := c.format.Compile(table, e.Layout)
		if err != nil {
			return err
		}
		c.plans[key] = plan
	}
	for body := e.Body; len(body) > 0; c.changes = c.changes[1:] {
		change := c.changes[0]
		for _, a := range images(&change) {
			got := make([]rows.Value, len(table.Columns))
			n, err := c.plans[key].Row(body, got)
			if err != nil {
				return fmt.Errorf("transaction %d: %w", c.tx.Number, err)
			}
			body = body[n:]
			if want := change.branch.values(a); !reflect.DeepEqual(got, want) {
				return fmt.Errorf("transaction %d: read %v, want %v", c.tx.Number, got, want)
			}
		}
	}
	return nil
}

func images(c *Change) []*account {
	switch c.Op {
	case rows.Insert:
		return []*account{&c.New}
	case rows.Delete:
		return []*account{&c.Old}
	}
	return []*account{&c.Old, &c.New}
}

func checkDescribed(got, want *schema.Table) error {
	if got == nil || len(got.Columns) != len(want.Columns) {
		return fmt.Errorf("the table map of %s describes %v", want.Name, got)
	}
	for i, c := range want.Columns {
		if got.Columns[i].Name != c.Name || got.Columns[i].PK != c.PK || got.Columns[i].Unsigned {
			return fmt.Errorf("the table map of %s describes %v as %v", want.Name, c, got.Columns[i])
		}
	}
	return nil
}

func (c *checker) DDL(s *schema.Statement) error {
	c.next()
	if s.Query != c.tx.DDL || s.Default != Database || s.CommitTs != c.bank.options.commitTs(c.tx.Number) {
		return fmt.Errorf("transaction %d: got statement %+v, want %q", c.tx.Number, s, c.tx.DDL)
	}
	return nil
}

func (c *checker) Commit(m relay.Mark, wallMs int64) error {
	c.next()
	c.started = false
	if len(c.changes) > 0 {
		return fmt.Errorf("transaction %d: %d changes are missing", c.tx.Number, len(c.changes))
	}
	want := relay.Mark{Ts: c.bank.options.commitTs(c.tx.Number), Position: position(c.tx.Number)}
	if m != want || wallMs != c.tx.WallMs {
		return fmt.Errorf("transaction %d: committed at %v, %d, want %v, %d", c.tx.Number, m, wallMs, want, c.tx.WallMs)
	}
	return nil
}

func TestWalk(t *testing.T) {
	s := New(all(6000))
	mark := start(t, s, "earliest")
	log := newLog(t, mark, relay.Options{})
	pull(t, s, log)
	for _, from := range []uint64{0, 7, 5000} {
		at := start(t, s, fmt.Sprint(from))
		c := newChecker(t, s, from)
		if err := s.Walker(at).Walk(behind(contents(t, log, mark), from), c); err != nil {
			t.Fatalf("from %d: %v", from, err)
		}
		if got := c.bank.Position(); got != 6000 {
			t.Errorf("from %d: the walk ended at transaction %d", from, got)
		}
	}
}

func TestStartAndReached(t *testing.T) {
	s := New(all(100))
	for at, want := range map[string]string{"earliest": "gtid:", "current": "gtid:", "0": "gtid:", "42": "gtid:0-1-42", "gtid:0-1-42": "gtid:0-1-42"} {
		if got := start(t, s, at); got.Position != want {
			t.Errorf("start at %s: %v, want %s", at, got, want)
		}
	}
	for _, at := range []string{"", "gtid:0-2-5", "-1", "101", "binlog.000001:4"} {
		var fatal *sources.Fatal
		if _, err := s.Start(context.Background(), at); !errors.As(err, &fatal) || fatal.Kind != "bad-position" {
			t.Errorf("start at %q: %v, want a fatal error", at, err)
		}
	}
	head, err := s.Head(context.Background())
	if err != nil || head != "gtid:0-1-100" {
		t.Errorf("head: %s, %v", head, err)
	}
	for _, c := range []struct {
		at, goal string
		want     bool
	}{{"gtid:", "gtid:", true}, {"gtid:0-1-9", "gtid:0-1-10", false}, {"gtid:0-1-10", "gtid:0-1-10", true}, {"gtid:", "gtid:0-1-1", false}} {
		if got, err := s.Reached(c.at, c.goal); err != nil || got != c.want {
			t.Errorf("%s reached %s: %v, %v", c.at, c.goal, got, err)
		}
	}
}

func TestSnapshot(t *testing.T) {
	s := New(all(1000))
	ctx := context.Background()
	if tables, err := s.Snapshot(ctx, start(t, s, "earliest")); err != nil || len(tables) != 0 {
		t.Errorf("at position 0: %v, %v, want nothing", tables, err)
	}
	for _, n := range []uint64{1, 2, 10, 700} {
		tables, err := s.Snapshot(ctx, start(t, s, fmt.Sprint(n)))
		if err != nil {
			t.Fatal(err)
		}
		state := StateAt(s.options, n)
		if len(tables) != len(state.Tables)+1 || !tables[0].OfSchema() {
			t.Errorf("at %d: %d tables, want %d and the schema's entry", n, len(tables), len(state.Tables))
		}
	}
	log := newLog(t, start(t, s, "earliest"), relay.Options{})
	pull(t, s, log)
	if got, err := s.ReadTable(ctx, schema.Ref{Schema: Database, Name: "vault"}); err != nil || got.Name != "vault" {
		t.Errorf("read the vault: %v, %v", got, err)
	}
	if _, err := s.ReadTable(ctx, schema.Ref{Schema: Database, Name: "none"}); !errors.Is(err, schema.ErrNoTable) {
		t.Errorf("read no table: %v", err)
	}
}

type everything struct{}

func (everything) Match(string, string) bool { return true }
func (everything) MatchSchema(string) bool   { return true }

// What the definitions become by the statements is what a snapshot tells, at each statement, and from a snapshot on.
func TestStatementsMakeTheDefinitions(t *testing.T) {
	s := New(busy(21))
	ctx := context.Background()
	server, err := s.Server(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []uint64{0, 400} {
		tracker := schema.NewTracker(server, everything{})
		mark := start(t, s, fmt.Sprint(from))
		tables, err := s.Snapshot(ctx, mark)
		if err != nil {
			t.Fatal(err)
		}
		tracker.Load(tables, mark.Ts)
		bank := BankAt(s.options, from)
		var tx Transaction
		for range 2500 {
			bank.Next(&tx)
			if tx.DDL == "" {
				continue
			}
			_, err := tracker.Apply(schema.Statement{CommitTs: s.options.commitTs(tx.Number), Default: Database, Query: tx.DDL})
			if err != nil {
				t.Fatalf("transaction %d, %s: %v", tx.Number, tx.DDL, err)
			}
			compareDefinitions(t, &tx, tracker.Tables(), bank.State())
		}
	}
}

func compareDefinitions(t *testing.T, tx *Transaction, tracked []*schema.Table, state State) {
	t.Helper()
	if len(tracked) != len(state.Tables) {
		t.Fatalf("transaction %d, %s: %d tables, want %d", tx.Number, tx.DDL, len(tracked), len(state.Tables))
	}
	for i, want := range state.Tables {
		got := *tracked[i]
		got.ID, got.Version, got.Created, got.MaxColumnID = 0, 0, 0, 0
		got.Columns = slices.Clone(got.Columns)
		for i := range got.Columns {
			got.Columns[i].ID = 0
		}
		if !reflect.DeepEqual(&got, want.Definition) {
			t.Fatalf("transaction %d, %s:\n got %+v\nwant %+v", tx.Number, tx.DDL, got, *want.Definition)
		}
	}
}

func BenchmarkPull(b *testing.B) {
	o := Defaults()
	o.Rate, o.Transactions = 0, uint64(b.N)
	s := New(o)
	log, err := relay.Open(filepath.Join(b.TempDir(), "relay"), relay.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	mark, err := s.Start(context.Background(), "earliest")
	if err == nil {
		err = log.Reset(mark)
	}
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ResetTimer()
	err = s.Pull(ctx, log, func(c sources.Contact) {
		if c.CaughtUp {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		b.Fatal(err)
	}
	b.SetBytes(log.Size() / int64(b.N))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transactions/s")
}
