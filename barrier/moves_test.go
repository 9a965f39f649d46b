package barrier

import (
	"fmt"
	"slices"
)

// sinkRecord is the rule of the sink: a write is conditional on the durable record of its key.
const sinkRecord rule = 1 << 31

type moveKind uint8

const (
	deliverMove moveKind = iota
	feedMove
	flushMove
	executeMove
	beatMove
	detectMove
	answerMove
	stopMove
	reapMove
	partyTick
	barrierTick
	storeMove
	// The rest are faults.
	loseMove
	repeatMove
	crashMove
	crashMaintainerMove
	topologyMove
	forgeMove
)

// A move is one thing that can happen next in a world.
type move struct {
	kind moveKind
	i    int
}

func (m move) fault() bool { return m.kind >= loseMove }

// moves lists what can happen next, in a fixed order. Ticks happen freely once nothing else can: that somebody repeats a
// message earlier is the fault of repetition.
func (w *world) moves(list []move) []move {
	list = w.localMoves(list)
	if len(list) == 0 || w.eager() {
		list = w.beats(list, true)
	}
	if len(list) == 0 {
		for i, n := range w.nodes {
			if n.party.Pending() {
				list = append(list, move{partyTick, i})
			}
		}
		if w.maintainer != nil && w.maintainer.Pending() {
			list = append(list, move{barrierTick, 0})
		}
	}
	return w.faultMoves(list)
}

// eager tells that heartbeats matter for what may still go wrong.
func (w *world) eager() bool { return !w.sc.coarse && (w.left.crash > 0 || w.left.maintainer > 0) }

func (w *world) localMoves(list []move) []move {
	for i, p := range w.net {
		if p.kind != 'S' || w.maintainer != nil {
			list = append(list, move{deliverMove, i})
		}
	}
	asked := false
	for i, n := range w.nodes {
		switch {
		case n.exec > 0:
			list = append(list, move{executeMove, i})
		case n.party.Slot().State == SlotFlushing:
			list = append(list, move{flushMove, i})
		case !n.party.Blocked() && n.accepted != 0 && w.next(n) == len(w.sc.items):
			list = append(list, move{flushMove, i})
		case !n.party.Blocked() && w.next(n) < len(w.sc.items):
			list = append(list, move{feedMove, i})
		}
		if w.boot != nil && !asked && n.party.Epoch() < w.epoch {
			list = append(list, move{answerMove, i})
			asked = true
		}
		if n.stopping && n.party.MayStop() {
			list = append(list, move{stopMove, i})
		}
		if w.maintainer != nil && w.maintainer.spans.byID[n.party.ID()] == nil {
			list = append(list, move{reapMove, i})
		}
	}
	if w.maintainer != nil {
		for i := range w.dead {
			list = append(list, move{detectMove, i})
		}
	}
	return w.beats(list, false)
}

// beats lists the heartbeats that tell the maintainer something: all, or only the first of a dispatcher.
func (w *world) beats(list []move, all bool) []move {
	if w.maintainer == nil {
		return list
	}
	for i, n := range w.nodes {
		m := w.maintainer.spans.byID[n.party.ID()]
		if m == nil {
			continue
		}
		news := w.checkpoint(n) > m.checkpointTs || n.party.LastPassed().Compare(m.position) > 0
		if !m.replicating != all && (!all || news) {
			list = append(list, move{beatMove, i})
		}
	}
	if all && w.left.maintainer > 0 && w.changefeedCheckpoint() > w.stored {
		list = append(list, move{storeMove, 0})
	}
	return list
}

func (w *world) faultMoves(list []move) []move {
	if w.left.lose > 0 {
		for i := range w.net {
			list = append(list, move{loseMove, i})
		}
	}
	if w.left.repeat > 0 {
		for i, p := range w.net {
			if p.kind != 'S' || w.maintainer != nil {
				list = append(list, move{repeatMove, i})
			}
		}
	}
	if w.left.crash > 0 {
		for i := range w.nodes {
			list = append(list, move{crashMove, i})
		}
	}
	if w.maintainer == nil {
		return list
	}
	if w.left.maintainer > 0 {
		list = append(list, move{crashMaintainerMove, 0})
	}
	if w.left.topology > 0 {
		for i := range w.nodes {
			if w.movable(i) {
				list = append(list, move{topologyMove, i})
			}
		}
	}
	if w.left.forge > 0 {
		for i, n := range w.nodes {
			for _, c := range w.maintainer.crossings {
				if c.phase == writing && c.writer != n.party.ID() {
					list = append(list, move{forgeMove, i})
				}
			}
		}
	}
	return list
}

// movable tells that the maintainer may begin the scenario's change of topology with this dispatcher.
func (w *world) movable(i int) bool {
	n := w.nodes[i]
	may := func(n *node) bool { return !n.stopping && w.maintainer.MayMove(n.party.ID()) }
	switch w.left.op {
	case moveOp:
		return may(n)
	case splitOp:
		return n.span == Whole(1) && may(n)
	case mergeOp:
		return n.span.End == half && i+1 < len(w.nodes) && w.nodes[i+1].span == (Span{n.span.Table, half, 0}) &&
			may(n) && may(w.nodes[i+1])
	}
	return false
}

// do makes a move. A panic of the core is a violation.
func (w *world) do(mv move) {
	defer func() {
		if r := recover(); r != nil {
			w.fail("panic: %v", r)
		}
	}()
	switch mv.kind {
	case deliverMove, repeatMove, loseMove:
		w.packetMove(mv)
	case feedMove:
		w.feed(w.nodes[mv.i])
	case flushMove:
		w.flush(w.nodes[mv.i])
	case executeMove:
		w.execute(w.nodes[mv.i])
	case beatMove:
		n := w.nodes[mv.i]
		n.party.Advance(w.checkpoint(n))
		w.maintainer.Replicating(n.party.ID())
		w.fromMaintainer(w.maintainer.Advance(n.party.ID(), w.checkpoint(n), n.party.LastPassed()))
	case storeMove:
		w.stored = w.changefeedCheckpoint()
		w.checkStored()
	case partyTick:
		w.partyTick(w.nodes[mv.i])
	case barrierTick:
		for _, c := range w.maintainer.crossings {
			c.resend.hurry()
		}
		w.fromMaintainer(w.maintainer.Tick())
	case forgeMove:
		w.left.forge--
		for _, c := range w.maintainer.crossings {
			if c.phase == writing {
				w.send(packet{kind: 'S', peer: w.nodes[mv.i].party.ID(), epoch: w.epoch, version: CurrentVersion,
					stage: StageDone, key: c.event.Key, action: Write})
			}
		}
	default:
		w.lifeMove(mv)
	}
	w.settle()
	w.check()
}

func (w *world) partyTick(n *node) {
	n.party.resend.hurry()
	if n.party.trigger != nil {
		for _, r := range n.party.trigger.reports {
			r.resend.hurry()
		}
	}
	w.fromParty(n, n.party.Tick())
}

func (w *world) packetMove(mv move) {
	p := w.net[mv.i]
	switch mv.kind {
	case repeatMove:
		w.left.repeat--
	case loseMove:
		w.left.lose--
		fallthrough
	default:
		w.net = slices.Delete(w.net, mv.i, mv.i+1)
	}
	if mv.kind != loseMove {
		w.deliver(p)
	}
}

// lifeMove begins and ends dispatchers and maintainers.
func (w *world) lifeMove(mv move) {
	switch mv.kind {
	case crashMove:
		w.left.crash--
		n := w.nodes[mv.i]
		w.kill(n)
		if w.boot != nil {
			w.boot.Lost(string(n.party.ID()))
			w.tryFinish()
			return
		}
		if w.maintainer.spans.byID[n.party.ID()] != nil {
			w.bury(corpse{id: n.party.ID()})
		}
	case stopMove:
		n := w.nodes[mv.i]
		w.kill(n)
		w.bury(corpse{n.party.ID(), w.report(n)})
	case reapMove:
		w.kill(w.nodes[mv.i])
	case detectMove:
		c := w.dead[mv.i]
		w.dead = slices.Delete(w.dead, mv.i, mv.i+1)
		w.fromMaintainer(w.maintainer.Removed(c.id, c.final))
	case crashMaintainerMove:
		w.crashMaintainer()
	case answerMove:
		n := w.nodes[mv.i]
		if !n.party.Activate(w.epoch) {
			w.fail("I20: %s refuses epoch %d", n.span, w.epoch)
		}
		w.boot.Answered(string(n.party.ID()), []Report{w.report(n)})
		w.tryFinish()
	case topologyMove:
		w.topology(mv.i)
	}
}

func (w *world) tryFinish() {
	if w.boot.Ready() {
		w.finishBoot()
	}
}

func (w *world) crashMaintainer() {
	w.left.maintainer--
	w.left.topology = 0
	w.epoch++
	w.maintainer, w.dead, w.sources = nil, nil, nil
	var names []string
	for _, n := range w.nodes {
		n.stopping = false
		names = append(names, string(n.party.ID()))
	}
	w.boot = NewBootstrap(w.epoch, w.stored, names)
	w.boot.broken = w.broken
	if len(names) == 0 {
		w.tryFinish()
	}
}

func (w *world) topology(i int) {
	w.left.topology--
	w.nodes[i].stopping = true
	switch w.left.op {
	case splitOp:
		w.sources = []Span{w.nodes[i].span}
	case mergeOp:
		w.nodes[i+1].stopping = true
		w.sources = []Span{w.nodes[i].span, w.nodes[i+1].span}
	}
}

// check checks what must hold in every state.
func (w *world) check() {
	if w.violation == "" && w.done() {
		w.checkDone()
	}
	if w.maintainer == nil {
		return
	}
	if ts := w.changefeedCheckpoint(); ts < w.stored {
		w.fail("I13: the checkpoint falls from %d to %d", w.stored, ts)
	}
	for _, c := range w.maintainer.crossings {
		if c.waiting < 0 || c.past < 0 || c.parties < 0 || c.waiting+c.past > c.parties {
			w.fail("I14: %s counts %d waiting, %d past of %d", c.event.Key, c.waiting, c.past, c.parties)
		}
	}
}

// say tells a move in words.
func (w *world) say(m move) string {
	name := [...]string{"deliver", "feed", "flush", "execute", "heartbeat of", "detect the end of", "bootstrap answer of",
		"stop", "remove", "tick of", "tick of the maintainer", "store the checkpoint", "lose", "repeat", "crash",
		"crash the maintainer", "begin to move, split or merge", "forge a DONE(WRITE) of"}[m.kind]
	switch m.kind {
	case deliverMove, loseMove, repeatMove:
		return fmt.Sprintf("%s: %s", name, w.net[m.i])
	case detectMove:
		return fmt.Sprintf("%s %s", name, w.dead[m.i].id)
	case barrierTick, storeMove, crashMaintainerMove:
		return name
	}
	n := w.nodes[m.i]
	return fmt.Sprintf("%s %s (%s, %s)", name, n.party.ID(), n.span, n.party.Slot())
}
