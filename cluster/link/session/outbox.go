package session

import "time"

// An outbox holds what was sent and not acknowledged, and what waits to be sent.
type outbox struct {
	cfg   *Config
	parts []outgoing // the first has the number base
	base  uint64
	under int // so many of the parts are under way
	bytes int // of all parts
	// flight is the bytes under way, window how many may be.
	flight, window int

	rtt     time.Duration // smoothed; 0: unknown
	late    time.Time     // the window was last narrowed
	backoff time.Duration
	due     time.Time // when to send again
	retries int       // times in a row without progress
	resent  int       // parts sent again, in all
}

type outgoing struct {
	Part
	ends  int       // what the message counted for, on its last part
	sent  time.Time // the first time
	again bool      // sent more than once
}

func newOutbox(cfg *Config) outbox {
	return outbox{cfg: cfg, base: 1, window: min(4*cfg.Narrow, cfg.Window), backoff: cfg.Resend}
}

func (o *outbox) put(m Message) {
	rest, size := m.Body, m.Size()
	if len(rest) <= o.cfg.Fragment {
		o.push(Part{Head: m.Head, Body: rest}, size)
		return
	}
	for at := 0; at < len(m.Body); {
		n := min(o.cfg.Fragment, len(m.Body)-at)
		p := Part{Size: len(m.Body), Offset: at, Body: m.Body[at : at+n : at+n]}
		if at == 0 {
			p.Head = m.Head
		}
		at += n
		if p.last() {
			o.push(p, size)
		} else {
			o.push(p, 0)
		}
	}
}

func (o *outbox) push(p Part, ends int) {
	p.Seq = o.base + uint64(len(o.parts))
	o.parts = append(o.parts, outgoing{Part: p, ends: ends})
	o.bytes += p.size()
}

// ready tells whether a packet could go.
func (o *outbox) ready() bool { return o.under < len(o.parts) && o.flight < o.window }

// waiting is the bytes that were not sent yet.
func (o *outbox) waiting() int { return o.bytes - o.flight }

// partsPerPacket bounds the work that hangs on one packet.
const partsPerPacket = 1024

// take gives the parts of the next packet.
func (o *outbox) take(now time.Time) []Part {
	var parts []Part
	for bytes := 0; o.ready() && bytes < o.cfg.Fragment && len(parts) < partsPerPacket; o.under++ {
		p := &o.parts[o.under]
		if p.sent.IsZero() {
			p.sent = now
		} else {
			p.again = true
			o.resent++
		}
		if o.flight == 0 {
			o.due = now.Add(o.wait())
		}
		parts = append(parts, p.Part)
		bytes += p.size()
		o.flight += p.size()
	}
	return parts
}

// wait is how long an acknowledgement may take.
func (o *outbox) wait() time.Duration { return min(max(o.backoff, 2*o.rtt), o.cfg.ResendMax) }

// sentUpTo is the highest number that ever left.
func (o *outbox) sentUpTo() uint64 {
	n := o.under
	for n < len(o.parts) && !o.parts[n].sent.IsZero() {
		n++
	}
	return o.base + uint64(n) - 1
}

// acked drops what has arrived, and gives the sizes of the messages that ended there, in all. It is false if the other
// end acknowledges what never left.
func (o *outbox) acked(now time.Time, seq uint64) (released int, ok bool) {
	if seq < o.base {
		return 0, true
	}
	if seq > o.base+uint64(o.under)-1 && seq > o.sentUpTo() {
		return 0, false
	}
	n := int(seq - o.base + 1)
	last := o.parts[n-1]
	var gone int
	for i := range o.parts[:n] {
		p := &o.parts[i]
		o.bytes -= p.size()
		if i < o.under {
			o.flight -= p.size()
		}
		gone += p.size()
		released += p.ends
		*p = outgoing{}
	}
	o.parts, o.base, o.under = o.parts[n:], seq+1, max(0, o.under-n)
	o.retries, o.backoff = 0, o.cfg.Resend
	if !last.again {
		o.measured(now, now.Sub(last.sent), gone)
	}
	o.due = now.Add(o.wait())
	return released, true
}

// measured adapts the window to what an acknowledgement took.
func (o *outbox) measured(now time.Time, took time.Duration, bytes int) {
	if o.rtt == 0 {
		o.rtt = took
	}
	o.rtt += (took - o.rtt) / 8
	switch {
	case took <= o.cfg.Late:
		o.window = min(o.window+bytes, o.cfg.Window)
	case now.Sub(o.late) >= took: // else what is late left before the window was narrowed
		o.late, o.window = now, max(o.window/2, o.cfg.Narrow)
	}
}

// expire goes back to the oldest part when no acknowledgement came in time.
func (o *outbox) expire(now time.Time) {
	if o.under == 0 || now.Before(o.due) {
		return
	}
	o.under, o.flight = 0, 0
	o.window = o.cfg.Narrow
	o.backoff = min(2*o.backoff, o.cfg.ResendMax)
	o.retries++
}
