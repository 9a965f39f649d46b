package sinktest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// takenOver freezes a sink while the successor of its dispatcher writes through another one, and lets it go on then.
// Nobody has told it that it is late: its Permit always holds.
func (s *stage) takenOver() {
	if !s.Shared {
		return
	}
	t := s.table(1, "a")
	var chunks []*messages.Chunk
	for n := uint64(1); n <= 12; n++ {
		chunks = append(chunks, Insert(ts(n), 0, "x", n))
	}
	other := s.World.Beside(s.Open)
	p := s.World.Probe("older", Whole(t))
	p.Write(Batch(t, chunks[:5]...))
	p.Flush()
	p.Write(Batch(t, chunks[5:8]...))
	p.AwaitAccepted()
	frozen, _ := s.System.ProcessRegistry.Get(s.Sink)
	frozen.SendSystemMessage(s.Sink, &actor.SuspendMailbox{})
	p.Write(Batch(t, chunks[8:10]...))
	flush := p.StartFlush()

	q := other.Probe("newer", Whole(t))
	q.Write(Batch(t, chunks[3:11]...))
	q.Flush()
	frozen.SendSystemMessage(s.Sink, &actor.ResumeMailbox{})
	p.Await("Lost or Flushed", func() bool { return p.Lost > 0 || p.Flushed[flush] > 0 })
	q.Write(Batch(t, chunks[11]))
	q.Flush()
	q.AwaitDurable()
	s.wantRows(RowsOf(t, chunks...))

	// The span comes back to the first one, whose memory of it is old.
	r := s.World.Probe("newest", Whole(t))
	last := Insert(ts(13), 0, "x", 13)
	r.Write(Batch(t, append(chunks[2:12:12], last)...))
	r.Flush()
	s.wantRows(RowsOf(t, append(chunks, last)...))
}

// handsOver splits, merges and moves the spans of a table between two sinks at random, now and then restarts one of
// them, and lets some of the dispatchers that were replaced write on.
func (s *stage) handsOver() {
	if !s.Shared {
		return
	}
	seed := uint64(time.Now().UnixNano())
	s.Logf("seed %d", seed)
	table := s.table(1, "a")
	h := &handover{stage: s, table: table, random: rand.New(rand.NewPCG(seed, 1)), worlds: []*World{s.World, s.World.Beside(s.Open)}}
	for n := range uint64(300) {
		id := h.random.Uint64N(256)
		ids := []uint64{id, (id + 1 + h.random.Uint64N(255)) % 256}
		h.history = append(h.history, Insert(ts(n/2+1), uint32(n%2), fmt.Sprint("of ", n), ids...))
	}
	h.add(0, Whole(table), 0)
	s.Cleanup(func() {
		for i, w := range h.worlds {
			if w.Owner.Hear(); s.Failed() {
				s.Logf("the sink of world %d told %v", i, w.Owner.States)
			}
		}
	})
	for range 60 {
		h.step()
	}
	for _, p := range h.pieces {
		h.write(p, len(h.history))
		p.Flush()
		if p.Lost > 0 {
			s.Errorf("dispatcher %s of span %v was fenced, and nobody came after it", p.name, p.span)
		}
	}
	s.wantSet(RowsOf(table, h.history...))
}

// A handover is the state of handsOver.
type handover struct {
	*stage
	table   *schema.Table
	random  *rand.Rand
	worlds  []*World
	history []*messages.Chunk
	pieces  []*piece // the live spans: together the whole table
	zombies []*piece // replaced, and not told so
}

// A piece is a dispatcher that has written the history up to some place.
type piece struct {
	*Probe
	world int
	at    []int // at[i] is the place after write i+1
	next  int
	from  int
}

func (h *handover) add(world int, span *messages.Span, from int) {
	p := &piece{Probe: h.worlds[world].Probe(fmt.Sprintf("from %d in %d", from, world), span), world: world, next: from, from: from}
	h.pieces = append(h.pieces, p)
}

// durable is the place up to which a piece's rows are down, as far as it has heard.
func (p *piece) durable() int {
	p.Hear()
	if p.Durable == 0 {
		return p.from
	}
	return p.at[p.Durable-1]
}

func (h *handover) write(p *piece, to int) {
	span := sinks.SpanKeyOf(p.span)
	var part []*messages.Chunk
	for _, c := range h.history[p.next:min(to, len(h.history))] {
		mine := &messages.Chunk{CommitTs: c.CommitTs, Ordinal: c.Ordinal, Op: c.Op}
		for body := c.Body; len(body) > 0; {
			n, hash, err := plan{}.Skip(body)
			if err != nil {
				panic(err) // the suite made it
			}
			if span.Contains(hash) {
				mine.Body = append(mine.Body, body[:n]...)
			}
			body = body[n:]
		}
		if len(mine.Body) > 0 {
			part = append(part, mine)
		}
	}
	p.next = min(to, len(h.history))
	p.at = append(p.at, p.next)
	p.Write(Batch(h.table, part...))
}

func (h *handover) step() {
	i := h.random.IntN(len(h.pieces))
	p := h.pieces[i]
	switch h.random.IntN(8) {
	case 0:
		h.replace([]*piece{p}, p.span)
	case 1:
		h.split(p)
	case 2:
		h.merge(p)
	case 3:
		p.StartFlush()
	case 4:
		if h.random.IntN(4) == 0 {
			h.restart(h.random.IntN(2))
		}
	case 5:
		if len(h.zombies) > 0 {
			z := h.zombies[h.random.IntN(len(h.zombies))]
			h.write(z, z.next+1+h.random.IntN(10))
			z.StartFlush()
		}
	default:
		for _, p := range h.pieces {
			h.write(p, p.next+h.random.IntN(12))
		}
		p.AwaitAccepted()
	}
}

// replace makes successors of pieces, which start at or before the lowest place that is durable.
func (h *handover) replace(old []*piece, spans ...*messages.Span) {
	from := len(h.history)
	for _, p := range old {
		from = min(from, p.durable())
	}
	from -= h.random.IntN(min(from, 20) + 1)
	for _, p := range old {
		h.pieces = slices.DeleteFunc(h.pieces, func(other *piece) bool { return other == p })
		if h.random.IntN(2) == 0 {
			p.Send(&messages.Forget{Dispatcher: p.id, Span: p.span})
		} else {
			h.zombies = append(h.zombies, p)
		}
	}
	for _, span := range spans {
		h.add(h.random.IntN(2), span, from)
	}
}

func (h *handover) split(p *piece) {
	last := p.span.End - 1 // an end of 0 wraps around
	middle := p.span.Start + (last-p.span.Start)/2 + 1
	if last-p.span.Start < 1<<57 {
		return
	}
	h.replace([]*piece{p}, &messages.Span{TableId: 1, Start: p.span.Start, End: middle}, &messages.Span{TableId: 1, Start: middle, End: p.span.End})
}

// merge joins a piece with the one that begins where it ends.
func (h *handover) merge(p *piece) {
	for _, q := range h.pieces {
		if q != p && p.span.End != 0 && q.span.Start == p.span.End {
			h.replace([]*piece{p, q}, &messages.Span{TableId: 1, Start: p.span.Start, End: q.span.End})
			return
		}
	}
}

// restart ends a sink and starts another; its dispatchers end with it.
func (h *handover) restart(world int) {
	w := h.worlds[world]
	w.Stop()
	w.Start(h.Open)
	ended := func(p *piece) bool { return p.world == world }
	h.zombies = slices.DeleteFunc(h.zombies, ended)
	for _, p := range slices.Clone(h.pieces) {
		if ended(p) {
			h.replace([]*piece{p}, p.span)
		}
	}
	h.zombies = slices.DeleteFunc(h.zombies, func(p *piece) bool { return p.sink != h.worlds[p.world].Sink })
}
