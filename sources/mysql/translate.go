package mysql

import (
	"encoding/binary"
	"hash/crc32"
	"io"
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
