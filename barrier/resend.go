package barrier

// A backoff counts ticks until the next repetition: after the first wait, then twice as long each time, up to the last.
type backoff struct{ wait, left uint8 }

// The waits in ticks of TickPeriod: a report is repeated after 1 s up to every 5 s, an order after 500 ms up to every 5 s.
const (
	reportWait uint8 = 2
	orderWait  uint8 = 1
	longWait   uint8 = 10
)

// start begins a new wait.
func (b *backoff) start(first uint8) { *b = backoff{wait: first, left: first} }

// hurry ends the wait at the next tick.
func (b *backoff) hurry() { b.left = 1 }

// tick tells that the wait is over, and then begins a longer one.
func (b *backoff) tick() bool {
	if b.left > 1 {
		b.left--
		return false
	}
	b.wait = min(2*b.wait, longWait)
	b.left = b.wait
	return true
}
