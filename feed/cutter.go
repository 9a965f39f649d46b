package feed

import (
	"fmt"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

// Definitions knows the tables as of the place in the stream that the walk has reached.
type Definitions interface {
	// Table gives the definition that the rows of ref have now, or nil if ref is not replicated. described is what
	// the stream itself says of the table, nil where it says nothing; a contradiction is an error. commitTs is the
	// rows'.
	Table(ref schema.Ref, described *schema.Table, commitTs uint64) (*schema.Table, error)
	// Apply moves over a DDL. It returns nil for a statement that touches no replicated table. tables are those whose
	// dispatchers must meet at it, beyond the ones in its Changes (ALTER DATABASE); nil means: those in Changes.
	Apply(s *schema.Statement) (d *schema.DDL, tables []schema.TableID, err error)
}

// syncpointShift turns a commit-ts into wall milliseconds.
const syncpointShift = 18

// A Cutter is a sources.Handler that fills a Segment. One Cutter serves one walk, from its mark on.
type Cutter struct {
	defs     Definitions
	interval uint64 // of syncpoints, ms; 0 none
	skip     uint64 // nothing at or below this commit-ts is wanted
	last     uint64 // the previous transaction's commit-ts: the recurrence of syncpoint boundaries

	known   map[schema.Ref]*known
	open    []*known // with an unfinished batch, in order of first row
	slab    []messages.Chunk
	seg     Segment
	walked  int
	pending *schema.DDL // applied, waits for its Commit's wall time
	tables  []schema.TableID
}

// known is a table name as the walk last resolved it.
type known struct {
	table     *schema.Table // nil: not replicated
	described *schema.Table
	batch     *messages.RowBatch
}

// NewCutter makes a Cutter for a walk that begins at the mark. What commits at or below skip is passed over. syncpointMs is the
// interval between syncpoints in milliseconds of commit time, 0 for none.
func NewCutter(defs Definitions, at relay.Mark, skip uint64, syncpointMs uint64) *Cutter {
	return &Cutter{defs: defs, interval: syncpointMs, skip: skip, last: at.Ts, known: map[schema.Ref]*known{}}
}

var _ sources.Handler = (*Cutter)(nil)

// Rows takes one event of rows.
func (c *Cutter) Rows(e *sources.RowsEvent) error {
	c.walked += len(e.Body)
	if e.CommitTs <= c.skip {
		return nil
	}
	k, ok := c.known[e.Table]
	if !ok || k.described != e.Described {
		table, err := c.defs.Table(e.Table, e.Described, e.CommitTs)
		if err != nil {
			return fmt.Errorf("read rows of %s at commit-ts %d: %w", e.Table, e.CommitTs, err)
		}
		c.finish(k)
		k = &known{table: table, described: e.Described}
		c.known[e.Table] = k
	}
	if k.table == nil || len(e.Body) == 0 {
		return nil
	}
	if k.batch == nil {
		k.batch = &messages.RowBatch{TableId: int64(k.table.ID), TableVersion: k.table.Version}
		c.open = append(c.open, k)
	}
	chunk := c.chunk()
	chunk.CommitTs, chunk.Ordinal, chunk.Op = e.CommitTs, e.Ordinal, messages.Op(e.Op)
	chunk.Layout, chunk.Body = e.Layout, e.Body
	k.batch.Chunks = append(k.batch.Chunks, chunk)
	k.batch.Bytes += Weight(chunk)
	return nil
}

// chunkOverhead is what a chunk weighs beside its rows.
const chunkOverhead = 160

// Weight is what a chunk adds to the RowBatch.Bytes of its batch.
func Weight(c *messages.Chunk) uint64 { return uint64(len(c.Body)) + chunkOverhead }

// chunk takes chunks from a slab: single-row transactions need one each.
func (c *Cutter) chunk() *messages.Chunk {
	if len(c.slab) == 0 {
		c.slab = make([]messages.Chunk, 64)
	}
	chunk := &c.slab[0]
	c.slab = c.slab[1:]
	return chunk
}

// DDL takes a statement; its event is emitted with its Commit, which brings the wall time.
func (c *Cutter) DDL(s *schema.Statement) error {
	if s.CommitTs <= c.skip {
		return nil
	}
	d, tables, err := c.defs.Apply(s)
	if err != nil {
		return fmt.Errorf("apply the DDL at commit-ts %d: %w", s.CommitTs, err)
	}
	// The statement may have changed what any name means, a replicated table or not.
	c.finishAll()
	clear(c.known)
	if d == nil {
		return nil
	}
	if tables == nil {
		tables = influenced(d)
	}
	c.pending, c.tables = d, tables
	return nil
}

// Commit ends a transaction: the events at its commit-ts follow its rows, DDL before syncpoint.
func (c *Cutter) Commit(m relay.Mark, wallMs int64) error {
	prev := c.last
	if m.Position != "" {
		c.last = m.Ts
	}
	if m.Ts <= c.skip {
		return nil
	}
	if d := c.pending; d != nil {
		c.pending = nil
		c.emit(Item{Event: ddlEvent(d, c.tables, wallMs), DDL: d})
	}
	// A mark without a position lies inside of the upstream's transaction: the boundary waits for its end.
	if c.interval > 0 && prev > 0 && m.Position != "" && prev>>syncpointShift/c.interval != m.Ts>>syncpointShift/c.interval {
		c.emit(Item{Event: &messages.Event{
			Key:            keyOf(m.Ts, messages.EventKind_EVENT_SYNCPOINT),
			Info:           &messages.EventInfo{Influence: uint32(schema.All), NeedsTrigger: true},
			Blocks:         true,
			SourcePosition: m.Position, WallMs: wallMs,
		}})
	}
	c.seg.Resolved = m.Ts
	return nil
}

func (c *Cutter) emit(i Item) {
	c.finishAll()
	c.seg.Items = append(c.seg.Items, i)
}

func (c *Cutter) finish(k *known) {
	if k == nil || k.batch == nil {
		return
	}
	c.seg.Items = append(c.seg.Items, Item{Batch: k.batch})
	k.batch = nil
}

func (c *Cutter) finishAll() {
	for _, k := range c.open {
		c.finish(k)
	}
	c.open = c.open[:0]
}

// Take ends the segment and returns it; read is how many bytes of the log it came from. Rows that are a small part
// of what was read are copied, lest they hold all of it in memory.
func (c *Cutter) Take(read int) Segment {
	c.finishAll()
	seg := c.seg
	seg.Walked = c.walked
	c.seg, c.walked = Segment{}, 0
	for _, i := range seg.Items {
		if i.Batch != nil && i.Batch.Bytes < uint64(read)/4 {
			compact(i.Batch)
		}
	}
	return seg
}

// compact moves a batch's rows into memory of their own.
func compact(b *messages.RowBatch) {
	size := 0
	for _, c := range b.Chunks {
		size += len(c.Body) + len(c.Layout)
	}
	own := make([]byte, 0, size)
	var from, to []byte // the layout copied last
	for _, c := range b.Chunks {
		start := len(own)
		own = append(own, c.Body...)
		c.Body = own[start:len(own):len(own)]
		if from != nil && len(from) == len(c.Layout) && &from[0] == &c.Layout[0] {
			c.Layout = to
			continue
		}
		from, start = c.Layout, len(own)
		own = append(own, c.Layout...)
		to = own[start:len(own):len(own)]
		c.Layout = to
		if len(from) == 0 {
			from = nil
		}
	}
}
