package image

import (
	"errors"
	"fmt"
	"strings"

	"github.com/weir-cdc/weir/schema"
)

// A Mismatch tells that the stream's rows are not those of the table's definition: reading on would give wrong values.
type Mismatch struct {
	Table             schema.Ref
	Column            string // empty if the number of columns differs
	Defined, Streamed string // what the definition and the stream say
}

func (m *Mismatch) Error() string {
	what := m.Table.String()
	if m.Column != "" {
		what = fmt.Sprintf("%s column %s", m.Table, m.Column)
	}
	return fmt.Sprintf("read %s: the table's definition says %s, the stream says %s; the definition is of another time than "+
		"the rows: start the changefeed anew at a position behind the last change of the table's definition", what, m.Defined, m.Streamed)
}

// errMismatch is compileColumn's answer to a layout that is not the definition's.
var errMismatch = errors.New("mismatch")

// describe makes an error of compileColumn tell what and where.
func describe(err error, t *schema.Table, col *schema.Column, f field) error {
	if errors.Is(err, errMismatch) {
		return &Mismatch{Table: tableRef(t), Column: col.Name, Defined: definition(col), Streamed: f.String()}
	}
	return fmt.Errorf("read %s column %s: %w", tableRef(t), col.Name, err)
}

// definition says of a column what decides over its encoding.
func definition(col *schema.Column) string {
	s := strings.ToUpper(col.TypeName)
	switch col.Type {
	case schema.Decimal:
		s += fmt.Sprintf("(%d,%d)", col.Precision, col.Scale)
	case schema.Time, schema.DateTime, schema.Timestamp:
		s += fmt.Sprintf("(%d)", col.Scale)
	case schema.Char, schema.VarChar, schema.Binary, schema.VarBinary, schema.Bit:
		if col.Length >= 0 {
			s += fmt.Sprintf("(%d)", col.Length)
		}
	case schema.Enum, schema.Set:
		s += fmt.Sprintf(" of %d labels", len(col.Elems))
	}
	if col.Charset != "" && col.Charset != "binary" {
		s += " CHARACTER SET " + col.Charset
	}
	return s
}

func countColumns(n int) string {
	if n == 1 {
		return "1 column"
	}
	return fmt.Sprintf("%d columns", n)
}

func tableRef(t *schema.Table) schema.Ref { return schema.Ref{Schema: t.Schema, Name: t.Name} }

// What a decode step returns in place of a length.
const (
	short   = -1 // the value goes on beyond the bytes
	corrupt = -2 // the bytes are no such value: the column's fault says why
)

func (p *plan) broken(c *column, pos, code int) error {
	fault := c.fault
	if code == short {
		fault = "it goes on beyond the end of the event"
	}
	return fmt.Errorf("read a row of %s: column %s at byte %d: %s; the event is damaged or the table's definition is of another time",
		p.table, c.name, pos, fault)
}

func (p *plan) tooShort() error {
	return fmt.Errorf("read a row of %s: the event ends within the row's NULL bitmap; it is damaged", p.table)
}
