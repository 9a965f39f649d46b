package mysql

import (
	"bytes"
	"fmt"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

// A walker cuts relay bytes into transactions. It allocates nothing for rows, and for a transaction the text of its position.
type walker struct {
	tracker *tracker
	err     error // the mark that it began at made no sense
	tables  tableMaps
	rows    sources.RowsEvent
	ordinal uint32
}

var _ sources.Walker = (*walker)(nil)

func newWalker(at relay.Mark) *walker {
	t, err := newTracker(at)
	return &walker{tracker: t, err: err, tables: newTableMaps()}
}

// Walk goes over whole events.
func (w *walker) Walk(data []byte, h sources.Handler) error {
	if w.err != nil {
		return fmt.Errorf("walk the relay log: %w", w.err)
	}
	for len(data) > 0 {
		if len(data) < headerSize {
			return w.corrupt("it ends inside an event")
		}
		size := eventSize(data)
		if size < headerSize || size > len(data) {
			return w.corrupt("it ends inside an event")
		}
		if err := w.event(data[:size:size], h); err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}

func (w *walker) event(e []byte, h sources.Handler) error {
	switch kind := eventType(e); {
	case isRows(kind):
		return w.onRows(e, kind, h)
	case kind == tableMapEvent:
		if !w.tables.note(e, w.tracker.gtid.kind == mariaGTID) {
			return w.corrupt("a table map makes no sense")
		}
		return nil
	case kind == beginEvent:
		w.ordinal = 0
		if !w.tracker.begin(e) {
			return w.corrupt("the begin of a transaction makes no sense")
		}
		return nil
	case kind == endEvent:
		ms := w.tracker.ms
		if !w.tracker.end(e) {
			return w.corrupt("the end of a transaction makes no sense")
		}
		w.tables.compact()
		return h.Commit(w.tracker.mark(), ms)
	case kind == queryEvent:
		return w.onQuery(e, h)
	case kind == relayRotateEvent:
		w.tracker.rotate(e)
		return nil
	default:
		return w.corrupt(fmt.Sprintf("it holds an event of type %d", kind))
	}
}

// enter takes the group into a part, and tells of the end of the one before it, at which nobody can begin.
func (w *walker) enter(p part, h sources.Handler) error {
	if w.tracker.enter(p) {
		w.ordinal = 0
		return h.Commit(relay.Mark{Ts: w.tracker.ts}, w.tracker.ms)
	}
	return nil
}

func (w *walker) onRows(e []byte, kind byte, h sources.Handler) error {
	header, ok := rowsBody(e, kind)
	if !ok || !w.tracker.inGroup {
		return w.corrupt("a rows event makes no sense")
	}
	t := w.tables.find(header.table)
	if t == nil {
		return w.corrupt("a rows event has no table map")
	}
	if !header.full {
		return fatal(kindRowImage, "the binlog's rows of %s, behind %s, do not hold all columns; on the upstream, "+
			"SET GLOBAL binlog_row_image = 'FULL', end the sessions that still have another setting, and begin behind that", t.ref, w.tracker.pos)
	}
	if w.tracker.part != rowsPart {
		if err := w.enter(rowsPart, h); err != nil {
			return err
		}
	}
	w.rows = sources.RowsEvent{
		CommitTs: w.tracker.partTs, Ordinal: w.ordinal, Table: t.ref, Layout: t.layout, Described: t.described,
		Op: header.op, Body: e[header.at:len(e):len(e)],
	}
	w.ordinal++
	return h.Rows(&w.rows)
}

func (w *walker) onQuery(e []byte, h sources.Handler) error {
	q, ok := parseQuery(e)
	if !ok || !w.tracker.inGroup {
		return w.corrupt("a statement makes no sense")
	}
	if err := w.enter(ddlPart, h); err != nil {
		return err
	}
	return h.DDL(&schema.Statement{
		CommitTs:  w.tracker.partTs,
		Default:   string(q.schema),
		Query:     toUTF8(charsetOf(int(q.client)), definitionText(q.text)),
		SQLMode:   q.sqlMode,
		Charset:   charsetOf(int(q.client)),
		Collation: collationOf(int(q.client)),

		ServerCharset:   charsetOf(int(q.server)),
		ServerCollation: collationOf(int(q.server)),
		ErrorCode:       q.failed,
	})
}

// definitionText takes off what the server puts around a DDL statement in its binlog: SET STATEMENT ... FOR before it,
// and the START TRANSACTION that MySQL writes behind CREATE TABLE ... SELECT.
func definitionText(text []byte) []byte {
	w := words{text: text}
	if w.next() == "SET" && w.next() == "STATEMENT" && w.skipTo("FOR") {
		text = bytes.TrimSpace(w.rest())
	}
	if trimmed := bytes.TrimRight(text, " ;"); bytes.HasSuffix(trimmed, []byte(" START TRANSACTION")) {
		text = trimmed[:len(trimmed)-len(" START TRANSACTION")]
	}
	return text
}

func (w *walker) corrupt(what string) error {
	return fatal(kindRelayCorrupt, "the relay log makes no sense behind %s: %s; stop the process, remove the relay log's folder, "+
		"and resume the changefeed from its checkpoint", w.tracker.pos, what)
}
