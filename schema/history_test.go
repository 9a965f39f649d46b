package schema_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/schema"
)

// store is a KV in memory; fail makes the writes after so many fail.
type store struct {
	values map[string][]byte
	left   int // writes until they fail; -1 never
	max    int // the largest value seen
}

var errFull = errors.New("store is full")

func newStore() *store { return &store{values: map[string][]byte{}, left: -1} }

func (s *store) Put(_ context.Context, values map[string][]byte) error {
	for k, v := range values {
		if s.left == 0 {
			return errFull
		}
		s.left--
		s.max = max(s.max, len(v))
		s.values[k] = v
	}
	return nil
}

func (s *store) List(_ context.Context, prefix string) (map[string][]byte, error) {
	found := maps.Clone(s.values)
	maps.DeleteFunc(found, func(k string, _ []byte) bool { return !strings.HasPrefix(k, prefix) })
	return found, nil
}

func (s *store) Delete(_ context.Context, keys []string) error {
	for _, k := range keys {
		delete(s.values, k)
	}
	return nil
}

func encoded(t *testing.T, k *schema.Tracker) string {
	t.Helper()
	b, err := json.Marshal(k.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// script is statements that change tables, schemas and names.
var script = []string{
	"create table a (id int primary key, v varchar(10))", "create table b like a", "create database other charset latin1", "create table other.c (x text)",
	"alter table a add w int first", "rename table b to other.b", "flush tables", "truncate table a", "alter database other charset utf8mb4", "drop table other.c",
	"create view v as select 1", "drop database other", "alter table a drop w", "create database third", "alter table a add w int", "create sequence s",
}

func TestHistory(t *testing.T) {
	ctx := t.Context()
	kv := newStore()
	kv.values["feed/history2/full/1"] = []byte("somebody else's")
	h := schema.NewHistory(kv, "feed/history")
	f := newFeed(t, "*.*")
	if err := h.Start(ctx, f.tracker, 100); err != nil {
		t.Fatal(err)
	}
	states := map[uint64]string{100: encoded(t, f.tracker)}
	for _, s := range script {
		f.apply(s)
		if err := h.Append(ctx, f.tracker, 100+f.ts); err != nil {
			t.Fatal(err)
		}
		states[100+f.ts] = encoded(t, f.tracker)
	}
	final := 100 + f.ts
	for ts := final; ts >= 100; ts-- {
		k, err := schema.NewHistory(kv, "feed/history/").Restore(ctx, ts, filter.All())
		if err != nil {
			t.Fatal(err)
		}
		if got := encoded(t, k); got != states[ts] {
			t.Fatalf("at %d:\ngot  %s\nwant %s", ts, got, states[ts])
		}
	}
	if _, err := schema.NewHistory(kv, "feed/history").Restore(ctx, 99, filter.All()); !errors.Is(err, schema.ErrNoHistory) {
		t.Errorf("below the start: got %v", err)
	}
	if kv.values["feed/history2/full/1"] == nil {
		t.Error("a key of another prefix was deleted")
	}
}

// A restart replays the statements above the checkpoint and comes to the same ids, versions and bytes.
func TestHistoryReplay(t *testing.T) {
	ctx := t.Context()
	for cut := range script {
		kv := newStore()
		h := schema.NewHistory(kv, "h")
		f := newFeed(t, "*.*")
		if err := h.Start(ctx, f.tracker, 100); err != nil {
			t.Fatal(err)
		}
		for _, s := range script {
			f.apply(s)
			if err := h.Append(ctx, f.tracker, 100+f.ts); err != nil {
				t.Fatal(err)
			}
		}
		want := encoded(t, f.tracker)
		h = schema.NewHistory(kv, "h")
		k, err := h.Restore(ctx, 100+uint64(cut), filter.All())
		if err != nil {
			t.Fatal(err)
		}
		again := &feed{t: t, tracker: k, ts: uint64(cut)}
		for _, s := range script[cut:] {
			again.apply(s)
			if err := h.Append(ctx, k, 100+again.ts); err != nil {
				t.Fatal(err)
			}
		}
		if got := encoded(t, k); got != want {
			t.Fatalf("from %d:\ngot  %s\nwant %s", cut, got, want)
		}
		if k, err = schema.NewHistory(kv, "h").Restore(ctx, 100+again.ts, filter.All()); err != nil || encoded(t, k) != want {
			t.Fatalf("from %d, stored: got %v", cut, err)
		}
	}
}

// A statement and an adoption at one commit-ts are two values, also where the second comes after a restart.
func TestHistorySameCommitTs(t *testing.T) {
	ctx := t.Context()
	kv := newStore()
	h := schema.NewHistory(kv, "h")
	f := newFeed(t, "*.*")
	if err := h.Start(ctx, f.tracker, 100); err != nil {
		t.Fatal(err)
	}
	for i, query := range []string{"create table a (id int)", "create table b (id int)", "create table c (id int)"} {
		if i == 2 {
			var err error
			h = schema.NewHistory(kv, "h")
			if f.tracker, err = h.Restore(ctx, 101, filter.All()); err != nil {
				t.Fatal(err)
			}
		}
		f.apply(query)
		if err := h.Append(ctx, f.tracker, 101); err != nil {
			t.Fatal(err)
		}
	}
	k, err := schema.NewHistory(kv, "h").Restore(ctx, 101, filter.All())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(k.Tables()); got != 3 {
		t.Errorf("got %d tables, want 3", got)
	}
}

// Many statements make a full state now and then; Compact drops what lies below the newest of those at the checkpoint.
func TestHistoryCompact(t *testing.T) {
	ctx := t.Context()
	kv := newStore()
	h := schema.NewHistory(kv, "h")
	f := newFeed(t, "*.*", "create table a (id int primary key)")
	if err := h.Start(ctx, f.tracker, 101); err != nil {
		t.Fatal(err)
	}
	const checkpoint = 100 + 1200
	states := map[uint64]string{}
	for range 1500 {
		f.apply("truncate table a")
		if err := h.Append(ctx, f.tracker, 100+f.ts); err != nil {
			t.Fatal(err)
		}
		if ts := 100 + f.ts; ts == checkpoint || ts == 1400 || ts == 101+1500 {
			states[ts] = encoded(t, f.tracker)
		}
	}
	before := len(kv.values)
	if err := h.Compact(ctx, checkpoint); err != nil {
		t.Fatal(err)
	}
	if got := len(kv.values); got > before-900 {
		t.Errorf("got %d of %d values left", got, before)
	}
	for _, ts := range []uint64{100 + f.ts, 1400, checkpoint} {
		k, err := schema.NewHistory(kv, "h").Restore(ctx, ts, filter.All())
		if err != nil {
			t.Fatal(err)
		}
		if got := encoded(t, k); got != states[ts] {
			t.Fatalf("at %d after Compact:\ngot  %s\nwant %s", ts, got, states[ts])
		}
	}
}

// A write that breaks off in the middle of a large value leaves the state before it, and may be repeated.
func TestHistoryTornWrite(t *testing.T) {
	ctx := t.Context()
	var columns []string
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range 1500 {
		comment := ""
		for range 60 {
			comment += fmt.Sprintf("%016x", noise.Uint64())
		}
		columns = append(columns, fmt.Sprintf("c%d int comment '%s'", i, comment))
	}
	query := "create table wide (" + strings.Join(columns, ",") + ")"
	for left := 0; ; left++ {
		kv := newStore()
		h := schema.NewHistory(kv, "h")
		f := newFeed(t, "*.*", "create table a (id int)")
		if err := h.Start(ctx, f.tracker, 101); err != nil {
			t.Fatal(err)
		}
		f.apply(query)
		kv.left = left
		err := h.Append(ctx, f.tracker, 100+f.ts)
		kv.left = -1
		want := 2
		if err != nil {
			want = 1
			if k, err := schema.NewHistory(kv, "h").Restore(ctx, 100+f.ts, filter.All()); err != nil || len(k.Tables()) != want {
				t.Fatalf("after %d writes: got %v", left, err)
			}
			if err := h.Append(ctx, f.tracker, 100+f.ts); err != nil {
				t.Fatal(err)
			}
			want = 2
		}
		k, restoring := schema.NewHistory(kv, "h").Restore(ctx, 100+f.ts, filter.All())
		if restoring != nil || len(k.Tables()) != want {
			t.Fatalf("after %d writes: got %v", left, restoring)
		}
		if kv.max >= 1<<20 {
			t.Fatalf("a value of %d bytes", kv.max)
		}
		if err == nil {
			if left < 2 {
				t.Fatalf("the value had %d pieces: too few to tear", left)
			}
			return
		}
	}
}
