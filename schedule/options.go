package schedule

import "time"

// Options are the limits and thresholds of a Scheduler. The zero value of each means its default.
type Options struct {
	// Starting is how many dispatchers a node may be starting at a time: ordered there, and not counted. It bounds a
	// burst of new spans, each of which costs little. Default 16,384.
	Starting int
	// Tasks is how many moves, splits and merges a node may have part in at a time; an operator that stops several spans
	// of a node is one. Default 1,024, so that a node with very many idle spans drains in minutes.
	Tasks int
	// BusyTasks is how many of the Tasks may be on spans with traffic, whose stop delays rows and whose start reads the
	// relay log again. Default 32.
	BusyTasks int
	// SpanWeight is how much traffic, in bytes per second, an idle span is worth when load is compared. Default 1 KiB/s.
	SpanWeight uint64
	// Imbalance is how far the loads of two nodes may be apart, as a part of the mean load, before spans move.
	// Once they do, they move until half of it. Default 0.2.
	Imbalance float64
	// Settle is how long an imbalance must last before spans move. Default 5 s.
	Settle time.Duration
	// SplitAbove is the traffic, in bytes per second, above which a span is halved. Default 64 MiB/s.
	SplitAbove uint64
	// Sustain is how long a span must be above SplitAbove. Default 10 s.
	Sustain time.Duration
	// SplitSpans bounds the halving: a span of one such part of the key space, or less, is not halved, for then a few
	// keys have all the traffic. Default 16.
	SplitSpans int
	// MergeBelow is the traffic, in bytes per second, up to which neighbours are merged into one span. It is at most a
	// quarter of SplitAbove, so that what was merged is not split at once, nor the other way. Default an eighth of it.
	MergeBelow uint64
	// Quiet is how long neighbours must be cold, each at no more than half of MergeBelow, before they merge. Default 5 min.
	Quiet time.Duration
	// Patience is how long an ordered removal may take before it is ordered again. Default 10 s.
	Patience time.Duration
}

func (o Options) withDefaults() Options {
	def(&o.Starting, 16384)
	def(&o.Tasks, 1024)
	def(&o.BusyTasks, 32)
	def(&o.SpanWeight, 1<<10)
	def(&o.Imbalance, 0.2)
	def(&o.Settle, 5*time.Second)
	def(&o.SplitAbove, 64<<20)
	def(&o.Sustain, 10*time.Second)
	def(&o.SplitSpans, 16)
	def(&o.MergeBelow, o.SplitAbove/8)
	def(&o.Quiet, 5*time.Minute)
	def(&o.Patience, 10*time.Second)
	o.MergeBelow = min(o.MergeBelow, o.SplitAbove/4)
	return o
}

func def[T comparable](value *T, fallback T) {
	var unset T
	if *value == unset {
		*value = fallback
	}
}

// A moment is a time as the Scheduler keeps it for each span: in ticks since its first Step.
type moment uint32

const tick = 100 * time.Millisecond

// ticks rounds up, so that nothing is early.
func ticks(d time.Duration) moment { return moment((d + tick - 1) / tick) }
