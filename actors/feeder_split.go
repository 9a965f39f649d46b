package actors

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

// tableLanes are the lanes of one table's spans, by where they begin.
type tableLanes struct {
	lanes    []*lane
	splitter *feed.Splitter // nil: the spans have changed
}

// lanesOf gives the lanes of a table.
func (f *feeder) lanesOf(id int64) []*lane {
	if t := f.byTable[id]; t != nil {
		return t.lanes
	}
	return nil
}

// join adds a lane to its table, part takes it away.
func (f *feeder) join(l *lane) {
	id := l.span.GetTableId()
	t := f.byTable[id]
	if t == nil {
		t = &tableLanes{}
		f.byTable[id] = t
	}
	i, _ := slices.BinarySearchFunc(t.lanes, l, func(a, b *lane) int { return cmp.Compare(a.span.Start, b.span.Start) })
	t.lanes, t.splitter = slices.Insert(t.lanes, i, l), nil
}

func (f *feeder) part(l *lane) {
	id := l.span.GetTableId()
	t := f.byTable[id]
	t.lanes, t.splitter = slices.DeleteFunc(t.lanes, func(o *lane) bool { return o == l }), nil
	if len(t.lanes) == 0 {
		delete(f.byTable, id)
	}
}

// cut hands each lane of a table its part of a batch: all of it to a lane that has the whole table.
func (f *feeder) cut(ctx actor.Context, t *tableLanes, b *messages.RowBatch, each func(*lane, *messages.RowBatch)) {
	if l := t.lanes[0]; len(t.lanes) == 1 && l.span.Start == 0 && l.span.End == 0 {
		each(l, b)
		return
	}
	if err := f.split(t, b, each); err != nil {
		ctx.Send(ctx.Parent(), &feederFailed{epoch: f.Epoch, err: err})
	}
}

func (f *feeder) split(t *tableLanes, b *messages.RowBatch, each func(*lane, *messages.RowBatch)) error {
	if t.splitter == nil {
		spans := make([]barrier.Span, len(t.lanes))
		for i, l := range t.lanes {
			spans[i] = l.span.ToSpan()
		}
		var err error
		if t.splitter, err = feed.NewSplitter(f.Source.Format(), spans); err != nil {
			return err
		}
	}
	definition, ok := f.Catalog.Table(schema.TableID(b.TableId), b.TableVersion)
	if !ok {
		return fmt.Errorf("split rows of table %d: its version %d is not known", b.TableId, b.TableVersion)
	}
	if err := t.splitter.Cut(definition, b); err != nil {
		return err
	}
	for i, l := range t.lanes {
		if t.splitter.Has(i) {
			each(l, t.splitter.Part(i))
		}
	}
	if t.splitter.Strays() {
		f.missed[b.TableId] = b.Chunks[len(b.Chunks)-1].CommitTs
	}
	return nil
}

// covered tells that every key of a table has a lane.
func (f *feeder) covered(id int64) bool {
	next := uint64(0)
	for i, l := range f.lanesOf(id) {
		if l.span.Start != next || i > 0 && next == 0 {
			return false
		}
		next = l.span.End
	}
	return next == 0 && f.byTable[id] != nil
}

// partial tells that the lane has a part of its table only.
func (l *lane) partial() bool { return l.span.GetStart() != 0 || l.span.GetEnd() != 0 }

// forAll gives the event as one that blocks, or as it is.
func forAll(e *messages.Event, blocks bool) *messages.Event {
	if e.Blocks == blocks {
		return e
	}
	return &messages.Event{
		Key: e.Key, Info: e.Info, Blocks: blocks, Ddl: e.Ddl, SourcePosition: e.SourcePosition, WallMs: e.WallMs,
	}
}
