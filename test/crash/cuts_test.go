package crash

import (
	"slices"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/sinks/storage"
	"github.com/weir-cdc/weir/test/replay"
)

// checkCuts plays the bank up to every syncpoint: the sum of all accounts is what it was at the start, and the ledger
// holds exactly the transfers that the upstream had at the syncpoint's GTID.
func (f *fixture) checkCuts(o *replay.Output, l *load) {
	f.t.Helper()
	points, err := storage.Syncpoints(f.out)
	if err != nil {
		f.t.Fatal(err)
	}
	bank := slices.DeleteFunc(slices.Clone(o.Versions), func(v *replay.Version) bool { return v.Schema != "bank" })
	checked := 0
	for _, p := range points {
		at := gtidNumber(p.SourcePosition)
		if at < l.begin {
			continue // the accounts are still being opened
		}
		cut := replay.Output{CheckpointTs: p.CommitTs}
		for _, v := range bank {
			if v.TableVersion <= p.CommitTs {
				cut.Versions = append(cut.Versions, v)
			}
		}
		state, _, err := cut.Final()
		if err != nil {
			f.t.Fatal(err)
		}
		f.checkSum(p, state)
		f.checkLedger(p, state, l)
		checked++
	}
	if checked == 0 {
		f.t.Error("no syncpoint to look at")
	}
	f.t.Logf("%d syncpoints hold the sum and the ledger", checked)
}

func (f *fixture) checkSum(p storage.Syncpoint, state replay.State) {
	f.t.Helper()
	sum := 0
	for i := range accountTables {
		table := state["bank.a"+strconv.Itoa(i)]
		if table == nil {
			f.t.Errorf("syncpoint %d at %s: no table bank.a%d", p.CommitTs, p.SourcePosition, i)
			return
		}
		balance := slices.IndexFunc(table.Columns, func(c replay.Column) bool { return c.Name == "balance" })
		for row := range table.Rows() {
			sum += number(f, row, balance)
		}
	}
	if want := accountTables * accounts * deposit; sum != want {
		f.t.Errorf("syncpoint %d at %s: the accounts hold %d, want %d", p.CommitTs, p.SourcePosition, sum, want)
	}
}

func (f *fixture) checkLedger(p storage.Syncpoint, state replay.State, l *load) {
	f.t.Helper()
	at, got := gtidNumber(p.SourcePosition), map[int64]bool{}
	for row := range state["bank.ledger"].Rows() {
		got[int64(number(f, row, 0))] = true
	}
	for seq, gtid := range l.ledger {
		if got[seq] != (gtid <= at) {
			f.t.Errorf("syncpoint %d at %s: transfer %d of GTID number %d is there: %v", p.CommitTs, p.SourcePosition, seq, gtid, got[seq])
			return
		}
		delete(got, seq)
	}
	for seq := range got {
		if !l.doubtful[seq] {
			f.t.Errorf("syncpoint %d at %s: transfer %d was never committed", p.CommitTs, p.SourcePosition, seq)
		}
	}
}

// number reads one column of a row that replay printed; the bank's values hold no spaces.
func number(f *fixture, row string, column int) int {
	f.t.Helper()
	n, err := strconv.Atoi(strings.Trim(strings.Fields(row)[column], `"`))
	if err != nil {
		f.t.Fatalf("row %s: %v", row, err)
	}
	return n
}
