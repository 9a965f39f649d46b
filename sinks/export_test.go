package sinks

// LaneOf is the lane of a span, of n.
func LaneOf(k SpanKey, n int) int { return k.lane(n) }
