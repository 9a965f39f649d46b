package storage_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/weir-cdc/weir/sinks/sinktest"
	"github.com/weir-cdc/weir/sinks/storage"
)

// TestCrash kills a process that writes, again and again, and lets the next one replay from a position at or before the
// last durable one. In the end the files hold every row once (I24 too: rows lie in the version they belong to).
func TestCrash(t *testing.T) {
	const kills = 50
	dir := t.TempDir()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	durable := uint64(0)
	for life := range kills {
		from := durable - random.Uint64N(min(durable, 400)+1)
		durable = max(durable, live(t, dir, from, 0, life%3 == 1, time.Duration(random.IntN(120))*time.Millisecond, life%4 == 3))
	}
	last := durable + 100
	if got := live(t, dir, durable-min(durable, 100), last, random.IntN(2) == 0, time.Minute, false); got != last {
		t.Fatalf("the last life ended at transaction %d, want %d", got, last)
	}
	t.Logf("%d transactions", last)
	check(t, dir, last)
}

// live runs a child until the time is over, counted from its first word or, if early, from its start; or until it ends. It
// returns the last position that the child told.
func live(t *testing.T, dir string, from, to uint64, split bool, span time.Duration, early bool) (durable uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victimDir+"="+dir, fmt.Sprintf("%s=%d", victimFrom, from), fmt.Sprintf("%s=%d", victimTo, to),
		fmt.Sprintf("%s=%t", victimSplit, split))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	kill := func() { _ = cmd.Process.Kill() }
	var timer *time.Timer
	if early {
		timer = time.AfterFunc(span, kill)
	}
	for lines.Scan() {
		if timer == nil {
			timer = time.AfterFunc(span, kill)
		}
		if durable, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
			t.Fatalf("the child said %q", lines.Text())
		}
	}
	if timer != nil {
		timer.Stop()
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.Exited() {
		t.Fatalf("the child ended by itself: %v", err)
	}
	return durable
}

// check compares the files with the load up to its last transaction.
func check(t *testing.T, dir string, last uint64) {
	t.Helper()
	var l load
	var wantA, wantB []sinktest.Row
	var wantDDL, wantSyncpoints []uint64
	for n := uint64(1); n <= last; n++ {
		wantA = append(wantA, sinktest.RowsOf(l.a(n), l.aRows(n)...)...)
		both, _, _ := l.bRows(n)
		wantB = append(wantB, sinktest.RowsOf(l.b(), both)...)
		if l.isDDL(n) {
			wantDDL = append(wantDDL, l.ts(n))
		}
		if l.isSyncpoint(n) {
			wantSyncpoints = append(wantSyncpoints, l.ts(n))
		}
	}
	compare(t, "table a", readRows(t, dir+"/shop/a"), wantA)
	gotB := readRows(t, dir+"/shop/b")
	slices.SortFunc(gotB, func(a, b sinktest.Row) int { return int(int64(a.ID - b.ID)) })
	compare(t, "table b", gotB, wantB)

	var ddl, syncpoints []uint64
	for _, f := range readSchemas(t, dir) {
		if f.Query != "" {
			ddl = append(ddl, f.TableVersion)
		}
	}
	slices.Sort(ddl)
	points, err := storage.Syncpoints(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		syncpoints = append(syncpoints, p.CommitTs)
	}
	if !slices.Equal(ddl, wantDDL) || !slices.Equal(syncpoints, wantSyncpoints) {
		t.Errorf("DDL at %d, want %d; syncpoints at %d, want %d", ddl, wantDDL, syncpoints, wantSyncpoints)
	}
}

func compare(t *testing.T, what string, got, want []sinktest.Row) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: row %d is %+v, want %+v", what, i, got[i], want[i])
			return
		}
	}
	if len(got) != len(want) {
		t.Errorf("%s has %d rows, want %d", what, len(got), len(want))
	}
}
