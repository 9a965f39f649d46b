package bank

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/sinks/storage"
	"github.com/weir-cdc/weir/test/replay"
)

// CheckCuts plays the bank of an output, which was read from a folder, up to every syncpoint: the sum of all accounts is
// what it was at the start, and the ledger holds exactly the transfers that the upstream had at the syncpoint's GTID.
func (l *Load) CheckCuts(o *replay.Output, dir string) {
	l.t.Helper()
	points, err := storage.Syncpoints(dir)
	if err != nil {
		l.t.Fatal(err)
	}
	bank := replay.Output{Versions: slices.DeleteFunc(slices.Clone(o.Versions), func(v *replay.Version) bool { return v.Schema != "bank" })}
	checked := 0
	for _, p := range points {
		at := gtidNumber(p.SourcePosition)
		if at < l.begin {
			continue // the accounts are still being opened
		}
		state, _, err := bank.Cut(p.CommitTs).Final()
		if err != nil {
			l.t.Fatal(err)
		}
		l.checkSum(p, state)
		l.checkLedger(p, state)
		checked++
	}
	if checked == 0 {
		l.t.Error("no syncpoint to look at")
	}
	l.t.Logf("%d syncpoints hold the sum and the ledger", checked)
}

func (l *Load) checkSum(p storage.Syncpoint, state replay.State) {
	l.t.Helper()
	sum := 0
	for i := range accountTables {
		table := state["bank.a"+strconv.Itoa(i)]
		if table == nil {
			l.t.Errorf("syncpoint %d at %s: no table bank.a%d", p.CommitTs, p.SourcePosition, i)
			return
		}
		balance := slices.IndexFunc(table.Columns, func(c replay.Column) bool { return c.Name == "balance" })
		for row := range table.Rows() {
			sum += l.number(row, balance)
		}
	}
	if want := accountTables * accounts * deposit; sum != want {
		l.t.Errorf("syncpoint %d at %s: the accounts hold %d, want %d", p.CommitTs, p.SourcePosition, sum, want)
	}
}

func (l *Load) checkLedger(p storage.Syncpoint, state replay.State) {
	l.t.Helper()
	at, got := gtidNumber(p.SourcePosition), map[int64]bool{}
	for row := range state["bank.ledger"].Rows() {
		got[int64(l.number(row, 0))] = true
	}
	for seq, gtid := range l.ledger {
		if got[seq] != (gtid <= at) {
			l.t.Errorf("syncpoint %d at %s: transfer %d of GTID number %d is there: %v", p.CommitTs, p.SourcePosition, seq, gtid, got[seq])
			return
		}
		delete(got, seq)
	}
	for seq := range got {
		if !l.doubtful[seq] {
			l.t.Errorf("syncpoint %d at %s: transfer %d was never committed", p.CommitTs, p.SourcePosition, seq)
		}
	}
}

// number reads one column of a row that replay printed; the bank's values hold no spaces.
func (l *Load) number(row string, column int) int {
	l.t.Helper()
	n, err := strconv.Atoi(strings.Trim(strings.Fields(row)[column], `"`))
	if err != nil {
		l.t.Fatalf("row %s: %v", row, err)
	}
	return n
}
