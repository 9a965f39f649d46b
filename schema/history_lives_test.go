package schema_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/schema"
)

// A told statement stands at a commit-ts, which several may share.
type toldStatement struct {
	ts    uint64
	query string
}

// historyStart is the commit-ts of the state that a history in these tests begins with.
const historyStart = 100

// severalLives are lives of one changefeed: they share the stream, and the store.
type severalLives struct {
	stream []toldStatement
	states map[uint64]string // in peace, by commit-ts
	kv     *store
	full   int // steps between full states
}

// newSeveralLives has the stream told once, in peace, to a store of its own.
func newSeveralLives(t *testing.T, stream []toldStatement, full int) *severalLives {
	p := &severalLives{stream: stream, states: map[uint64]string{}, kv: newStore(), full: full}
	f := newFeed(t, "*.*")
	if err := schema.NewHistory(p.kv, "h").Start(t.Context(), f.tracker, historyStart); err != nil {
		t.Fatal(err)
	}
	p.states[historyStart] = encoded(t, f.tracker)
	for _, s := range stream {
		p.tell(f.tracker, s)
		p.states[s.ts] = encoded(t, f.tracker)
	}
	return p
}

// tell moves the definitions on by a statement. Some statements make no sense at some places: then they change nothing.
func (p *severalLives) tell(k *schema.Tracker, s toldStatement) {
	_, _ = k.Apply(schema.Statement{CommitTs: s.ts, Default: "shop", Query: s.query})
}

// history is that of a new life.
func (p *severalLives) history() *schema.History {
	h := schema.NewHistory(p.kv, "h")
	h.FullEvery(p.full)
	return h
}

// restore reads the definitions at ts, which must be those of the calm run.
func (p *severalLives) restore(t *testing.T, fail func(string, ...any), h *schema.History, ts uint64) *schema.Tracker {
	k, err := h.Restore(context.Background(), ts, filter.All())
	if err != nil {
		fail("restore at %d: %v", ts, err)
		return nil
	}
	if got, want := encoded(t, k), p.states[ts]; got != want {
		fail("at %d:\ngot  %s\nwant %s", ts, got, want)
	}
	return k
}

// replay tells what lies above ts, up to the end, and stores it.
func (p *severalLives) replay(fail func(string, ...any), h *schema.History, k *schema.Tracker, ts, end uint64) {
	for _, s := range p.stream {
		if s.ts <= ts || s.ts > end {
			continue
		}
		p.tell(k, s)
		if err := h.Append(context.Background(), k, s.ts); err != nil {
			fail("append at %d: %v", s.ts, err)
		}
	}
}

// A life that has restored the definitions at its checkpoint, and breaks down before it has told anything again, takes
// nothing from the next one, whose dispatchers are ahead of the checkpoint.
func TestHistoryKeepsWhatLiesAboveTheCheckpoint(t *testing.T) {
	p := newSeveralLives(t, []toldStatement{{110, "create table a (id int)"}, {120, "create table b (id int)"}, {130, "drop table a"}}, 1000)
	first := p.history()
	p.replay(t.Fatalf, first, p.restore(t, t.Fatalf, first, historyStart), historyStart, 130)
	for range 3 {
		h := p.history()
		p.restore(t, t.Fatalf, h, 120)
		p.restore(t, t.Fatalf, h, historyStart)
	}
}

// Whatever lives a changefeed had, each restores the definitions of a run in peace: at its checkpoint, from which it goes
// on, and at any position above it that one of them has told of.
func TestHistoryOfManyLives(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var stream []toldStatement
		marks := []uint64{historyStart}
		for ts := uint64(historyStart); len(stream) < 60; {
			query := rapid.SampledFrom(script).Draw(r, "statement")
			if len(stream) == 0 || rapid.IntRange(0, 3).Draw(r, "a new commit-ts") > 0 {
				ts += rapid.Uint64Range(1, 3).Draw(r, "gap")
				marks = append(marks, ts)
			}
			stream = append(stream, toldStatement{ts, query})
		}
		p := newSeveralLives(t, stream, rapid.IntRange(1, 9).Draw(r, "steps between full states"))
		between := func(from, to int, label string) int { return rapid.IntRange(from, to).Draw(r, label) }
		checkpoint, told := 0, 0 // as indexes of marks
		for range between(2, 12, "lives") {
			h := p.history()
			for range between(0, 2, "readings above the checkpoint") {
				p.restore(t, r.Fatalf, h, marks[between(checkpoint, told, "read at")])
			}
			k := p.restore(t, r.Fatalf, h, marks[checkpoint])
			end := between(checkpoint, len(marks)-1, "breaks down at")
			p.replay(r.Fatalf, h, k, marks[checkpoint], marks[end])
			told = max(told, end)
			checkpoint = between(checkpoint, end, "checkpoint")
			if rapid.Bool().Draw(r, "compact") {
				if err := h.Compact(context.Background(), marks[checkpoint]); err != nil {
					r.Fatal(err)
				}
			}
		}
		for _, ts := range marks[checkpoint : told+1] {
			p.restore(t, r.Fatalf, p.history(), ts)
		}
	})
}
