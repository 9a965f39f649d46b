package mysql

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"github.com/weir-cdc/weir/relay"
)

// A translator turns the events that a server sends into those of the relay, in place: the raw event is at the end of
// out, and what is left of it there when event returns is the translation.
type translator struct {
	out     []byte
	tracker *tracker // of what is in out
	room    func() error

	again    map[uint32]gtid // by domain: what comes again up to these
	spoolDir string
	spools   map[string]*spool // the rows of prepared XA transactions, by xid
	expand   expander

	checksum  bool   // the file's events carry one
	file      string // that the server reads, and the place in it behind the last event
	endPos    uint64
	caughtUp  bool // the last event was a heartbeat
	inPayload bool

	phase      phase
	start      start
	open       bool // within BEGIN: a QUERY does not end the group
	group      int  // of the group's first event, in out; what was handed on by room counts from 0
	body       int  // of its first event behind BEGIN, in out
	handed     handed
	rows       *spool
	savepoints map[string]int64 // the length of the group's body there
}

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

// event translates the raw event at out[at:], of which the packet told the length.
func (t *translator) event(at int) error {
	e := t.out[at:]
	if len(e) < headerSize || eventSize(e) != len(e) {
		return t.bad("an event's size is not that of its packet")
	}
	kind := eventType(e)
	t.caughtUp = kind == heartbeatEvent || kind == heartbeatV2Event
	switch kind {
	case formatEvent:
		t.out = t.out[:at]
		return t.format(e)
	case rotateEvent:
		t.out = t.out[:at]
		return t.rotate(e)
	case heartbeatEvent, heartbeatV2Event:
		t.out = t.out[:at]
		return nil
	}
	if t.checksum {
		n := len(e) - checksumSize
		if n < headerSize || crc32.ChecksumIEEE(e[:n]) != binary.LittleEndian.Uint32(e[n:]) {
			return t.bad("an event's checksum is wrong")
		}
		setEventSize(e, n)
		e, t.out = e[:n], t.out[:at+n]
	}
	t.pass(e)
	return t.plain(at)
}

// pass notes the end position of an event. It has 32 bits, and starts over in files above 4 GiB.
func (t *translator) pass(e []byte) {
	if low := eventEndPos(e); low != 0 && eventFlags(e)&flagArtificial == 0 {
		high := t.endPos >> 32
		if low < uint32(t.endPos) {
			high++
		}
		t.endPos = high<<32 | uint64(low)
	}
}

// format takes a FORMAT_DESCRIPTION event: the first of each file, and of each connection.
func (t *translator) format(e []byte) error {
	const fixed = headerSize + 57 // version, server's version, time, header length; then a length for each type
	if len(e) < fixed+checksumSize+1 {
		return t.bad("the format description is cut off")
	}
	t.checksum = e[len(e)-checksumSize-1] == 1
	return t.torn()
}

// rotate takes a ROTATE event, the server's own or one made up for this connection.
func (t *translator) rotate(e []byte) error {
	// Made-up ones come before the format description tells of checksums.
	if n := len(e) - checksumSize; n > headerSize+8 && crc32.ChecksumIEEE(e[:n]) == binary.LittleEndian.Uint32(e[n:]) {
		e = e[:n]
	}
	if len(e) <= headerSize+8 {
		return t.bad("a rotate event names no file")
	}
	t.file, t.endPos = string(e[headerSize+8:]), binary.LittleEndian.Uint64(e[headerSize:])
	return t.torn()
}

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

// plain translates an event without checksum.
func (t *translator) plain(at int) error {
	e := t.out[at:]
	switch kind := eventType(e); kind {
	case mariaGTIDEvent:
		s, ok := parseMariaStart(e)
		return t.begin(at, s, ok)
	case gtidEvent, anonymousGTIDEvent:
		s, ok := parseMySQLStart(e)
		return t.begin(at, s, ok)
	case taggedGTIDEvent:
		s, ok := parseTaggedStart(e)
		return t.begin(at, s, ok)
	case tableMapEvent, writeRowsV1, updateRowsV1, deleteRowsV1, writeRowsV2, updateRowsV2, deleteRowsV2:
		return t.keep(at)
	case xidEvent:
		return t.end(at, committed, nil)
	case queryEvent:
		return t.query(at)
	case xaPrepareEvent:
		return t.prepare(at)
	case transactionPayload:
		return t.payload(at)
	case queryCompressedEvent:
		return t.compressedQuery(at)
	default:
		if kind >= writeRowsCompressedV1 && kind <= deleteRowsCompressedV2 {
			return t.compressedRows(at)
		}
		t.out = t.out[:at]
		return t.unwanted(e)
	}
}

// abandon takes back what an event that ended in an error left in out; at is where it was.
func (t *translator) abandon(at int) {
	if t.phase != between {
		at = t.group
	}
	t.out = t.out[:min(at, len(t.out))]
}

// unwanted looks at an event that is not kept.
func (t *translator) unwanted(e []byte) error {
	switch kind := eventType(e); kind {
	case stopEvent, intvarEvent, randEvent, userVarEvent, ignorableEvent, rowsQueryEvent, previousGTIDsEvent, transactionContext,
		viewChangeEvent, annotateRowsEvent, binlogCheckpointEvent, mariaGTIDListEvent, startEncryptionEvent:
		return nil
	case incidentEvent:
		return fatal(kindIncident, "the upstream wrote an incident into its binlog at %s:%d: transactions may be missing from it; "+
			"begin a new changefeed at a position behind it, with a fresh copy of the data", t.file, t.endPos)
	case partialUpdateRows:
		return fatal(kindRowValue, "the binlog at %s:%d holds partial JSON updates; "+
			"on the upstream, SET GLOBAL binlog_row_value_options = '', end the sessions that still have it, and begin behind that", t.file, t.endPos)
	case loadEvent, createFileEvent, appendBlockEvent, execLoadEvent, deleteFileEvent, newLoadEvent, beginLoadEvent, executeLoadEvent:
		return t.statementFormat()
	default:
		if eventFlags(e)&flagIgnorable != 0 {
			return nil
		}
		return fatal(kindUnknown, "the binlog at %s:%d holds an event of type %d, which is not known here; upgrade weir", t.file, t.endPos, kind)
	}
}

func (t *translator) statementFormat() error {
	return fatal(kindFormat, "the binlog at %s:%d holds a change of rows in statement format; some session has another binlog_format: "+
		"on the upstream, SET GLOBAL binlog_format = 'ROW', end or change that session, and begin behind that", t.file, t.endPos)
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

// spill moves the group's rows from out to the spool.
func (t *translator) spill() error {
	if err := t.rows.append(t.out[t.body:]); err != nil {
		return err
	}
	t.out = t.out[:t.body]
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

// prepare ends the group of an XA transaction at its XA PREPARE: the rows wait.
func (t *translator) prepare(at int) error {
	b := t.out[at+headerSize:]
	if len(b) < 13 || t.phase == between {
		return t.bad("an XA PREPARE makes no sense")
	}
	onePhase, xid := b[0] != 0, bytes.Clone(b[1:])
	t.out = t.out[:at]
	if t.rows == nil {
		t.rows = &spool{dir: t.spoolDir}
	}
	if onePhase {
		if t.phase == inside {
			if err := t.unspool(t.rows); err != nil {
				return err
			}
		}
		return t.end(len(t.out), committed, nil)
	}
	if err := t.spill(); err != nil {
		return err
	}
	if old := t.spools[string(xid)]; t.phase == inside || t.tracker.pos.isOpen(xid) {
		old.close()
		t.spools[string(xid)], t.rows = t.rows, nil
	}
	return t.end(len(t.out), prepared, xid)
}

// unspool puts spooled rows before what the group's body has in out.
func (t *translator) unspool(s *spool) (err error) {
	rest := bytes.Clone(t.out[t.body:])
	t.out = t.out[:t.body]
	t.rows = nil // they are the body's own now, and may be handed on
	t.out, err = s.each(t.out, func(out []byte) ([]byte, error) {
		t.out = out
		t.tracker.enter(rowsPart)
		err := t.room()
		return t.out, err
	})
	if err == nil && len(rest) > 0 {
		t.out = append(t.out, rest...)
		t.tracker.enter(rowsPart)
	}
	s.close()
	return err
}

// resolve ends the group that commits or rolls back a prepared XA transaction.
func (t *translator) resolve(at int, xid []byte, commit bool) error {
	t.out = t.out[:at]
	if t.phase != inside {
		return t.end(at, resolved, xid)
	}
	rows, ok := t.spools[string(xid)]
	delete(t.spools, string(xid))
	switch {
	case ok && commit:
		if err := t.unspool(rows); err != nil {
			return err
		}
	case ok:
		rows.close()
	case commit:
		return fatal(kindXA, "the XA transaction that %s:%d commits was prepared before the changefeed's start; "+
			"begin the changefeed at a position before its XA PREPARE", t.file, t.endPos)
	}
	return t.end(len(t.out), resolved, xid)
}

// payload expands a TRANSACTION_PAYLOAD event and translates the events in it.
func (t *translator) payload(at int) error {
	if t.inPayload {
		return t.bad("a transaction payload holds another")
	}
	var events io.Reader
	var err error
	if t.out, events, err = t.expand.payload(t.out, at); err != nil {
		return t.bad(err.Error())
	}
	t.inPayload = true
	defer func() { t.inPayload = false }()
	for {
		at, n := len(t.out), 0
		if t.out, n, err = appendEvent(t.out, events); err != nil {
			return t.bad("a transaction payload cannot be expanded: " + err.Error())
		}
		if n == 0 {
			return nil
		}
		if err := t.plain(at); err != nil {
			return err
		}
		if err := t.room(); err != nil {
			return err
		}
	}
}

func (t *translator) compressedQuery(at int) (err error) {
	q, ok := parseQuery(t.out[at:])
	if !ok {
		return t.bad("a query event is cut off")
	}
	if t.out, err = t.expand.mariaEvent(t.out, at, q.textAt, queryEvent); err != nil {
		return t.bad(err.Error())
	}
	return t.query(at)
}

func (t *translator) compressedRows(at int) (err error) {
	e := t.out[at:]
	kind := eventType(e) - writeRowsCompressedV1 + writeRowsV1
	if eventType(e) >= writeRowsCompressedV2 {
		kind = eventType(e) - writeRowsCompressedV2 + writeRowsV2
	}
	body, ok := rowsBody(e, kind)
	if !ok {
		return t.bad("a rows event is cut off")
	}
	if t.out, err = t.expand.mariaEvent(t.out, at, body.at, kind); err != nil {
		return t.bad(err.Error())
	}
	return t.keep(at)
}

// newTranslator makes a translator whose out begins at the tracker's place. room is called when more may have to leave out.
func newTranslator(t *tracker, spoolDir string, room func() error) *translator {
	again := map[uint32]gtid{}
	for _, x := range t.pos.open {
		again[x.gtid.domain] = t.pos.maria.last(x.gtid.domain)
	}
	return &translator{
		tracker: t, spoolDir: spoolDir, room: room, again: again,
		spools: map[string]*spool{}, savepoints: map[string]int64{},
		file: t.pos.file, endPos: t.pos.at,
	}
}

// close frees the spools.
func (t *translator) close() {
	t.rows.close()
	for _, s := range t.spools {
		s.close()
	}
	t.expand.close()
}

// bad makes the error for a stream that makes no sense: the next connection may do better.
func (t *translator) bad(what string) error {
	return &streamError{what: what, file: t.file, at: t.endPos}
}
