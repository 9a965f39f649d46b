package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weir-cdc/weir/relay"
)

func testStore(t *testing.T) *Store {
	t.Helper()
	return NewStore(embedded(t, t.TempDir()).Client())
}

func testChangefeed(t *testing.T, name string) Changefeed {
	t.Helper()
	cf, err := NewChangefeed(name, "u-1", "mysql://repl:s3cret@db:3306/?server-id=7", "file:///out?protocol=csv",
		json.RawMessage(`{"tables":["shop.*"]}`), time.Unix(1700000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return cf
}

func activate(t *testing.T, s *Store, name string) *Activation {
	t.Helper()
	epoch, err := s.NextEpoch(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.Activation(name, epoch)
}

func checkpointAt(ts uint64) Checkpoint {
	return Checkpoint{CommitTs: ts, Mark: relay.Mark{Ts: ts - 1, Position: fmt.Sprintf("0-1-%d", ts)}, Wall: time.Unix(int64(ts), 0).UTC()}
}

func TestChangefeedLife(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	if _, err := s.Changefeed(ctx, "a"); !errors.Is(err, ErrNoChangefeed) {
		t.Fatalf("got %v, want ErrNoChangefeed", err)
	}
	want := testChangefeed(t, "a")
	if err := s.Create(ctx, want); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, want); !errors.Is(err, ErrExists) {
		t.Fatalf("got %v, want ErrExists", err)
	}
	got, err := s.Changefeed(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if err := s.SetState(ctx, "a", Warning, "disk full"); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, testChangefeed(t, "b")); err != nil {
		t.Fatal(err)
	}
	all, err := s.Changefeeds(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "a" || all[0].State != Warning || all[0].Reason != "disk full" || all[1].Name != "b" {
		t.Errorf("got %+v", all)
	}
	if err := s.Create(ctx, Changefeed{Name: "no/slash"}); err == nil {
		t.Error("took a name with a slash")
	}
}

func TestUpdatesDoNotLoseEachOther(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	if err := s.Create(ctx, testChangefeed(t, "a")); err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			err := s.Update(ctx, "a", func(cf *Changefeed) error {
				cf.Reason += "x"
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	cf, err := s.Changefeed(ctx, "a")
	if err != nil || cf.Reason != "xxxxxxxx" {
		t.Errorf("got %q, %v", cf.Reason, err)
	}
}

func TestEpochsGrowStrictly(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	var mu sync.Mutex
	var epochs []uint64
	var done sync.WaitGroup
	for range 10 {
		done.Go(func() {
			epoch, err := s.NextEpoch(ctx, "a")
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			epochs = append(epochs, epoch)
		})
	}
	done.Wait()
	slices.Sort(epochs)
	if !slices.Equal(epochs, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}) {
		t.Errorf("got %v", epochs)
	}
}

func TestCheckpointIsMonotoneAndFenced(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	if _, err := s.Checkpoint(ctx, "a"); !errors.Is(err, ErrNoCheckpoint) {
		t.Fatalf("got %v, want ErrNoCheckpoint", err)
	}
	old := activate(t, s, "a")
	for _, step := range []struct{ set, want uint64 }{{10, 10}, {20, 20}, {15, 20}, {20, 20}, {21, 21}} {
		if err := old.SetCheckpoint(ctx, checkpointAt(step.set)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Checkpoint(ctx, "a")
		if err != nil || got != checkpointAt(step.want) {
			t.Fatalf("after %d: got %+v, %v, want %d", step.set, got, err, step.want)
		}
	}
	now := activate(t, s, "a")
	for _, ts := range []uint64{5, 100} { // also one that would change nothing must learn of the fence
		if err := old.SetCheckpoint(ctx, checkpointAt(ts)); !errors.Is(err, ErrFenced) {
			t.Errorf("old epoch at %d: got %v, want ErrFenced", ts, err)
		}
	}
	if err := now.SetCheckpoint(ctx, checkpointAt(30)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Checkpoint(ctx, "a"); err != nil || got.CommitTs != 30 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestOldEpochWritesNothing(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	if err := s.Create(ctx, testChangefeed(t, "a")); err != nil {
		t.Fatal(err)
	}
	old := activate(t, s, "a")
	if err := old.Put(ctx, map[string][]byte{"k": []byte("old")}); err != nil {
		t.Fatal(err)
	}
	now := activate(t, s, "a")
	for step, err := range map[string]error{
		"put":    old.Put(ctx, map[string][]byte{"k": []byte("stale")}),
		"delete": old.Delete(ctx, "k"),
		"state":  old.SetState(ctx, Failed, "stale"),
	} {
		if !errors.Is(err, ErrFenced) {
			t.Errorf("%s: got %v, want ErrFenced", step, err)
		}
	}
	if got := listed(t, now, ""); len(got) != 1 || got[0] != "k=old" {
		t.Errorf("got %v", got)
	}
	if err := now.SetState(ctx, Stopped, ""); err != nil {
		t.Fatal(err)
	}
	if cf, err := s.Changefeed(ctx, "a"); err != nil || cf.State != Stopped {
		t.Errorf("got %+v, %v", cf, err)
	}
}

func TestRemoveFencesAndForgets(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	if err := s.Create(ctx, testChangefeed(t, "a")); err != nil {
		t.Fatal(err)
	}
	old, other := activate(t, s, "a"), activate(t, s, "ab")
	for _, a := range []*Activation{old, other} {
		if err := a.Put(ctx, map[string][]byte{"k": nil}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if err := old.SetCheckpoint(ctx, checkpointAt(5)); !errors.Is(err, ErrFenced) {
		t.Errorf("got %v, want ErrFenced", err)
	}
	if got := listed(t, old, ""); len(got) != 0 {
		t.Errorf("left %v", got)
	}
	if got := listed(t, other, ""); len(got) != 1 {
		t.Errorf("the neighbour has %v", got)
	}
	if again := activate(t, s, "a"); again.Epoch() <= old.Epoch()+1 {
		t.Errorf("epoch %d after %d", again.Epoch(), old.Epoch())
	}
}

func TestSchemaHistoryOverTheLimitsOfOneTransaction(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	a := activate(t, s, "a")
	entries := map[string][]byte{"big": make([]byte, maxTxnBytes+1000)}
	for i := range 700 {
		entries[fmt.Sprintf("t/%04d", i)] = []byte(strings.Repeat("x", 4000))
	}
	if err := a.Put(ctx, entries); err != nil {
		t.Fatal(err)
	}
	if got := len(listed(t, a, "t/")); got != 700 {
		t.Errorf("got %d entries, want 700", got)
	}
	got := listed(t, a, "t/001")
	if len(got) != 10 || !strings.HasPrefix(got[0], "t/0010=") || !slices.IsSorted(got) {
		t.Errorf("got %d entries of t/001", len(got))
	}
	var keys []string
	for k := range entries {
		keys = append(keys, k)
	}
	if err := a.Delete(ctx, append(keys, "missing")...); err != nil {
		t.Fatal(err)
	}
	if got := listed(t, a, ""); len(got) != 0 {
		t.Errorf("left %d", len(got))
	}
	err := a.Put(ctx, map[string][]byte{"huge": make([]byte, maxValue+1)})
	if err == nil || !strings.Contains(err.Error(), "huge") {
		t.Errorf("too large: got %v", err)
	}
}

func listed(t *testing.T, a *Activation, prefix string) []string {
	t.Helper()
	var all []string
	err := a.List(context.Background(), prefix, func(key string, value []byte) error {
		all = append(all, key+"="+string(value))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
