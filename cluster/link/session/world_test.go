package session

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A world is two ends, and between them a network that loses, repeats, reorders and delays.
type world struct {
	t       rapid.TB
	now     time.Time
	ends    [2]*end
	flying  []flight
	rand    *rand.Rand
	network network
	cut     [2]bool // what end i sends is lost
	past    []flight
}

type network struct {
	Loss, Repeat, Scatter float64 // Scatter: of packets that are delayed by more than their due
	Delay                 time.Duration
}

type flight struct {
	at     time.Time
	to     int
	packet Packet
}

// An end keeps the books of one side.
type end struct {
	name     string
	session  *Session
	up       uint64 // number; 0: no session
	stopped  bool   // like a process under SIGSTOP
	inbox    []Packet
	sent     map[uint64]int // messages by own number
	backlog  int
	peers    map[uint64]uint64 // own number -> the sender's number in what came
	got      map[uint64]int    // the sender's number -> messages that came
	downs    []Down
	refusals int
	hung     int
}

var began = time.Unix(1_700_000_000, 0)

// swift is a configuration whose numbers are small, that much may happen in few steps.
func swift() Config {
	c := DefaultConfig(Range{1, 3})
	c.Fragment, c.Largest, c.Window, c.Narrow = 64, 4096, 2048, 256
	return c
}

func newWorld(t rapid.TB, seed uint64, a, b Config) *world {
	w := &world{t: t, now: began, rand: rand.New(rand.NewPCG(seed, 0))}
	for i, c := range []Config{a, b} {
		w.ends[i] = &end{name: string(rune('a' + i)), session: New(c, 1+uint64(w.rand.IntN(100)), began, began),
			sent: map[uint64]int{}, peers: map[uint64]uint64{}, got: map[uint64]int{}}
	}
	return w
}

// body tells where a message belongs: the sender's number of the session, and which message of it this is.
func body(number uint64, n, size int) []byte {
	b := binary.BigEndian.AppendUint64(nil, number)
	b = binary.BigEndian.AppendUint64(b, uint64(n))
	for len(b) < size {
		b = append(b, byte(len(b)*n))
	}
	return b
}

func (w *world) send(i, size int) {
	e := w.ends[i]
	number, up := e.session.Number()
	if !up {
		return
	}
	m := Message{Head: Head{Target: "t", Sender: "s", Type: "x"}, Body: body(number, e.sent[number], size)}
	if !e.session.Send(m) {
		w.t.Fatalf("%s: a session that is up refuses a message", e.name)
	}
	e.sent[number]++
	e.backlog += m.Size()
}

// step lets time pass, and does what is due.
func (w *world) step(d time.Duration) {
	w.now = w.now.Add(d)
	var later []flight
	for _, f := range w.flying {
		if f.at.After(w.now) {
			later = append(later, f)
			continue
		}
		w.ends[f.to].inbox = append(w.ends[f.to].inbox, f.packet)
	}
	w.flying = later
	for i, e := range w.ends {
		if e.stopped {
			continue
		}
		for _, p := range e.inbox {
			e.session.Receive(w.now, p)
			w.events(e)
		}
		e.inbox = nil
		e.session.Tick(w.now)
		w.events(e)
		w.transmit(i)
	}
}

func (w *world) transmit(i int) {
	e := w.ends[i]
	if e.session.Hung() {
		e.hung++
	}
	for _, p := range e.session.Packets(w.now) {
		w.past = append(w.past, flight{to: 1 - i, packet: p})
		copies := 1
		for w.rand.Float64() < w.network.Repeat {
			copies++
		}
		for range copies {
			if w.cut[i] || w.rand.Float64() < w.network.Loss {
				continue
			}
			delay := w.network.Delay
			if w.rand.Float64() < w.network.Scatter {
				delay += time.Duration(w.rand.Int64N(int64(10 * time.Second)))
			}
			w.flying = append(w.flying, flight{at: w.now.Add(delay), to: 1 - i, packet: p})
		}
	}
}

// replay brings packets again that were sent at any time before, or that never arrived.
func (w *world) replay(n int) {
	for range min(n, len(w.past)) {
		f := w.past[w.rand.IntN(len(w.past))]
		f.at = w.now
		w.flying = append(w.flying, f)
	}
}

// events checks what an end tells.
func (w *world) events(e *end) {
	for _, event := range e.session.Events() {
		switch event := event.(type) {
		case Up:
			if e.up != 0 {
				w.t.Fatalf("%s: up twice", e.name)
			}
			e.up = event.Number
		case Down:
			if e.up != event.Number {
				w.t.Fatalf("%s: session %d ended, up is %d", e.name, event.Number, e.up)
			}
			e.up = 0
			e.downs = append(e.downs, event)
		case Refused:
			e.refusals++
		case Arrived:
			w.arrived(e, event.Message)
		}
	}
	if e.backlog -= e.session.Released(); e.backlog < 0 || e.up == 0 && e.backlog != 0 {
		w.t.Fatalf("%s: backlog is %d, session %d", e.name, e.backlog, e.up)
	}
}

// arrived holds the promise: in order, once, whole, and only of the session that is up.
func (w *world) arrived(e *end, m Message) {
	number, n := binary.BigEndian.Uint64(m.Body), int(binary.BigEndian.Uint64(m.Body[8:]))
	if e.up == 0 {
		w.t.Fatalf("%s: a message without a session", e.name)
	}
	if first, known := e.peers[e.up]; known && first != number {
		w.t.Fatalf("%s: session %d got messages of the peer's %d and %d", e.name, e.up, first, number)
	}
	for mine, theirs := range e.peers {
		if theirs == number && mine != e.up {
			w.t.Fatalf("%s: messages of the peer's session %d came in sessions %d and %d", e.name, number, mine, e.up)
		}
	}
	e.peers[e.up] = number
	if n != e.got[number] {
		w.t.Fatalf("%s: of the peer's session %d message %d came, want %d", e.name, number, n, e.got[number])
	}
	e.got[number]++
	if want := body(number, n, len(m.Body)); string(want) != string(m.Body) || m.Head != (Head{Target: "t", Sender: "s", Type: "x"}) {
		w.t.Fatalf("%s: message %d is not what was sent", e.name, n)
	}
}

// settle gives a network that works the time to bring everything over.
func (w *world) settle() {
	w.network, w.cut = network{Delay: time.Millisecond}, [2]bool{}
	w.ends[0].stopped, w.ends[1].stopped = false, false
	for range 400 {
		w.step(100 * time.Millisecond)
	}
}

// agree checks that both ends are in one session, and that all of it has arrived.
func (w *world) agree() {
	for i, e := range w.ends {
		other := w.ends[1-i]
		if e.up == 0 {
			w.t.Fatalf("%s: no session on a network that works", e.name)
		}
		if e.session.theirs != other.up {
			w.t.Fatalf("%s: in session with %d, the peer is in %d", e.name, e.session.theirs, other.up)
		}
		if got, want := other.got[e.up], e.sent[e.up]; got != want {
			w.t.Fatalf("%s: sent %d messages, %d arrived", e.name, want, got)
		}
		if e.backlog != 0 {
			w.t.Fatalf("%s: %d bytes wait", e.name, e.backlog)
		}
	}
}

func (w *world) until(what string, limit time.Duration, reached func() bool) {
	for passed := time.Duration(0); !reached(); passed += 10 * time.Millisecond {
		if passed > limit {
			w.t.Fatalf("after %v not yet: %s", limit, what)
		}
		w.step(10 * time.Millisecond)
	}
}

func bothUp(w *world) func() bool {
	return func() bool { return w.ends[0].up != 0 && w.ends[1].up != 0 }
}

func (w *world) connect() {
	w.until("both are up", 5*time.Second, bothUp(w))
}

func testWorld(t *testing.T) *world {
	w := newWorld(t, 1, swift(), swift())
	w.network.Delay = time.Millisecond
	w.connect()
	return w
}

func (e *end) String() string { return fmt.Sprintf("%s: up %d, downs %v", e.name, e.up, e.downs) }
