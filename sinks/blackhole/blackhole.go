// Package blackhole is the sink that writes nothing: blackhole:// decodes every row, as a real sink has to, counts it
// and lets it go. With ?decode=false it does not even look. It measures the path up to a sink, and is the shortest
// example of one.
package blackhole

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

func init() { sinks.Register("blackhole", open) }

func open(u *url.URL, env sinks.Env) (*actor.Props, error) {
	decode := true
	for name, values := range u.Query() {
		if name != "decode" {
			return nil, fmt.Errorf("unknown option %q: the only one is decode=true|false", name)
		}
		var err error
		if decode, err = strconv.ParseBool(values[len(values)-1]); err != nil {
			return nil, fmt.Errorf("option decode=%q: use true or false", values[len(values)-1])
		}
	}
	return sinks.Props(env, func() (sinks.Writer, error) { return &Writer{env: env, decode: decode}, nil }), nil
}

// A Writer counts rows and statements.
type Writer struct {
	env    sinks.Env
	decode bool
	tables map[*schema.Table]*sinks.Decoder

	rows, ddl atomic.Uint64
}

var _ sinks.Writer = (*Writer)(nil)

// Rows is how many rows have been decoded and dropped.
func (w *Writer) Rows() uint64 { return w.rows.Load() }

// Statements is how many DDL statements have been taken.
func (w *Writer) Statements() uint64 { return w.ddl.Load() }

// Write decodes the rows.
func (w *Writer) Write(_ context.Context, writes []*messages.Write) error {
	if !w.decode {
		return nil
	}
	var n uint64
	for _, m := range writes {
		t, err := sinks.Find(w.env.Catalog, m.Rows)
		if err != nil {
			return err
		}
		d := w.decoder(t)
		for _, c := range m.Rows.Chunks {
			if err := d.Rows(c, func(rows.Op, []rows.Value, []rows.Value) error { n++; return nil }); err != nil {
				return err
			}
		}
	}
	w.rows.Add(n)
	return nil
}

func (w *Writer) decoder(t *schema.Table) *sinks.Decoder {
	d := w.tables[t]
	if d == nil {
		if w.tables == nil {
			w.tables = map[*schema.Table]*sinks.Decoder{}
		}
		d = sinks.NewDecoder(w.env.Format, t)
		w.tables[t] = d
	}
	return d
}

// Execute counts the statement, and lets go of the definitions that may be over now.
func (w *Writer) Execute(context.Context, *messages.DDL) error {
	w.ddl.Add(1)
	w.tables = nil
	return nil
}

// WriteSyncpoint does nothing: nothing is held.
func (w *Writer) WriteSyncpoint(context.Context, *messages.WriteSyncpoint) error { return nil }
