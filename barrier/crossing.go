package barrier

import "fmt"

// phase is how far an event is; the package comment says what each waits for.
type phase uint8

const (
	collecting phase = iota
	writing
	scheduling
	passing
)

func (p phase) String() string {
	return [...]string{"collecting", "writing", "scheduling", "passing"}[p]
}

// A crossing is one event in flight. It counts its parties instead of listing them: who waits and who is past stands in
// the members.
type crossing struct {
	event   Event
	phase   phase
	writer  DispatcherID // who has the WRITE, or whose write was proved
	last    DispatcherID // the last reporter
	resend  backoff
	parties int
	waiting int // parties that have reported and are not past
	past    int // parties that have the event behind them
}

// add counts a member in, or with n = -1 out.
func (c *crossing) add(m *member, n int, broken rules) {
	if !m.party(&c.event) {
		return
	}
	c.parties += n
	switch {
	case m.past(c.event.Key, broken):
		c.past += n
	case m.waits == c.event.Key:
		c.waiting += n
	}
}

// past tells that the event is behind the member.
func (m *member) past(k Key, broken rules) bool {
	if !broken.keep(positions) {
		return At(k.CommitTs).Compare(m.position) <= 0
	}
	return m.position.Passed(k)
}

// InFlight is an event in flight, for display.
type InFlight struct {
	Event  Event
	Phase  string
	Writer DispatcherID
	// Parties counts the spans that the event concerns.
	Parties int
	// Missing are the parties that the phase still waits for, at most as many as were asked for; absent ones have no ID.
	Missing []Missing
	// MissingTotal counts all of them.
	MissingTotal int
}

// Missing is a party that has not answered.
type Missing struct {
	ID   DispatcherID
	Span Span
}

// String gives "t1 (5[0,100))".
func (m Missing) String() string {
	if m.ID == "" {
		return fmt.Sprintf("absent (%s)", m.Span)
	}
	return fmt.Sprintf("%s (%s)", m.ID, m.Span)
}

// InFlight lists the events in flight in key order, each with at most limit missing parties.
func (b *Barrier) InFlight(limit int) []InFlight {
	var list []InFlight
	for _, c := range b.crossings {
		f := InFlight{Event: c.event, Phase: c.phase.String(), Writer: c.writer, Parties: c.parties}
		b.spans.parties(&c.event, func(m *member) {
			if !b.missing(c, m) {
				return
			}
			f.MissingTotal++
			if len(f.Missing) < limit {
				f.Missing = append(f.Missing, Missing{m.id, m.span})
			}
		})
		list = append(list, f)
	}
	return list
}

// missing tells that the phase of the event waits for the member.
func (b *Barrier) missing(c *crossing, m *member) bool {
	switch c.phase {
	case collecting:
		return m.waits != c.event.Key && !m.past(c.event.Key, b.broken)
	case writing:
		return m.id == c.writer
	case scheduling:
		return m.table == nil
	}
	return !m.past(c.event.Key, b.broken)
}
