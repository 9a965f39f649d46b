package sinks

import (
	"fmt"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A Decoder reads the rows of batches of one table version, and keeps the plans compiled for them. It is for one
// goroutine at a time.
type Decoder struct {
	format rows.Format
	table  *schema.Table
	plans  map[string]*plans // by layout
	layout string            // of last
	last   *plans
	old    []rows.Value
	new    []rows.Value
	end    int // the column that ends a row's period in a system-versioned table, -1 in others
}

// The plans of one layout. An update's two images are held at once, and values borrow from a plan only until it reads
// the next image: so each has a plan of its own.
type plans struct{ before, after rows.Plan }

// Find gives the definition that a batch names.
func Find(c *schema.Catalog, b *messages.RowBatch) (*schema.Table, error) {
	t, ok := c.Table(schema.TableID(b.TableId), b.TableVersion)
	if !ok {
		return nil, &Fatal{fmt.Errorf("no definition of table %d version %d: restart the changefeed from its checkpoint",
			b.TableId, b.TableVersion)}
	}
	return t, nil
}

// NewDecoder makes the Decoder of a table version.
func NewDecoder(f rows.Format, t *schema.Table) *Decoder {
	n := len(t.Columns)
	values := make([]rows.Value, 2*n)
	return &Decoder{format: f, table: t, plans: map[string]*plans{}, old: values[:n:n], new: values[n:], end: periodEnd(t)}
}

// Plan gives the compiled plan of a chunk's rows.
func (d *Decoder) Plan(c *messages.Chunk) (rows.Plan, error) {
	p, err := d.compiled(c)
	if err != nil {
		return nil, err
	}
	return p.after, nil
}

func (d *Decoder) compiled(c *messages.Chunk) (*plans, error) {
	if d.last != nil && string(c.Layout) == d.layout {
		return d.last, nil
	}
	p, known := d.plans[string(c.Layout)]
	if !known {
		before, err := d.format.Compile(d.table, c.Layout)
		if err != nil {
			return nil, d.fatal("compile the rows' layout", err)
		}
		after, err := d.format.Compile(d.table, c.Layout)
		if err != nil {
			return nil, d.fatal("compile the rows' layout", err)
		}
		p = &plans{before, after}
		d.plans[string(c.Layout)] = p
	}
	d.last, d.layout = p, string(c.Layout)
	return p, nil
}

// Rows calls each for the rows of a chunk. old is nil for an insert, new for a delete; they hold until each returns.
// An error that a row's bytes cause is Fatal and names the table; an error of each is returned as it is. Of a system-versioned
// table's rows those of the past are left out (see versioned.go).
func (d *Decoder) Rows(c *messages.Chunk, each func(op rows.Op, old, new []rows.Value) error) error {
	p, err := d.compiled(c)
	if err != nil {
		return err
	}
	op := rows.Op(c.Op)
	for body := c.Body; len(body) > 0; {
		n, old, new, err := d.row(p, op, body)
		if err != nil {
			return d.fatal("decode a row", err)
		}
		if shown, old, new := d.current(op, old, new); shown != 0 {
			if err := each(shown, old, new); err != nil {
				return err
			}
		}
		body = body[n:]
	}
	return nil
}

// row decodes the row at the start of body, both images of an update.
func (d *Decoder) row(p *plans, op rows.Op, body []byte) (n int, old, new []rows.Value, err error) {
	switch op {
	case rows.Insert:
		n, err = p.after.Row(body, d.new)
		return n, nil, d.new, err
	case rows.Delete:
		n, err = p.before.Row(body, d.old)
		return n, d.old, nil, err
	case rows.Update:
		var m int
		if n, err = p.before.Row(body, d.old); err == nil {
			m, err = p.after.Row(body[n:], d.new)
		}
		return n + m, d.old, d.new, err
	}
	return 0, nil, nil, fmt.Errorf("unknown operation %d", op)
}

func (d *Decoder) fatal(step string, err error) error {
	return &Fatal{fmt.Errorf("%s of table %s.%s (version %d): %w", step, d.table.Schema, d.table.Name, d.table.Version, err)}
}
