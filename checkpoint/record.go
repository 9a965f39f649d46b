package checkpoint

// A record is what holds one span back.
type record[ID comparable] struct {
	id       ID
	detached bool
	// base is where a detached span's own read is, or where an attached one waits for the stream to come up; none if
	// the span follows the stream.
	base    uint64
	ceiling uint64  // of a barrier; none without
	last    uint64  // seq of the newest write
	writes  []write // not durable yet, oldest first
	key     uint64  // limit, as the heap orders it
	place   int     // in the heap
}

type write struct{ seq, firstTs uint64 }

func newRecord[ID comparable](id ID) *record[ID] {
	return &record[ID]{id: id, base: none, ceiling: none, key: none}
}

func (r *record[ID]) sent(seq, firstTs uint64) {
	r.last = seq
	r.writes = append(r.writes, write{seq, firstTs})
}

func (r *record[ID]) durable(seq uint64) {
	n := 0
	for n < len(r.writes) && r.writes[n].seq <= seq {
		n++
	}
	r.writes = r.writes[n:]
}

// oldest is the last commit-ts before the oldest write that is not durable.
func (r *record[ID]) oldest() uint64 {
	if len(r.writes) == 0 {
		return none
	}
	return r.writes[0].firstTs - 1
}

// limit is the span's checkpoint as far as the span itself holds it back.
func (r *record[ID]) limit() uint64 { return min(r.oldest(), r.ceiling, r.base) }

// follows tells whether the live stream alone moves the span on, once what else holds it back is gone.
func (r *record[ID]) follows() bool { return !r.detached && r.base == none }

// idle tells whether nothing holds the span back.
func (r *record[ID]) idle() bool { return r.follows() && len(r.writes) == 0 && r.ceiling == none }

// cause names the lowest of the limits; a write before the others, as it is what a flush mends.
func (r *record[ID]) cause() Cause {
	switch r.key {
	case r.oldest():
		return Write
	case r.ceiling:
		return Barrier
	}
	if r.detached {
		return CatchUp
	}
	return Stream // ahead of it
}
