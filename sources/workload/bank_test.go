package workload

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/rows"
)

// busy is a bank that reorganises itself all the time.
func busy(seed uint64) Options {
	o := Defaults()
	o.Seed, o.Tables, o.Rows, o.DDL = seed, 4, 12, 20*time.Millisecond
	return o
}

func TestSumIsZeroBehindEveryTransaction(t *testing.T) {
	for seed := range uint64(4) {
		bank := NewBank(busy(seed))
		var tx Transaction
		for range 3000 {
			bank.Next(&tx)
			change := int64(0)
			for _, c := range tx.Changes {
				change += c.New.balance - c.Old.balance
			}
			if change != 0 {
				t.Fatalf("seed %d: transaction %d changes the sum by %d", seed, tx.Number, change)
			}
			if tx.DDL == "" && len(tx.Changes) == 0 {
				t.Fatalf("seed %d: transaction %d does nothing", seed, tx.Number)
			}
			if tx.Number%50 != 0 {
				continue
			}
			if s := bank.State(); s.Sum() != 0 {
				t.Fatalf("seed %d: the sum is %d at %d", seed, s.Sum(), tx.Number)
			}
		}
	}
}

// What a transaction says changed is what the state says changed.
func TestChangesMakeTheState(t *testing.T) {
	bank := NewBank(busy(7))
	var tx Transaction
	held := map[*branch]map[int64]int64{}
	for range 5000 {
		bank.Next(&tx)
		for _, c := range tx.Changes {
			if held[c.branch] == nil {
				held[c.branch] = map[int64]int64{}
			}
			accounts := held[c.branch]
			if balance, ok := accounts[c.Old.id]; c.Op != rows.Insert && (!ok || balance != c.Old.balance) {
				t.Fatalf("transaction %d changes account %d that had %d, not %d", tx.Number, c.Old.id, balance, c.Old.balance)
			}
			if c.Op != rows.Insert {
				delete(accounts, c.Old.id)
			}
			if _, ok := accounts[c.New.id]; c.Op != rows.Delete {
				if ok {
					t.Fatalf("transaction %d makes account %d a second time", tx.Number, c.New.id)
				}
				accounts[c.New.id] = c.New.balance
			}
		}
		for br, accounts := range held {
			if strings.HasPrefix(tx.DDL, "DROP TABLE "+br.ref()) || strings.HasPrefix(tx.DDL, "TRUNCATE TABLE "+br.ref()) {
				for id, balance := range accounts {
					if balance != 0 {
						t.Fatalf("transaction %d, %s: account %d still holds %d", tx.Number, tx.DDL, id, balance)
					}
				}
				delete(held, br)
			}
		}
	}
	s := bank.State()
	balances := s.Balances()
	for _, br := range bank.tables {
		for ref, got := range balances {
			if ref.Name == br.name && len(got)+len(held[br]) > 0 && !reflect.DeepEqual(got, held[br]) {
				t.Errorf("%s: the state has %v, the changes make %v", ref, got, held[br])
			}
		}
	}
}

func TestEveryKindOfStatementComes(t *testing.T) {
	bank := NewBank(busy(3))
	wanted := []string{"CREATE DATABASE", "ALTER DATABASE", "CREATE TABLE", "DROP TABLE", "TRUNCATE TABLE", "ADD COLUMN", "FIRST",
		"AFTER", "DROP COLUMN", "MODIFY COLUMN", "CREATE INDEX", "DROP INDEX", "`swapped` TO", "RENAME TABLE"}
	seen := map[string]bool{}
	ops := map[rows.Op]int{}
	moved, nulls := 0, 0
	var tx Transaction
	for range 20_000 {
		bank.Next(&tx)
		for _, want := range wanted {
			seen[want] = seen[want] || strings.Contains(tx.DDL, want)
		}
		for _, c := range tx.Changes {
			ops[c.Op]++
			if c.Op == rows.Update && c.Old.id != c.New.id {
				moved++
			}
			for _, e := range c.New.extras {
				if e.null {
					nulls++
				}
			}
		}
	}
	for _, want := range wanted {
		if !seen[want] {
			t.Errorf("no statement has %q", want)
		}
	}
	if len(ops) != 3 || moved == 0 || nulls == 0 {
		t.Errorf("got operations %v, %d changes of a key, %d nulls: want some of all", ops, moved, nulls)
	}
	if got, want := len(bank.branches), 4; len(bank.steps) == 0 && got != want {
		t.Errorf("%d branches are open, want %d", got, want)
	}
}

func TestStateIsAFunctionOfOptionsAndPosition(t *testing.T) {
	bank := NewBank(busy(11))
	for _, n := range []uint64{0, 1, 2, 3, 10, 77, 500, 1999} {
		bank.Skip(n)
		if got, want := StateAt(busy(11), n), bank.State(); !reflect.DeepEqual(got, want) {
			t.Errorf("position %d: two banks differ", n)
		}
	}
	if one, other := StateAt(busy(11), 500), StateAt(busy(12), 500); reflect.DeepEqual(one, other) {
		t.Error("two seeds make the same bank")
	}
}

// The numbers are those of the recurrence that the walkers go by.
func TestCommitTs(t *testing.T) {
	for _, rate := range []int{0, 1, 3, 7, 999, 1000, 1001, 12345} {
		o := Defaults()
		o.Rate = rate
		ts := o.commitTs(0)
		if want := uint64(o.Start.UnixMilli()) << 18; ts != want {
			t.Fatalf("rate %d: position 0 has %d, want %d", rate, ts, want)
		}
		for n := uint64(1); n < 30_000; n++ {
			ts = max(ts+1, uint64(o.wallMs(n))<<18)
			if got := o.commitTs(n); got != ts {
				t.Fatalf("rate %d: transaction %d has commit-ts %d, want %d", rate, n, got, ts)
			}
		}
	}
}

func TestParseURI(t *testing.T) {
	got, err := ParseURI("workload://bank?seed=9&tables=3&rows=10&rate=0&transactions=500&ddl=2m&start=2025-06-01T00:00:00Z")
	want := Options{Seed: 9, Tables: 3, Rows: 10, Transactions: 500, DDL: 2 * time.Minute,
		Start: time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC), Live: true}
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if got, err := ParseURI("workload://bank"); err != nil || got != Defaults() {
		t.Errorf("got %+v, %v, want the defaults", got, err)
	}
	for uri, want := range map[string]string{
		"workload://shop":                `source URI "workload://shop": the only workload is workload://bank`,
		"workload://bank?seeds=1":        `source workload: unknown option "seeds": known are ddl, rate, rows, seed, start, tables, transactions`,
		"workload://bank?tables=0":       `source workload: option tables="0": use a whole number from 1 to 100000`,
		"workload://bank?rate=fast":      `source workload: option rate="fast": use a whole number from 0 to 10000000`,
		"workload://bank?ddl=-1s":        `source workload: option ddl="-1s": use a duration such as 30s, 0 for none`,
		"workload://bank?start=tomorrow": `source workload: option start="tomorrow": use a time such as 2024-01-01T00:00:00Z, from 1970 on`,
		"workload://bank?seed=1&seed=2":  `source workload: option seed is given 2 times; give it once`,
	} {
		if _, err := ParseURI(uri); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", uri, err, want)
		}
	}
}

func TestPace(t *testing.T) {
	o := Defaults()
	o.Rate, o.Transactions = 400, 1000
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := New(o).pace(100, now)
	for after, want := range map[time.Duration]uint64{0: 100, 2 * time.Millisecond: 100, 2500 * time.Microsecond: 101,
		time.Second: 500, time.Minute: 1000} {
		if got := p.due(now.Add(after)); got != want {
			t.Errorf("after %v transaction %d is due, want %d", after, got, want)
		}
	}
	if got, want := p.when(501).Sub(now), time.Second+2500*time.Microsecond; got != want {
		t.Errorf("transaction 501 happens after %v, want %v", got, want)
	}
	if got := p.when(1001).Sub(now); got < 100*365*24*time.Hour {
		t.Errorf("a transaction behind the last one happens after %v", got)
	}
	o.Live, o.Start = true, now.Add(-time.Second)
	if got := New(o).pace(100, now).due(now); got != 400 {
		t.Errorf("a second into a live bank transaction %d is due, want 400", got)
	}
}

func BenchmarkSkip(b *testing.B) {
	o := Defaults()
	bank := NewBank(o)
	bank.Skip(100)
	var tx Transaction
	b.ReportAllocs()
	for b.Loop() {
		bank.Next(&tx)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transactions/s")
}
