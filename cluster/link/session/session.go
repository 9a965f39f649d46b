package session

import "time"

type phase uint8

const (
	greeting phase = iota // until the peer has repeated our number
	up                    // until Down
	refused               // for good
)

// A Session is one end of a link: one session after the other with the same peer.
//
// Feed it with Receive, Send, Tick and End; after each call, act on Events; when convenient, send what Packets gives.
type Session struct {
	cfg     Config
	started time.Time

	phase  phase
	mine   uint64 // our number
	theirs uint64 // the highest that the peer ever named; 0: none
	peer   Hello
	common uint32 // version

	out outbox
	in  inbox

	heard, spoke time.Time     // last packet of the session, in and out
	greetAt      time.Time     // next hello
	greetEvery   time.Duration // then
	moved        time.Time     // last progress, or the last time that it was given up on
	patience     time.Duration // with the connection below: doubling while nothing helps
	hung         bool

	answer, ack bool // owed to the peer
	released    int
	events      []Event
}

// New makes an end that greets. Its numbers begin with first, which must be above all that this process used towards the
// peer; started tells the peer when this process began.
func New(cfg Config, first uint64, started, now time.Time) *Session {
	s := &Session{cfg: cfg, mine: first, started: started}
	s.greet(now)
	return s
}

// Number is this end's number of the session, if one is up.
func (s *Session) Number() (n uint64, isUp bool) { return s.mine, s.phase == up }

// Events gives what happened since it was last asked.
func (s *Session) Events() []Event {
	events := s.events
	s.events = nil
	return events
}

// Released gives how much of the backlog (Message.Size) has gone since it was last asked: arrived, or lost with its session.
func (s *Session) Released() int {
	n := s.released
	s.released = 0
	return n
}

// Resent counts the parts sent again in the session.
func (s *Session) Resent() int { return s.out.resent }

// Hung tells, once, that the connection below may hang: packets go in and nothing comes of it.
func (s *Session) Hung() bool {
	h := s.hung
	s.hung = false
	return h
}

// Waiting is the bytes that would go at once if Packets was asked.
func (s *Session) Waiting() int {
	if s.phase != up || !s.out.ready() {
		return 0
	}
	return min(s.out.waiting(), s.out.window-s.out.flight)
}

// Send hands over a message. It is lost, and false comes back, when no session is up.
func (s *Session) Send(m Message) bool {
	if s.phase != up || len(m.Body) > s.cfg.Largest {
		return false
	}
	s.out.put(m)
	return true
}

// End gives the session up, and greets for another.
func (s *Session) End(now time.Time, why Reason) {
	if s.phase != up {
		return
	}
	s.events = append(s.events, Down{Number: s.mine, Reason: why})
	s.released += s.outstanding()
	s.out, s.in = outbox{}, inbox{}
	s.phase = greeting
	s.mine++
	s.greet(now)
	if why == Gone || why == Backlog || why == Unsendable {
		s.greetEvery, s.greetAt = s.cfg.GreetMax, now.Add(s.cfg.Greet)
	}
}

// outstanding is the sizes of the messages that are not acknowledged.
func (s *Session) outstanding() (n int) {
	for i := range s.out.parts {
		n += s.out.parts[i].ends
	}
	return n
}

func (s *Session) greet(now time.Time) {
	s.greetAt, s.greetEvery = now, s.cfg.Greet
	s.moved, s.patience = now, s.cfg.Hung
	s.answer, s.ack = false, false
}

// Tick lets time pass. Once in a tenth of Config.Ping is often enough.
func (s *Session) Tick(now time.Time) {
	if s.phase == up {
		if now.Sub(s.heard) > s.cfg.Silence {
			s.End(now, Silent)
			return
		}
		s.out.expire(now)
	}
	if s.stuck(now) {
		s.hung, s.moved = true, now
		s.patience = min(2*s.patience, 4*s.cfg.Hung)
	}
}

// stuck tells whether a connection that works would have brought us further.
func (s *Session) stuck(now time.Time) bool {
	if s.phase == refused || now.Sub(s.moved) < s.patience {
		return false
	}
	// A connection that is made anew loses what is under way: a busy peer must not look like one that hangs.
	return s.phase == greeting || s.out.retries > 2 || now.Sub(s.heard) > s.cfg.Silence/2
}

// Receive takes a packet of the peer.
func (s *Session) Receive(now time.Time, p Packet) {
	if p.Hello != nil {
		s.hello(now, p)
		return
	}
	if p.Mine != s.theirs || p.Yours != s.mine || s.phase == refused || p.Version != s.common {
		return // of an earlier session
	}
	if s.phase == greeting { // the reply was overtaken, or lost
		s.open(now)
	}
	s.heard = now
	released, ok := s.out.acked(now, p.Ack)
	if !ok {
		s.End(now, Violation)
		return
	}
	if s.released += released; released > 0 || s.out.under == 0 {
		s.moved, s.patience = now, s.cfg.Hung
	}
	s.parts(now, p.Parts)
}

func (s *Session) parts(now time.Time, parts []Part) {
	for _, part := range parts {
		s.ack = true
		if err := s.in.take(part, s.deliver); err != nil {
			s.End(now, Violation)
			return
		}
	}
}

func (s *Session) deliver(m Message) { s.events = append(s.events, Arrived{m}) }

// hello takes a hello or the reply to one.
func (s *Session) hello(now time.Time, p Packet) {
	if p.Mine < s.theirs {
		return // late
	}
	if s.phase == up && p.Mine > s.theirs {
		s.End(now, Anew)
	}
	s.theirs, s.peer = p.Mine, *p.Hello
	if s.answer = s.answer || !p.Hello.Reply; s.phase != greeting {
		return
	}
	version, ok := s.cfg.Versions.Common(s.peer.Versions)
	if !ok {
		s.phase = refused
		s.events = append(s.events, Refused{Ours: s.cfg.Versions, Theirs: s.peer.Versions})
		return
	}
	s.common = version
	if p.Yours == s.mine {
		s.open(now)
	} else if !p.Hello.Reply {
		s.greetAt = now // the peer must repeat our number
	}
}

func (s *Session) open(now time.Time) {
	s.phase = up
	s.heard, s.spoke, s.moved = now, now, now
	s.out, s.in = newOutbox(&s.cfg), newInbox(&s.cfg)
	s.events = append(s.events, Up{Number: s.mine, Version: s.common, Started: s.peer.Started})
}

// Packets gives what is to be sent now.
func (s *Session) Packets(now time.Time) []Packet {
	packets := s.hellos(now)
	if s.phase != up {
		return packets
	}
	for s.out.ready() {
		packets = append(packets, s.packet(s.out.take(now)))
		s.spoke = now
	}
	if s.ack || now.Sub(s.spoke) >= s.cfg.Ping {
		packets = append(packets, s.packet(nil))
		s.spoke = now
	}
	return packets
}

func (s *Session) packet(parts []Part) Packet {
	s.ack = false
	return Packet{Version: s.common, Mine: s.mine, Yours: s.theirs, Ack: s.in.acked(), Parts: parts}
}

// hellos gives the hello that is due, or else the reply that is owed.
func (s *Session) hellos(now time.Time) []Packet {
	asks := s.phase == greeting && !now.Before(s.greetAt)
	if !asks && !s.answer {
		return nil
	}
	if asks {
		s.greetAt = now.Add(s.greetEvery)
		s.greetEvery = min(2*s.greetEvery, s.cfg.GreetMax)
	}
	s.answer = false
	return []Packet{{Mine: s.mine, Yours: s.theirs, Hello: &Hello{Versions: s.cfg.Versions, Started: s.started, Reply: !asks}}}
}
