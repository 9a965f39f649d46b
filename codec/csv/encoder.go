package csv

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// An encoder encodes the rows of one table version.
type encoder struct {
	opts    Options
	table   *schema.Table
	strings enclosure
	heads   [3][]byte  // the line up to the table's schema, by op
	columns []int      // that are written
	enums   [][][]byte // the encoded labels of ENUM columns, by column and number
	scratch []byte     // for values put together
	comma   byte       // the delimiter's first byte
	rest    string     // the delimiter's other bytes
	plain   bool       // no date, decimal, base64 or hex text can need more than the quote around it
}

const (
	insertHead = iota
	updateHead
	deleteHead
)

func newEncoder(o Options, t *schema.Table) *encoder {
	e := &encoder{
		opts:    o,
		table:   t,
		strings: newEnclosure(o),
		columns: codec.Columns(t),
		enums:   make([][][]byte, len(t.Columns)),
		comma:   o.Delimiter[0],
		rest:    o.Delimiter[1:],
	}
	e.plain = e.strings.leaves("0123456789 :-.+/=abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	for head, op := range []string{insertHead: "I", updateHead: "U", deleteHead: "D"} {
		e.heads[head] = e.head(op)
	}
	for i, c := range t.Columns {
		if c.Type == schema.Enum {
			e.enums[i] = e.labels(c.Elems)
		}
	}
	return e
}

func (e *encoder) head(op string) []byte {
	head := e.strings.append(nil, []byte(op))
	head = append(head, e.opts.Delimiter...)
	head = e.strings.append(head, []byte(e.table.Name))
	head = append(head, e.opts.Delimiter...)
	return e.strings.append(head, []byte(e.table.Schema))
}

// labels encodes the labels of an ENUM, of which number 0 is the error value.
func (e *encoder) labels(elems []string) [][]byte {
	labels := make([][]byte, 1, len(elems)+1)
	labels[0] = e.strings.append(nil, nil)
	for _, label := range elems {
		labels = append(labels, e.strings.append(nil, []byte(label)))
	}
	return labels
}

// Row appends the line, or the two lines, of r.
func (e *encoder) Row(dst []byte, r *codec.Row) ([]byte, error) {
	switch r.Op {
	case rows.Insert:
		return e.line(dst, insertHead, r.CommitTs, false, r.New)
	case rows.Delete:
		return e.line(dst, deleteHead, r.CommitTs, false, r.Old)
	case rows.Update:
		return e.update(dst, r)
	}
	return dst, fmt.Errorf("encode a row of %s.%s as csv: unknown operation %d", e.table.Schema, e.table.Name, r.Op)
}

func (e *encoder) update(dst []byte, r *codec.Row) ([]byte, error) {
	if !e.opts.OutputOldValue && e.keepsKey(r) {
		return e.line(dst, updateHead, r.CommitTs, true, r.New)
	}
	start := len(dst)
	dst, err := e.line(dst, deleteHead, r.CommitTs, true, r.Old)
	if err != nil {
		return dst, err
	}
	dst, err = e.line(dst, insertHead, r.CommitTs, true, r.New)
	if err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// keepsKey tells that the new values' handle key finds the old row.
func (e *encoder) keepsKey(r *codec.Row) bool {
	if len(r.Old) != len(e.table.Columns) || len(r.New) != len(e.table.Columns) {
		return false
	}
	for _, i := range e.table.Handle {
		if !codec.Same(&r.Old[i], &r.New[i]) {
			return false
		}
	}
	return len(e.table.Handle) > 0
}

func (e *encoder) line(dst []byte, head int, commitTs uint64, isUpdate bool, values []rows.Value) ([]byte, error) {
	start := len(dst)
	if len(values) != len(e.table.Columns) {
		return dst, fmt.Errorf("encode a row of %s.%s as csv: it has %d values for %d columns",
			e.table.Schema, e.table.Name, len(values), len(e.table.Columns))
	}
	dst = append(dst, e.heads[head]...)
	if e.opts.IncludeCommitTs {
		dst = strconv.AppendUint(e.delimit(dst), commitTs, 10)
	}
	if e.opts.OutputOldValue {
		dst = strconv.AppendBool(e.delimit(dst), isUpdate)
	}
	var ok bool
	for _, i := range e.columns {
		if dst, ok = e.value(e.delimit(dst), i, &values[i]); !ok {
			return dst[:start], e.impossible(i, &values[i])
		}
	}
	return append(dst, e.opts.Terminator...), nil
}

func (e *encoder) delimit(dst []byte) []byte {
	dst = append(dst, e.comma)
	if e.rest != "" {
		dst = append(dst, e.rest...)
	}
	return dst
}

// value appends the value of column i; false if the column has no such value.
func (e *encoder) value(dst []byte, i int, v *rows.Value) ([]byte, bool) {
	switch v.Kind {
	case rows.Null:
		return append(dst, e.opts.Null...), true
	case rows.Int:
		return strconv.AppendInt(dst, int64(v.Num), 10), true
	case rows.Uint, rows.Bit, rows.Year:
		return strconv.AppendUint(dst, v.Num, 10), true
	case rows.Float:
		return rows.AppendFloatExact(dst, v.Num, v.Scale), true
	case rows.Double:
		return rows.AppendDouble(dst, v.Num, v.Scale), true
	case rows.Text, rows.JSON:
		return e.strings.append(dst, v.Bytes), true
	case rows.Enum:
		labels := e.enums[i]
		if v.Num >= uint64(len(labels)) {
			return dst, false
		}
		return append(dst, labels[v.Num]...), true
	case rows.Set:
		return e.set(dst, e.table.Columns[i].Elems, v.Num)
	}
	return e.plainString(dst, v)
}

// plainString appends a value whose text has a small alphabet, as a string.
func (e *encoder) plainString(dst []byte, v *rows.Value) ([]byte, bool) {
	if !e.plain {
		text, ok := e.format(e.scratch[:0], v)
		e.scratch = text
		return e.strings.append(dst, text), ok
	}
	if e.strings.quote == 0 {
		return e.format(dst, v)
	}
	dst, ok := e.format(append(dst, e.strings.quote), v)
	return append(dst, e.strings.quote), ok
}

func (e *encoder) format(dst []byte, v *rows.Value) ([]byte, bool) {
	switch v.Kind {
	case rows.Decimal:
		return append(dst, v.Bytes...), true
	case rows.Date:
		return rows.AppendDate(dst, v.Num), true
	case rows.Time:
		return rows.AppendTime(dst, int64(v.Num), v.Scale), true
	case rows.DateTime:
		return rows.AppendDateTime(dst, v.Num, v.Scale), true
	case rows.Timestamp:
		return rows.AppendTimestamp(dst, int64(v.Num), v.Scale, e.opts.Location), true
	case rows.Binary:
		if e.opts.Hex {
			return hex.AppendEncode(dst, v.Bytes), true
		}
		return base64.StdEncoding.AppendEncode(dst, v.Bytes), true
	}
	return dst, false
}

// set appends the labels of a SET's bits: "a,b".
func (e *encoder) set(dst []byte, elems []string, bits uint64) ([]byte, bool) {
	if len(elems) < 64 && bits>>len(elems) != 0 {
		return dst, false
	}
	text := e.scratch[:0]
	for i, label := range elems {
		if bits>>i&1 == 0 {
			continue
		}
		if len(text) > 0 {
			text = append(text, ',')
		}
		text = append(text, label...)
	}
	e.scratch = text
	return e.strings.append(dst, text), true
}

func (e *encoder) impossible(i int, v *rows.Value) error {
	what := fmt.Sprintf("a value of unknown kind %d", v.Kind)
	if v.Kind == rows.Enum || v.Kind == rows.Set {
		what = "no label for its number: its definition here differs from the upstream's"
	}
	return fmt.Errorf("encode a row of %s.%s as csv: column %s has %s",
		e.table.Schema, e.table.Name, e.table.Columns[i].Name, what)
}
