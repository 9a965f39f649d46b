package session

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the network does: what arrives is what was sent, once and in order, of one session at a time; and when the
// network works again both ends are in one session in which nothing is missing.
func TestAnyNetwork(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, rapid.Uint64().Draw(t, "seed"), swift(), swift())
		chance := rapid.SampledFrom([]float64{0, 0.05, 0.3, 0.6})
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"network", "cut", "stop", "end", "replay", "send", "send", "send", "pass", "pass", "leap"}).Draw(t, "do") {
			case "network":
				w.network = network{Loss: chance.Draw(t, "loss"), Repeat: chance.Draw(t, "repeat"), Scatter: chance.Draw(t, "scatter"),
					Delay: time.Duration(rapid.IntRange(0, 800).Draw(t, "ms")) * time.Millisecond}
			case "cut":
				i := rapid.IntRange(0, 1).Draw(t, "end")
				w.cut[i] = !w.cut[i]
			case "stop":
				e := w.ends[rapid.IntRange(0, 1).Draw(t, "end")]
				e.stopped = !e.stopped
			case "end":
				e := w.ends[rapid.IntRange(0, 1).Draw(t, "end")]
				e.session.End(w.now, rapid.SampledFrom([]Reason{Backlog, Gone, Failed}).Draw(t, "reason"))
				w.events(e)
			case "replay":
				w.replay(rapid.IntRange(1, 20).Draw(t, "n"))
			case "send":
				i := rapid.IntRange(0, 1).Draw(t, "end")
				for range rapid.IntRange(1, 20).Draw(t, "n") {
					w.send(i, rapid.SampledFrom([]int{16, 63, 64, 65, 300, 4096}).Draw(t, "size"))
				}
			case "pass":
				for range rapid.IntRange(1, 20).Draw(t, "ticks") {
					w.step(100 * time.Millisecond)
				}
			case "leap":
				w.step(time.Duration(rapid.IntRange(1, 40).Draw(t, "s")) * time.Second)
			}
		}
		w.settle()
		w.agree()
		// What one end ended, the other did not outlive: it is in the same session now, and told the end of those before.
		for _, e := range w.ends {
			for number := range e.sent {
				if number != e.up && !ended(e, number) {
					t.Fatalf("%s: session %d neither lives nor ended", e.name, number)
				}
			}
		}
	})
}

func ended(e *end, number uint64) bool {
	for _, d := range e.downs {
		if d.Number == number {
			return true
		}
	}
	return false
}

// While loss, repetition and reordering leave a packet through now and then, no session ends and nothing is missing.
func TestAPoorNetworkEndsNoSession(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, rapid.Uint64().Draw(t, "seed"), swift(), swift())
		w.network = network{Loss: 0.1, Repeat: 0.2, Scatter: 0.1, Delay: 20 * time.Millisecond}
		w.until("both are up", time.Minute, bothUp(w))
		sessions := [2]uint64{w.ends[0].up, w.ends[1].up}
		for range 100 {
			w.send(w.rand.IntN(2), 16+w.rand.IntN(1000))
			w.replay(2)
			w.step(100 * time.Millisecond)
		}
		w.settle()
		w.agree()
		if got := [2]uint64{w.ends[0].up, w.ends[1].up}; got != sessions {
			t.Fatalf("sessions %v became %v", sessions, got)
		}
	})
}

func TestAPartitionEndsTheSessionAtBothEnds(t *testing.T) {
	for name, cut := range map[string][2]bool{"both ways": {true, true}, "one way": {true, false}, "the other way": {false, true}} {
		t.Run(name, func(t *testing.T) {
			w := testWorld(t)
			first := [2]uint64{w.ends[0].up, w.ends[1].up}
			w.cut = cut
			w.send(0, 100)
			w.send(1, 100)
			w.until("both are down", 6500*time.Millisecond, func() bool { return len(w.ends[0].downs) > 0 && len(w.ends[1].downs) > 0 })
			w.cut = [2]bool{}
			w.connect()
			if w.ends[0].up <= first[0] || w.ends[1].up <= first[1] {
				t.Errorf("sessions %v became %d and %d", first, w.ends[0].up, w.ends[1].up)
			}
			w.settle()
			w.agree()
		})
	}
}

func TestAShortPartitionEndsNothing(t *testing.T) {
	w := testWorld(t)
	w.cut = [2]bool{true, true}
	w.send(0, 1000)
	for range 40 {
		w.step(100 * time.Millisecond)
	}
	w.settle()
	w.agree()
	if len(w.ends[0].downs)+len(w.ends[1].downs) > 0 {
		t.Errorf("%v, %v", w.ends[0], w.ends[1])
	}
}

// An end that was stopped for long finds the packets of before, and must not take its session for alive.
func TestAStoppedEnd(t *testing.T) {
	w := testWorld(t)
	w.ends[1].stopped = true
	w.send(0, 3000)
	w.until("the other is down", 6*time.Second, func() bool { return len(w.ends[0].downs) > 0 })
	if why := w.ends[0].downs[0].Reason; why != Silent {
		t.Errorf("got %v, want %v", why, Silent)
	}
	for range 240 {
		w.step(100 * time.Millisecond)
	}
	w.ends[1].stopped = false
	w.step(10 * time.Millisecond)
	if len(w.ends[1].downs) != 1 {
		t.Errorf("the stopped end goes on: %v", w.ends[1])
	}
	w.connect()
	w.settle()
	w.agree()
}

// The same process, another session: what the old one left in the network is not heard.
func TestPacketsOfAnOldSession(t *testing.T) {
	w := testWorld(t)
	w.send(0, 200)
	old := w.ends[0].session.Packets(w.now)
	w.ends[0].session.End(w.now, Backlog)
	w.events(w.ends[0])
	w.connect()
	w.send(0, 16)
	for _, p := range old {
		w.ends[1].session.Receive(w.now, p)
		w.events(w.ends[1]) // fails if the message arrives
	}
	w.settle()
	w.agree()
	if got := w.ends[1].downs; len(got) != 1 || got[0].Reason != Anew {
		t.Errorf("the other end: %v", got)
	}
}

// Each packet of a session that ended comes once more, while the ends greet and when they are in the next.
func TestEverythingOfThePastComesAgain(t *testing.T) {
	for ending := range 2 {
		w := testWorld(t)
		for range 5 {
			w.send(0, 100)
			w.send(1, 100)
			w.step(10 * time.Millisecond)
		}
		past := w.past
		again := func(p []flight) {
			for _, f := range p {
				w.ends[f.to].session.Receive(w.now, f.packet)
				w.events(w.ends[f.to])
			}
		}
		again(past) // fails if one disturbs the session
		if len(w.ends[0].downs)+len(w.ends[1].downs) > 0 {
			t.Fatalf("%v, %v", w.ends[0], w.ends[1])
		}
		e := w.ends[ending]
		e.session.End(w.now, Backlog)
		w.events(e)
		again(past)
		w.connect()
		again(past)
		w.settle()
		w.agree()
		for _, e := range w.ends {
			if len(e.downs) != 1 {
				t.Errorf("%v", e)
			}
		}
	}
}

// The peer was up, and ended, before this end ever was: what it said in between belongs to another session.
func TestPacketsOfASessionThatWasNeverUpHere(t *testing.T) {
	w := newWorld(t, 1, swift(), swift())
	a, b := w.ends[0].session, w.ends[1].session
	a.Packets(w.now)
	b.Packets(w.now)
	aims := Packet{Mine: 500, Hello: &Hello{Versions: a.cfg.Versions}}
	b.Receive(w.now, aims)
	aims.Mine = 501 // it was up as 500, with b's number, and gave it up
	aims.Yours = b.mine
	b.Receive(w.now, aims)
	w.events(w.ends[1])
	b.Receive(w.now, Packet{Version: 3, Mine: 500, Yours: b.mine, Parts: []Part{{Seq: 1, Body: make([]byte, 16)}}})
	if got := b.Events(); len(got) > 0 || w.ends[1].up == 0 {
		t.Errorf("%v, then %v", w.ends[1], got)
	}
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		a, b Range
		want uint32 // 0: refused
	}{
		{Range{1, 1}, Range{1, 1}, 1},
		{Range{1, 2}, Range{2, 3}, 2},
		{Range{1, 5}, Range{2, 3}, 3},
		{Range{1, 1}, Range{2, 3}, 0},
		{Range{4, 4}, Range{1, 3}, 0},
	} {
		a, b := swift(), swift()
		a.Versions, b.Versions = c.a, c.b
		w := newWorld(t, 1, a, b)
		w.settle()
		for _, e := range w.ends {
			if refused := e.refusals == 1; refused != (c.want == 0) || refused == (e.up != 0) || !refused && e.session.common != c.want {
				t.Errorf("%v and %v: %v, %d refusals, version %d", c.a, c.b, e, e.refusals, e.session.common)
			}
		}
	}
	text := Refused{Range{1, 1}, Range{2, 3}}.Error()
	if !strings.Contains(text, "version 1, the peer versions 2 to 3") {
		t.Error(text)
	}
}

// Whoever asks for a connection anew must do it for a reason, and again while it lasts.
func TestHung(t *testing.T) {
	w := testWorld(t)
	for range 100 {
		w.step(100 * time.Millisecond)
	}
	if w.ends[0].hung+w.ends[1].hung > 0 {
		t.Fatal("a connection hangs, though idle")
	}
	w.cut[0] = true
	w.send(0, 100)
	w.until("a asks for another connection", 5*time.Second, func() bool { return w.ends[0].hung > 0 })
	w.until("a asks again, and again", 40*time.Second, func() bool { return w.ends[0].hung > 3 })
}

// A line of 50 KiB/s: what is under way must not keep the sign of life from the other end.
func TestASlowLineNarrowsTheWindow(t *testing.T) {
	now := began
	c := DefaultConfig(Range{1, 1})
	o := newOutbox(&c)
	for range 400 {
		o.put(Message{Body: make([]byte, 16<<10)})
	}
	type sent struct {
		seq uint64
		at  time.Time
	}
	var line []sent
	free := now
	for o.base < 300 {
		for o.ready() {
			for _, p := range o.take(now) {
				if free.Before(now) {
					free = now
				}
				free = free.Add(time.Duration(p.size()) * time.Second / (1 << 20)) // 1 MiB/s
				line = append(line, sent{p.Seq, free})
			}
		}
		now = now.Add(10 * time.Millisecond)
		for len(line) > 0 && !line[0].at.After(now) {
			if _, ok := o.acked(now, line[0].seq); !ok {
				t.Fatal("an acknowledgement is refused")
			}
			line = line[1:]
		}
		o.expire(now)
	}
	if o.window > 1<<20 {
		t.Errorf("the window is %d bytes on a line of 1 MiB/s", o.window)
	}
	if o.resent > 0 {
		t.Errorf("%d parts were sent again, nothing was lost", o.resent)
	}
}

func TestTheWindowBoundsWhatIsUnderWay(t *testing.T) {
	w := testWorld(t)
	w.cut = [2]bool{true, true}
	for range 100 {
		w.send(0, 1000)
	}
	var bytes int
	for _, p := range w.ends[0].session.Packets(w.now) {
		for _, part := range p.Parts {
			bytes += part.size()
		}
	}
	if c := swift(); bytes == 0 || bytes > c.Window+2*c.Fragment {
		t.Errorf("%d bytes under way, the window is %d", bytes, c.Window)
	}
}

// Fragments are pieces of the one encoding, not copies.
func TestFragmentsShareTheBody(t *testing.T) {
	c := swift()
	o := newOutbox(&c)
	body := make([]byte, 1000)
	o.put(Message{Body: body})
	var at int
	for o.ready() {
		for _, p := range o.take(began) {
			if &p.Body[0] != &body[at] {
				t.Fatalf("part %d is a copy", p.Seq)
			}
			at += len(p.Body)
			o.acked(began, p.Seq)
		}
	}
	if at != len(body) {
		t.Errorf("%d bytes in parts, want %d", at, len(body))
	}
}

// A peer that breaks the protocol costs its session, no panic and no memory.
func TestViolations(t *testing.T) {
	head := Head{Target: "t"}
	for name, parts := range map[string][]Part{
		"a piece without its first":      {{Seq: 1, Size: 10, Offset: 5, Body: make([]byte, 5)}},
		"larger than allowed":            {{Seq: 1, Size: 1 << 30, Head: head, Body: make([]byte, 5)}},
		"a negative size":                {{Seq: 1, Size: -5, Head: head, Body: make([]byte, 5)}},
		"more than announced":            {{Seq: 1, Size: 4, Head: head, Body: make([]byte, 5)}},
		"a gap":                          {{Seq: 1, Size: 100, Head: head, Body: make([]byte, 5)}, {Seq: 2, Size: 100, Offset: 6, Body: make([]byte, 5)}},
		"another message between pieces": {{Seq: 1, Size: 100, Head: head, Body: make([]byte, 5)}, {Seq: 2, Head: head, Body: make([]byte, 5)}},
	} {
		t.Run(name, func(t *testing.T) {
			w := testWorld(t)
			b := w.ends[1].session
			b.Receive(w.now, Packet{Version: b.common, Mine: b.theirs, Yours: b.mine, Parts: parts})
			w.events(w.ends[1])
			if downs := w.ends[1].downs; len(downs) != 1 || downs[0].Reason != Violation {
				t.Errorf("got %v", downs)
			}
		})
	}
	t.Run("an acknowledgement of what was not sent", func(t *testing.T) {
		w := testWorld(t)
		b := w.ends[1].session
		b.Receive(w.now, Packet{Version: b.common, Mine: b.theirs, Yours: b.mine, Ack: 1})
		w.events(w.ends[1])
		if downs := w.ends[1].downs; len(downs) != 1 || downs[0].Reason != Violation {
			t.Errorf("got %v", downs)
		}
	})
	t.Run("parts from far ahead", func(t *testing.T) {
		c := swift()
		i := newInbox(&c)
		for n := range 10_000 {
			if err := i.take(Part{Seq: uint64(n) + 2, Body: make([]byte, 60)}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if i.waiting > 2*c.Window || i.acked() != 0 {
			t.Errorf("%d bytes wait, acknowledged up to %d", i.waiting, i.acked())
		}
	})
}
