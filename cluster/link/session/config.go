package session

import (
	"fmt"
	"time"
)

// Config is the numbers of a session. Both ends may differ in them, but for Largest and Fragment, which the receiver
// also holds the sender to.
type Config struct {
	Versions Range

	Fragment int // bytes of payload in one part, at most
	Largest  int // bytes of one message, at most
	Window   int // bytes under way, at most
	Narrow   int // bytes under way on a line that is slow, or was cut

	Ping      time.Duration // an end that has nothing to say speaks that often
	Silence   time.Duration // after that long without a packet the session ends
	Resend    time.Duration // without an acknowledgement for that long, parts are sent again; then doubling
	ResendMax time.Duration
	Greet     time.Duration // between hellos at first; then doubling
	GreetMax  time.Duration
	Late      time.Duration // an acknowledgement that took longer narrows the window
	Hung      time.Duration // without progress for that long, the connection below is to be made anew; then doubling, up to four times that
}

// DefaultConfig is what nodes use. A packet of theirs stays below the transport's limit of 1 MiB for a message.
func DefaultConfig(versions Range) Config {
	return Config{
		Versions: versions,
		Fragment: 256 << 10,
		Largest:  1<<30 + 64<<20, // a row may have 1 GiB
		Window:   8 << 20,
		Narrow:   512 << 10,

		Ping:      time.Second,
		Silence:   5 * time.Second,
		Resend:    500 * time.Millisecond,
		ResendMax: 4 * time.Second,
		Greet:     100 * time.Millisecond,
		GreetMax:  time.Second,
		Late:      400 * time.Millisecond,
		Hung:      2 * time.Second,
	}
}

// Range is the versions that an end speaks, both included.
type Range struct{ Min, Max uint32 }

func (r Range) String() string {
	if r.Min == r.Max {
		return fmt.Sprintf("version %d", r.Min)
	}
	return fmt.Sprintf("versions %d to %d", r.Min, r.Max)
}

// Common is the highest version that both speak.
func (r Range) Common(other Range) (version uint32, ok bool) {
	version = min(r.Max, other.Max)
	return version, version >= max(r.Min, other.Min)
}
