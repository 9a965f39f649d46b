package canaljson

import (
	"fmt"
	"strconv"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// An encoder encodes the rows of one table version.
type encoder struct {
	opts  Options
	table *schema.Table
	heads [rows.Delete + 1][]byte // a message up to the value of "es", by operation
	// types is a message from "sql" to the value of "old", if no value takes a larger Java type.
	types []byte
	wides []wide
	times times
	// columns are those that are written; opens, by offset, what begins a value: `,"name":"`, or `{"name":"` for the first.
	columns []int
	opens   [][]byte
}

// times keeps the text of "es" and "ts" from row to row: the rows of a batch share them.
type times struct {
	wallMs, buildMs int64
	kept            []byte
}

func (t *times) text(r *codec.Row) []byte {
	if t.kept == nil || t.wallMs != r.WallMs || t.buildMs != r.BuildMs {
		t.wallMs, t.buildMs = r.WallMs, r.BuildMs
		t.kept = appendTimes(t.kept[:0], r.WallMs, r.BuildMs)
	}
	return t.kept
}

func newEncoder(o Options, t *schema.Table) *encoder {
	e := &encoder{opts: o, table: t, wides: wideTypes(t), columns: codec.Columns(t), opens: make([][]byte, len(t.Columns))}
	e.types = e.appendTypes(nil, nil)
	for op, kind := range map[rows.Op]string{rows.Insert: "INSERT", rows.Update: "UPDATE", rows.Delete: "DELETE"} {
		e.heads[op] = appendHead(nil, schema.Ref{Schema: t.Schema, Name: t.Name}, pkNames(t), false, kind)
	}
	for n, i := range e.columns {
		e.opens[i] = append(appendString([]byte{"{,"[min(n, 1)]}, t.Columns[i].Name), ':', '"')
	}
	return e
}

func pkNames(t *schema.Table) []string {
	var names []string
	for _, c := range t.Columns {
		if c.PK {
			names = append(names, c.Name)
		}
	}
	return names
}

// appendTypes appends a message from "sql" to "old", for a row of these values, or for one that needs no larger types.
func (e *encoder) appendTypes(dst []byte, values []rows.Value) []byte {
	java := make([]int, len(e.table.Columns))
	for i := range e.table.Columns {
		java[i] = javaType(&e.table.Columns[i])
	}
	for _, w := range e.wides {
		if values != nil && w.needed(values) {
			java[w.column] = w.java
		}
	}
	dst = append(dst, `,"sql":"","sqlType":`...)
	for n, i := range e.columns {
		dst = appendString(append(dst, "{,"[min(n, 1)]), e.table.Columns[i].Name)
		dst = strconv.AppendInt(append(dst, ':'), int64(java[i]), 10)
	}
	dst = append(dst, `},"mysqlType":`...)
	for n, i := range e.columns {
		c := &e.table.Columns[i]
		dst = appendString(append(dst, "{,"[min(n, 1)]), c.Name)
		dst = appendString(append(dst, ':'), mysqlType(c, e.opts.FullTypes))
	}
	return append(dst, `},"old":`...)
}

func (w *wide) needed(values []rows.Value) bool {
	v := &values[w.column]
	return v.Kind == rows.Uint && v.Num > w.limit
}

// Row appends the message of r.
func (e *encoder) Row(dst []byte, r *codec.Row) ([]byte, error) {
	data := r.New
	if r.Op == rows.Delete {
		data = r.Old
	}
	if err := e.check(r, data); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = append(append(dst, e.heads[r.Op]...), e.times.text(r)...)
	dst = e.rowTypes(dst, data)
	ok := true
	if r.Op == rows.Update {
		dst, ok = e.old(dst, r)
	} else {
		dst = append(dst, "null"...)
	}
	dst = append(dst, `,"data":`...)
	if ok {
		dst, ok = e.all(dst, data)
	}
	if !ok {
		return dst[:start], e.impossible(r)
	}
	return e.opts.appendTail(dst, "commitTs", r.CommitTs), nil
}

func (e *encoder) rowTypes(dst []byte, values []rows.Value) []byte {
	for i := range e.wides {
		if e.wides[i].needed(values) {
			return e.appendTypes(dst, values)
		}
	}
	return append(dst, e.types...)
}

// all appends the array of one object that has every column.
func (e *encoder) all(dst []byte, values []rows.Value) ([]byte, bool) {
	dst = append(dst, '[')
	for _, i := range e.columns {
		var ok bool
		if dst, ok = e.member(dst, i, &values[i]); !ok {
			return dst, false
		}
	}
	return append(dst, '}', ']'), true
}

// old appends the array of one object that has an update's old values.
func (e *encoder) old(dst []byte, r *codec.Row) ([]byte, bool) {
	if !e.opts.OnlyUpdated {
		return e.all(dst, r.Old)
	}
	dst = append(dst, '[')
	separator := byte('{')
	for _, i := range e.columns {
		if codec.Same(&r.Old[i], &r.New[i]) {
			continue
		}
		at := len(dst)
		var ok bool
		if dst, ok = e.member(dst, i, &r.Old[i]); !ok {
			return dst, false
		}
		dst[at] = separator
		separator = ','
	}
	if separator == '{' {
		dst = append(dst, '{')
	}
	return append(dst, '}', ']'), true
}

// member appends column i's name and value; false if the value's kind is unknown.
func (e *encoder) member(dst []byte, i int, v *rows.Value) ([]byte, bool) {
	open := e.opens[i]
	if v.Kind == rows.Null {
		return append(append(dst, open[:len(open)-1]...), "null"...), true
	}
	dst, ok := e.value(append(dst, open...), v)
	return append(dst, '"'), ok
}

func (e *encoder) value(dst []byte, v *rows.Value) ([]byte, bool) {
	switch v.Kind {
	case rows.Int:
		return strconv.AppendInt(dst, int64(v.Num), 10), true
	case rows.Uint, rows.Bit, rows.Year, rows.Enum, rows.Set:
		return strconv.AppendUint(dst, v.Num, 10), true
	case rows.Float:
		return rows.AppendFloatExact(dst, v.Num, v.Scale), true
	case rows.Double:
		return rows.AppendDouble(dst, v.Num, v.Scale), true
	case rows.Decimal:
		return append(dst, v.Bytes...), true
	case rows.Text, rows.JSON:
		return appendText(dst, v.Bytes), true
	case rows.Binary:
		return appendLatin1(dst, v.Bytes), true
	case rows.Date:
		return rows.AppendDate(dst, v.Num), true
	case rows.Time:
		return rows.AppendTime(dst, int64(v.Num), v.Scale), true
	case rows.DateTime:
		return rows.AppendDateTime(dst, v.Num, v.Scale), true
	case rows.Timestamp:
		return rows.AppendTimestamp(dst, int64(v.Num), v.Scale, e.opts.Location), true
	}
	return dst, false
}

func (e *encoder) check(r *codec.Row, data []rows.Value) error {
	if r.Op < rows.Insert || r.Op > rows.Delete {
		return e.errorf("unknown operation %d", r.Op)
	}
	n := len(e.table.Columns)
	if len(data) != n {
		return e.errorf("it has %d values for %d columns", len(data), n)
	}
	if r.Op == rows.Update && len(r.Old) != n {
		return e.errorf("it has %d old values for %d columns", len(r.Old), n)
	}
	return nil
}

func (e *encoder) impossible(r *codec.Row) error {
	for _, values := range [][]rows.Value{r.Old, r.New} {
		for i := range values {
			if values[i].Kind > rows.JSON {
				return e.errorf("column %s has a value of unknown kind %d", e.table.Columns[i].Name, values[i].Kind)
			}
		}
	}
	return e.errorf("a value of unknown kind")
}

func (e *encoder) errorf(format string, args ...any) error {
	return fmt.Errorf("encode a row of %s.%s as canal-json: %s", e.table.Schema, e.table.Name, fmt.Sprintf(format, args...))
}
