package mysql

import (
	"encoding/binary"

	"github.com/weir-cdc/weir/relay"
)

// logicalBits is how many low bits of a commit-ts count within a millisecond.
const logicalBits = 18

// A tracker goes over relay events, group by group, and knows the commit-ts and the position at each point.
type tracker struct {
	ts  uint64 // of the last transaction, or part of one, that has ended
	pos *position

	inGroup bool
	ms      int64
	gtid    gtid
	file    string // the file that the group begins, "" if it is not the first in its file
	part    part   // of the group
	partTs  uint64 // commit-ts of the part
}

// A part is what of a group shares a commit-ts.
type part uint8

const (
	nothing part = iota // nothing yet
	rowsPart
	ddlPart
)

func newTracker(at relay.Mark) (*tracker, error) {
	pos, err := parsePosition(at.Position)
	if err != nil {
		return nil, err
	}
	return &tracker{ts: at.Ts, pos: pos}, nil
}

// mark gives the boundary that the tracker stands at.
func (t *tracker) mark() relay.Mark { return relay.Mark{Ts: t.ts, Position: t.pos.String()} }

// begin takes a BEGIN event.
func (t *tracker) begin(e []byte) bool {
	ms, ok := parseBegin(e, &t.gtid)
	t.ms, t.inGroup, t.part = ms, ok, nothing
	return ok
}

// next gives the commit-ts that comes after the last one.
func (t *tracker) next() uint64 {
	return max(t.ts+1, uint64(max(t.ms, 0))<<logicalBits)
}

// enter takes the group into a part. ended tells that the part before it is complete, at commit-ts t.ts: a DDL ends
// what came before it, and rows behind a DDL are later than it.
func (t *tracker) enter(p part) (ended bool) {
	if t.part == p && p == rowsPart {
		return false
	}
	if t.part != nothing {
		t.ts, ended = t.partTs, true
	}
	t.part, t.partTs = p, t.next()
	return ended
}

// end takes an END event: the group is complete, and the tracker at a boundary. A group without rows and DDL takes a
// commit-ts, too.
func (t *tracker) end(e []byte) bool {
	if len(e) < endFixed || !t.inGroup {
		return false
	}
	if t.part == nothing {
		t.partTs = t.next()
	}
	t.ts, t.inGroup, t.part = t.partTs, false, nothing
	if t.file != "" {
		t.pos.file, t.pos.at, t.file = t.file, 4, ""
	}
	endPos := binary.LittleEndian.Uint64(e[headerSize+1:])
	switch xid := e[endFixed:]; e[headerSize] {
	case prepared:
		t.pos.prepare(xid, &t.gtid)
	case resolved:
		t.pos.resolve(xid)
	}
	t.pos.advance(&t.gtid, endPos)
	return true
}

// rotate takes a ROTATE event, which belongs to the group behind it.
func (t *tracker) rotate(e []byte) { t.file = string(e[headerSize:]) }
