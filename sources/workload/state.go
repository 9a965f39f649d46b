package workload

import (
	"cmp"
	"slices"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A State is what a database that has applied every transaction up to a position holds.
type State struct {
	Position uint64
	CommitTs uint64
	Tables   []TableState // by name
}

// A TableState is one table: its definition, without ids and versions, and its rows by id.
type TableState struct {
	Definition *schema.Table
	Rows       [][]rows.Value
}

// StateAt computes what all tables hold behind transaction n.
func StateAt(o Options, n uint64) State { return BankAt(o, n).State() }

// State tells what all tables hold now.
func (b *Bank) State() State {
	s := State{Position: b.position, CommitTs: b.options.commitTs(b.position)}
	for _, br := range b.tables {
		accounts := slices.Clone(br.accounts)
		slices.SortFunc(accounts, func(x, y account) int { return cmp.Compare(x.id, y.id) })
		t := TableState{Definition: br.table()}
		for i := range accounts {
			t.Rows = append(t.Rows, br.values(&accounts[i]))
		}
		s.Tables = append(s.Tables, t)
	}
	slices.SortFunc(s.Tables, func(x, y TableState) int { return cmp.Compare(x.Definition.Name, y.Definition.Name) })
	return s
}

// Balances gives each table's balances by account id.
func (s *State) Balances() map[schema.Ref]map[int64]int64 {
	balances := map[schema.Ref]map[int64]int64{}
	for _, t := range s.Tables {
		id, balance := t.offset("id"), t.offset("balance")
		accounts := map[int64]int64{}
		for _, row := range t.Rows {
			accounts[int64(row[id].Num)] = int64(row[balance].Num)
		}
		balances[schema.Ref{Schema: t.Definition.Schema, Name: t.Definition.Name}] = accounts
	}
	return balances
}

func (t *TableState) offset(name string) int {
	return slices.IndexFunc(t.Definition.Columns, func(c schema.Column) bool { return c.Name == name })
}

// Sum adds up all balances. It is zero at every position.
func (s *State) Sum() int64 {
	sum := int64(0)
	for _, accounts := range s.Balances() {
		for _, balance := range accounts {
			sum += balance
		}
	}
	return sum
}
