package workload

import (
	"encoding/binary"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources/mysql"
)

// The binlog's numbers: event types, column types, and fields of a table map's metadata.
const (
	queryEvent    = 2
	tableMapEvent = 19
	writeRows     = 30
	updateRows    = 31
	deleteRows    = 32

	wireLong       = 3
	wireLongLong   = 8
	wireDate       = 10
	wireVarChar    = 15
	wireTimestamp2 = 17

	metaSignedness     = 1
	metaDefaultCharset = 2
	metaColumnNames    = 4
	metaPrimaryKey     = 8

	endOfStatement = 1

	serverID = 1
	headSize = 19

	mostMaps = 4096 // that are kept
)

// An events writer writes transactions as a server writes them into its binlog, with full metadata in the table maps.
type events struct {
	buf  []byte
	maps map[uint64][]byte // the bodies of table maps, by table id
}

func newEvents() *events { return &events{maps: map[uint64][]byte{}} }

// reset makes room for the next block.
func (e *events) reset() {
	e.buf = e.buf[:0]
	if len(e.maps) > mostMaps {
		clear(e.maps)
	}
}

// transaction writes a group.
func (e *events) transaction(t *Transaction) {
	e.buf = mysql.BeginGroup(e.buf, t.WallMs, 0, serverID, t.Number)
	if t.DDL != "" {
		e.query(t.DDL, t.WallMs)
	}
	e.changes(t.Changes, t.WallMs)
	e.buf = mysql.EndGroup(e.buf)
}

// begin starts an event; end gives it its size.
func (e *events) begin(kind byte, wallMs int64) (at int) {
	at = len(e.buf)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(wallMs/1000))
	e.buf = append(e.buf, kind)
	e.buf = binary.LittleEndian.AppendUint32(e.buf, serverID)
	e.buf = append(e.buf, make([]byte, headSize-9)...) // size, end position, flags
	return at
}

func (e *events) end(at int) {
	binary.LittleEndian.PutUint32(e.buf[at+9:], uint32(len(e.buf)-at))
}

// The session's variables that a statement is written with.
var statusVariables = []byte{
	1, 0, 0, 0, 0, 0, 0, 0, 0, // sql_mode: none
	4, 45, 0, 45, 0, 45, 0, // character_set_client, collation_connection, collation_server: utf8mb4_general_ci
}

func (e *events) query(statement string, wallMs int64) {
	at := e.begin(queryEvent, wallMs)
	e.buf = append(e.buf, make([]byte, 8)...) // thread, execution time
	e.buf = append(e.buf, byte(len(Database)), 0, 0)
	e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(len(statusVariables)))
	e.buf = append(e.buf, statusVariables...)
	e.buf = append(append(e.buf, Database...), 0)
	e.buf = append(e.buf, statement...)
	e.end(at)
}

// changes writes a table map and a rows event for each run of changes that share table and operation.
func (e *events) changes(changes []Change, wallMs int64) {
	for len(changes) > 0 {
		n := 1
		for n < len(changes) && changes[n].branch == changes[0].branch && changes[n].Op == changes[0].Op {
			n++
		}
		e.tableMap(changes[0].branch, wallMs)
		e.rows(changes[:n], wallMs)
		changes = changes[n:]
	}
}

// tableID follows from the transactions before alone, so that it is the same in every run.
func (br *branch) tableID() uint64 { return br.serial<<20 | br.revision }

func (e *events) tableMap(br *branch, wallMs int64) {
	body, ok := e.maps[br.tableID()]
	if !ok {
		body = br.tableMap()
		e.maps[br.tableID()] = body
	}
	at := e.begin(tableMapEvent, wallMs)
	e.buf = append(e.buf, body...)
	e.end(at)
}

func appendTableID(dst []byte, id uint64) []byte {
	return append(dst, byte(id), byte(id>>8), byte(id>>16), byte(id>>24), byte(id>>32), byte(id>>40))
}

// tableMap is the body of the branch's table map.
func (br *branch) tableMap() []byte {
	b := append(appendTableID(nil, br.tableID()), 1, 0)
	b = append(append(append(b, byte(len(Database))), Database...), 0)
	b = append(append(append(b, byte(len(br.name))), br.name...), 0)
	b = append(b, byte(len(br.columns)))
	var types, meta, names []byte
	nullable := make([]byte, (len(br.columns)+7)/8)
	numeric := 0
	for i, c := range br.columns {
		switch c.Type {
		case schema.BigInt:
			types, numeric = append(types, wireLongLong), numeric+1
		case schema.Int:
			types, numeric = append(types, wireLong), numeric+1
		case schema.Date:
			types = append(types, wireDate)
		case schema.Timestamp:
			types, meta = append(types, wireTimestamp2), append(meta, byte(c.Scale))
		case schema.VarChar:
			types, meta = append(types, wireVarChar), binary.LittleEndian.AppendUint16(meta, uint16(c.bytes()))
		}
		if c.Nullable {
			nullable[i/8] |= 1 << (i % 8)
		}
		names = append(append(names, byte(len(c.Name))), c.Name...)
	}
	b = append(b, types...)
	b = append(append(b, byte(len(meta))), meta...)
	b = append(b, nullable...)
	b = append(append(b, metaSignedness, byte((numeric+7)/8)), make([]byte, (numeric+7)/8)...) // all signed
	b = append(b, metaDefaultCharset, 1, collationID)
	b = append(append(b, metaColumnNames, byte(len(names))), names...)
	return append(b, metaPrimaryKey, 1, byte(br.offset(idCell)))
}

// bytes is the most bytes that a VARCHAR takes.
func (c *column) bytes() int { return c.Length * bytesPerLetter }

var rowsEvents = [...]byte{rows.Insert: writeRows, rows.Update: updateRows, rows.Delete: deleteRows}

func (e *events) rows(changes []Change, wallMs int64) {
	br, op := changes[0].branch, changes[0].Op
	at := e.begin(rowsEvents[op], wallMs)
	e.buf = append(appendTableID(e.buf, br.tableID()), endOfStatement, 0)
	e.buf = append(e.buf, 2, 0) // no extra data
	e.buf = append(e.buf, byte(len(br.columns)))
	e.present(len(br.columns))
	if op == rows.Update {
		e.present(len(br.columns))
	}
	for i := range changes {
		if op != rows.Insert {
			e.image(br, &changes[i].Old)
		}
		if op != rows.Delete {
			e.image(br, &changes[i].New)
		}
	}
	e.end(at)
}

// present tells that an image has all columns.
func (e *events) present(columns int) {
	for ; columns >= 8; columns -= 8 {
		e.buf = append(e.buf, 0xff)
	}
	if columns > 0 {
		e.buf = append(e.buf, 1<<columns-1)
	}
}

// image writes a row: a bitmap of the columns that are NULL, then the others.
func (e *events) image(br *branch, a *account) {
	nulls := len(e.buf)
	for range (len(br.columns) + 7) / 8 {
		e.buf = append(e.buf, 0)
	}
	for i := range br.columns {
		if !e.cell(&br.columns[i], a) {
			e.buf[nulls+i/8] |= 1 << (i % 8)
		}
	}
}

// cell writes one value; false if it is NULL.
func (e *events) cell(c *column, a *account) bool {
	switch c.cell {
	case idCell:
		e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(a.id))
	case balanceCell:
		e.buf = binary.LittleEndian.AppendUint64(e.buf, uint64(a.balance))
	case ownerCell:
		e.text(c, a.owner)
	case openedCell:
		e.buf = append(e.buf, byte(a.opened), byte(a.opened>>8), byte(a.opened>>16))
	case updatedCell:
		e.buf = binary.BigEndian.AppendUint32(e.buf, uint32(a.updated/1000))
		e.buf = binary.BigEndian.AppendUint16(e.buf, uint16(a.updated%1000*10))
	default:
		x := &a.extras[c.slot]
		switch {
		case x.null:
			return false
		case c.cell == numberCell:
			e.buf = binary.LittleEndian.AppendUint32(e.buf, uint32(x.number))
		default:
			e.text(c, x.text)
		}
	}
	return true
}

func (e *events) text(c *column, s string) {
	if c.bytes() > 255 {
		e.buf = binary.LittleEndian.AppendUint16(e.buf, uint16(len(s)))
	} else {
		e.buf = append(e.buf, byte(len(s)))
	}
	e.buf = append(e.buf, s...)
}
