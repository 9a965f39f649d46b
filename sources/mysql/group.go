package mysql

import "github.com/weir-cdc/weir/relay"

// handed is the part of the group that has left out: a group that is too large to be held to its end.
type handed struct {
	some  bool
	bytes int64 // of its body
	ts    uint64
	part  part // what the tracker knew then
	next  uint64
}

// A phase tells where in a group the stream is.
type phase uint8

const (
	between  phase = iota // groups
	inside                // a group that is new
	skipping              // a group that the position covers already
)

// torn drops a group that the upstream never finished: it crashed, and begins another file.
func (t *translator) torn() error {
	if t.phase == inside {
		if t.handed.some {
			return fatal(kindTornUpstream, "binlog of the upstream: %s ends inside a transaction of which a part was read already; "+
				"the upstream has rolled it back: remove the relay log's folder and resume the changefeed from its checkpoint", t.file)
		}
		t.out = t.out[:t.group]
		t.tracker.ts = t.handed.ts
		t.tracker.inGroup, t.tracker.file, t.tracker.part = false, "", nothing
	}
	t.forget()
	return nil
}

// forget ends the work on a group.
func (t *translator) forget() {
	t.phase, t.open, t.handed = between, false, handed{}
	t.rows.close()
	t.rows = nil
	clear(t.savepoints)
}

func (t *translator) statementFormat() error {
	return fatal(kindFormat, "the binlog at %s:%d holds a change of rows in statement format; some session has another binlog_format: "+
		"on the upstream, SET GLOBAL binlog_format = 'ROW', end or change that session, and begin behind that; of a table that is system-versioned "+
		"by transaction (ROW START is a BIGINT) the server never logs rows", t.file, t.endPos)
}

// begin takes the GTID event of a group.
func (t *translator) begin(at int, s start, ok bool) error {
	t.out = t.out[:at]
	if !ok {
		return t.bad("a GTID event makes no sense")
	}
	if t.phase != between {
		if err := t.torn(); err != nil {
			return err
		}
		at = len(t.out)
	}
	t.start = s
	t.open = s.gtid.kind == mariaGTID && !s.standalone
	t.rows = nil
	if s.xa {
		t.rows = &spool{dir: t.spoolDir}
	}
	pos := t.tracker.pos
	if pos.kind == noGTID {
		t.start.gtid.kind = noGTID
	}
	if t.comesAgain(&t.start.gtid) {
		t.phase = skipping
		t.group, t.body = at, at
		return nil
	}
	t.phase = inside
	t.group = at
	if pos.kind == noGTID && pos.file != t.file {
		t.out = appendRotate(t.out, t.file)
		t.tracker.rotate(t.out[at:])
	}
	begin := len(t.out)
	t.out = appendBegin(t.out, s.ms, &t.start.gtid)
	t.tracker.begin(t.out[begin:])
	t.body = len(t.out)
	t.handed.ts = t.tracker.ts
	return nil
}

// comesAgain tells that a group was translated before: it lies before the position, and is sent again because of an XA
// transaction that was prepared there. MariaDB's numbers may go back where gtid_strict_mode is off, so there they mean
// that only up to the position that the stream was begun for.
func (t *translator) comesAgain(g *gtid) bool {
	pos := t.tracker.pos
	if pos.kind != mariaGTID {
		return pos.covers(g, t.file, t.endPos)
	}
	until, ok := t.again[g.domain]
	if !ok || g.number > until.number {
		delete(t.again, g.domain)
		return false
	}
	if *g == until {
		delete(t.again, g.domain)
	}
	return true
}

// handOver tells that the first n bytes of out have been taken, and that what is behind them moved to the front.
func (t *translator) handOver(n int) {
	if t.phase == between {
		return
	}
	if n > t.group {
		t.handed = handed{
			some: true, bytes: t.handed.bytes + int64(max(n-t.body, 0)),
			ts: t.tracker.ts, part: t.tracker.part, next: t.tracker.partTs,
		}
	}
	t.group, t.body = max(t.group-n, 0), max(t.body-n, 0)
}

// holding tells how much of out must stay there: from which offset on, since it may be taken back yet.
func (t *translator) holding() int {
	switch {
	case t.phase == between:
		return len(t.out)
	case t.phase == skipping, t.rows != nil, len(t.out)-t.group < holdBytes && !t.handed.some:
		return t.group
	}
	return len(t.out)
}

// boundary gives the mark of the last boundary in out.
func (t *translator) boundary() relay.Mark {
	m := t.tracker.mark()
	if t.phase == inside {
		m.Ts = t.handed.ts
	}
	return m
}

// keep keeps a table map or rows.
func (t *translator) keep(at int) error {
	switch {
	case t.phase == between:
		return t.bad("rows stand outside of a transaction")
	case t.phase == skipping && t.rows == nil:
		t.out = t.out[:at]
		return nil
	}
	// Another server of the same replication says another end position for the same event.
	clear(t.out[at+endPosAt : at+endPosAt+4])
	if t.rows == nil {
		if isRows(eventType(t.out[at:])) {
			t.tracker.enter(rowsPart)
		}
		return nil
	}
	if len(t.out)-t.body >= pieceBytes {
		return t.spill()
	}
	return nil
}

// end ends the group with the event at out[at:], which it replaces.
func (t *translator) end(at int, outcome byte, xid []byte) error {
	t.out = t.out[:at]
	switch t.phase {
	case between:
		return t.bad("a transaction ends that has not begun")
	case skipping:
		t.out = t.out[:t.group]
	case inside:
		endPos := uint64(0)
		if t.tracker.pos.kind == noGTID {
			endPos = t.endPos
		}
		t.out = appendEnd(t.out, outcome, endPos, xid)
		if !t.tracker.end(t.out[at:]) {
			return t.bad("a transaction ends that has not begun")
		}
	}
	t.forget()
	return nil
}

// query translates a QUERY event.
func (t *translator) query(at int) error {
	q, ok := parseQuery(t.out[at:])
	if !ok {
		return t.bad("a query event is cut off")
	}
	if t.phase == between {
		t.out = t.out[:at]
		return t.bad("a statement stands outside of a transaction")
	}
	what, rest := classify(q.text)
	switch what {
	case begin:
		t.open = true
	case commit:
		return t.end(at, committed, nil)
	case rollback:
		if err := t.cut(0, &at); err != nil {
			return err
		}
		return t.end(at, committed, nil)
	case savepoint:
		t.savepoints[rest.name()] = t.length(at)
	case rollbackTo:
		length, ok := t.savepoints[rest.name()]
		if !ok && t.phase == inside {
			return t.bad("a transaction is rolled back to a savepoint that it does not have")
		}
		if err := t.cut(length, &at); err != nil {
			return err
		}
	case xaStart:
		t.open = true
		if t.rows == nil {
			t.rows = &spool{dir: t.spoolDir}
		}
	case xaEnd:
	case xaCommit, xaRollback:
		xid, ok := rest.xid()
		if !ok {
			return t.bad("the identifier of an XA transaction makes no sense")
		}
		return t.resolve(at, xid, what == xaCommit)
	case definition:
		return t.define(at)
	case manipulates:
		if t.phase == inside && !manipulatesOwn(&q) {
			return t.statementFormat()
		}
		fallthrough
	default:
		if !t.open {
			return t.end(at, committed, nil)
		}
	}
	t.out = t.out[:at]
	return nil
}

// define keeps a DDL statement.
func (t *translator) define(at int) error {
	if t.phase == inside && !t.start.skipsDDL {
		clear(t.out[at+endPosAt : at+endPosAt+4])
		t.tracker.enter(ddlPart)
		at = len(t.out)
	}
	t.out = t.out[:at]
	if t.open {
		return nil
	}
	return t.end(at, committed, nil)
}

// length gives the length of the group's body up to at.
func (t *translator) length(at int) int64 {
	n := int64(at-t.body) + t.handed.bytes
	if t.rows != nil {
		n += t.rows.size
	}
	return n
}

// cut takes the group's body back to a length: what was rolled back goes. at, the end of out, moves with it.
func (t *translator) cut(length int64, at *int) error {
	if t.phase == skipping && t.rows == nil {
		return nil
	}
	if t.rows != nil && length < t.rows.size {
		t.rows.truncate(length)
		*at = t.body
	} else {
		if length < t.handed.bytes || t.handed.some && length == 0 {
			return fatal(kindRollback, "the transaction that stands before %s:%d rolls back to a savepoint, or wholly, after more than %d MiB; "+
				"such a transaction cannot be followed: begin the changefeed behind it, with a fresh copy of its tables", t.file, t.endPos, holdBytes>>20)
		}
		*at = t.body + int(length-t.handed.bytes)
		if t.rows != nil {
			*at -= int(t.rows.size)
		}
	}
	t.out = t.out[:*at]
	t.retrack()
	return nil
}

// retrack takes the tracker back to what is left of the group.
func (t *translator) retrack() {
	if t.phase != inside {
		return
	}
	t.tracker.ts, t.tracker.part, t.tracker.partTs = t.handed.ts, t.handed.part, t.handed.next
	if t.rows != nil {
		return
	}
	for b := t.out[t.body:]; len(b) > 0; b = b[eventSize(b):] {
		switch kind := eventType(b); {
		case kind == queryEvent:
			t.tracker.enter(ddlPart)
		case isRows(kind):
			t.tracker.enter(rowsPart)
		}
	}
}
