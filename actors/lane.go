package actors

import (
	"errors"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
)

// lanePhase says what a feeder may send a span.
type lanePhase uint8

const (
	attached lanePhase = iota // takes what the live walk meets
	blocked                   // has an event, gets nothing until Crossed
	behind                    // waits for a walk over the past
	catching                  // takes what a walk over the past meets
)

// A lane is a feeder's view of one span.
type lane struct {
	dispatcher string
	span       *messages.Span
	group      *outlet
	start      position // nothing at or before it is wanted
	phase      lanePhase
	key        *messages.Key // of the event that blocks it
	missed     bool          // the live walk had something for it since it was blocked
}

// position is a messages.Position by value.
type position struct {
	Ts    uint64
	Stage messages.Stage
}

// before tells that the event at key has yet to be passed.
func (p position) before(key *messages.Key) bool {
	return p.Ts < key.CommitTs || p.Ts == key.CommitTs && uint8(p.Stage) <= uint8(key.Kind)
}

// after is the position behind the event at key.
func after(key *messages.Key) position {
	return position{Ts: key.CommitTs, Stage: messages.Stage(key.Kind) + 1}
}

func keyEqual(a, b *messages.Key) bool { return a.CommitTs == b.CommitTs && a.Kind == b.Kind }

func keyLess(a, b *messages.Key) bool {
	return a.CommitTs < b.CommitTs || a.CommitTs == b.CommitTs && a.Kind < b.Kind
}

// above gives the part of a batch that commits above ts, nil if there is none.
func above(b *messages.RowBatch, ts uint64) *messages.RowBatch {
	if b.Chunks[0].CommitTs > ts {
		return b
	}
	n, _ := slices.BinarySearchFunc(b.Chunks, ts+1, func(c *messages.Chunk, ts uint64) int {
		if c.CommitTs < ts {
			return -1
		}
		return 1
	})
	if n == len(b.Chunks) {
		return nil
	}
	rest := &messages.RowBatch{TableId: b.TableId, TableVersion: b.TableVersion, Chunks: b.Chunks[n:]}
	for _, c := range rest.Chunks {
		rest.Bytes += feed.Weight(c)
	}
	return rest
}

// A walk is one pass of a reader over the log.
type walk struct {
	cursor  int
	reader  *actor.PID
	reading bool
	at      relay.Offset     // all below has been handed on
	members map[string]*lane // of a walk over the past
}

// live is the walk that all attached lanes share.
type live struct {
	walk
	next     relay.Offset  // end of the segment being handed on
	rest     []feed.Item   // of that segment, still to be handed on
	ends     uint64        // its last commit-ts
	paused   *messages.Key // an event that all lanes must cross before rest goes on
	hungry   bool          // rest begins with rows for which there is no lane, nor any other
	resolved uint64
}

// between tells that the live walk stands between two segments, so that a lane may join it.
func (l *live) between() bool { return l.paused == nil && !l.hungry }

// furthest is a commit-ts above which nothing has been handed on.
func (l *live) furthest() uint64 {
	if l == nil {
		return 0
	}
	return max(l.resolved, l.ends)
}

// reach is how far a walk over the past may go.
func (l *live) reach() relay.Offset {
	if l.between() {
		return l.at
	}
	return l.next
}

// fallBehind takes a lane off the live walk; a walk over the past (catchUp) will bring it back.
func (f *feeder) fallBehind(ctx actor.Context, l *lane) {
	l.phase, l.key = behind, nil
	ctx.Send(l.group.pid, &messages.SpanResolved{Epoch: f.Epoch, Dispatcher: l.dispatcher, Ts: l.start.floor()})
}

// floor is the highest commit-ts of which nothing is missing at the position.
func (p position) floor() uint64 {
	if p.Stage == messages.Stage_AFTER_SYNCPOINT || p.Ts == 0 {
		return p.Ts
	}
	return p.Ts - 1
}

// mostWalks bounds the walks over the past at one time; a lane that finds no place waits for the next.
const mostWalks = 4

// catchUp starts a walk over the past for the lanes that are behind and in none.
func (f *feeder) catchUp(ctx actor.Context) {
	if len(f.walks) >= mostWalks {
		return
	}
	members := map[string]*lane{}
	var ids []schema.TableID
	skip := ^uint64(0)
	for _, l := range f.lanes {
		if l.phase == behind {
			members[l.dispatcher] = l
			ids = append(ids, schema.TableID(l.span.TableId))
			skip = min(skip, l.start.floor()) // an event at its very start may still be wanted
		}
	}
	if len(members) == 0 {
		return
	}
	offset, mark, err := f.Log.Seek(skip)
	if errors.Is(err, relay.ErrTrimmed) {
		// A log that was reset, or trimmed, to the checkpoint begins there. A lane that starts there has nothing left at its ts.
		offset, mark, err = f.Log.Seek(skip + 1)
	}
	if err != nil {
		ctx.Send(ctx.Parent(), &feederFailed{epoch: f.Epoch, err: err})
		return
	}
	past := feed.NewPast(f.Catalog, ids, f.applied)
	w := &walk{cursor: f.number, at: offset, members: members}
	f.number++
	r := &reader{
		cursor: w.cursor, input: f.Log.Reader(offset), walker: f.Source.Walker(mark), past: past, offset: offset,
		cutter: feed.NewCutter(past, mark, skip, f.SyncpointMs),
	}
	w.reader = ctx.Spawn(r.props())
	for _, l := range members {
		l.phase = catching
	}
	f.walks = append(f.walks, w)
	f.met(ctx)
}

func (f *feeder) walkOf(cursor int) *walk {
	for _, w := range f.walks {
		if w.cursor == cursor {
			return w
		}
	}
	return nil
}

// routePast hands on what a walk over the past has read to its members.
func (f *feeder) routePast(ctx actor.Context, w *walk, msg *readDone) {
	for _, item := range msg.segment.Items {
		if item.Batch != nil {
			if t := f.byTable[item.Batch.TableId]; t != nil {
				f.cut(ctx, t, item.Batch, func(l *lane, part *messages.RowBatch) {
					if w.members[l.dispatcher] == l {
						f.deliver(ctx, l, part)
					}
				})
			}
			continue
		}
		f.eventInPast(ctx, w, item.Event)
	}
	if !msg.eof {
		w.at = msg.next
	}
	for _, l := range w.members {
		if ts := msg.segment.Resolved; ts > l.start.Ts {
			ctx.Send(l.group.pid, &messages.SpanResolved{Epoch: f.Epoch, Dispatcher: l.dispatcher, Ts: ts})
		}
	}
	f.met(ctx)
}

// eventInPast blocks those members of a walk whom the event concerns; they leave the walk.
func (f *feeder) eventInPast(ctx actor.Context, w *walk, e *messages.Event) {
	all := schema.Influence(e.Info.Influence) == schema.All
	var to []*lane
	for id, l := range w.members {
		if l.start.before(e.Key) && (all || slices.Contains(e.Info.Tables, l.span.TableId)) {
			to = append(to, l)
			delete(w.members, id)
		}
	}
	f.block(ctx, e, to)
	for _, l := range to {
		l.missed = f.live.paused == nil || !keyEqual(e.Key, f.live.paused)
	}
}

// met attaches the members of walks that have reached the live walk, and ends walks without members.
func (f *feeder) met(ctx actor.Context) {
	for _, w := range f.walks {
		if f.live.between() && w.at >= f.live.at && !w.reading {
			for id, l := range w.members {
				f.attach(ctx, l)
				delete(w.members, id)
			}
		}
	}
	f.endIdleWalks(ctx)
}

func (f *feeder) endIdleWalks(ctx actor.Context) {
	n := len(f.walks)
	f.walks = slices.DeleteFunc(f.walks, func(w *walk) bool {
		if len(w.members) > 0 {
			return false
		}
		ctx.Stop(w.reader)
		return true
	})
	if len(f.walks) < n {
		f.catchUp(ctx)
	}
}

// A triggerLane is the lane of the table trigger. It takes events only, and few: those above the checkpoint are kept
// here, so it needs no walk over the past.
type triggerLane struct {
	*lane
	events []*messages.Event // above the checkpoint, by key
}

// crossed tells that the trigger is past the event at key.
func (t *triggerLane) crossed(key *messages.Key) bool { return t.lane != nil && !t.start.before(key) }

// forget drops what nobody can ask for any more.
func (t *triggerLane) forget(ts uint64) {
	t.events = slices.DeleteFunc(t.events, func(e *messages.Event) bool { return e.Key.CommitTs <= ts && t.crossed(e.Key) })
}

func (f *feeder) onRouteTrigger(ctx actor.Context, l *lane) {
	f.trigger.lane = l
	f.pumpTrigger(ctx)
}

func (f *feeder) toTrigger(ctx actor.Context, e *messages.Event) {
	f.trigger.events = append(f.trigger.events, e)
	if f.trigger.lane != nil && f.trigger.phase == attached {
		f.pumpTrigger(ctx)
	}
}

// pumpTrigger hands the trigger its next event, or attaches it if there is none.
func (f *feeder) pumpTrigger(ctx actor.Context) {
	t := f.trigger
	for _, e := range t.events {
		if t.start.before(e.Key) {
			f.block(ctx, e, []*lane{t.lane})
			return
		}
	}
	f.attach(ctx, t.lane)
}

func (f *feeder) onTriggerCrossed(ctx actor.Context, key *messages.Key) {
	t := f.trigger
	if t.phase != blocked || keyLess(key, t.key) {
		return
	}
	t.start = after(t.key)
	f.pumpTrigger(ctx)
}
