package feed

import (
	"bytes"
	"fmt"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/span"
)

// A Splitter cuts the batches of one table for its spans, by the hash of each row's handle key. Rows travel on as the bytes
// that they were: of a row its length is found, and its key is read, nothing else. It is for one goroutine, and for one set of
// spans: when they change, another takes its place.
//
// Cut looks at a batch; Has and Part tell of that batch until the next Cut. A part has its rows in the batch's order. An
// update whose images belong to two spans is a delete in the one and an insert in the other, with the same
// (commit-ts, ordinal); where both belong to one span it stays an update. So an image of a row is always where its key
// is. All rows of one (commit-ts, ordinal) that a span gets are in one part.
type Splitter struct {
	format rows.Format
	table  int64
	space  *span.Space
	plans  []compiled // those used last
	oldest int        // the one that the next new plan replaces

	batch  *messages.RowBatch
	layout [][]byte     // of each chunk of batch, in memory that is not the batch's
	pieces []rows.Piece // of all chunks
	links  []link       // of the pieces
	parts  []part       // by span
	strays bool
}

// compiled is the plan of a table version's rows in one layout.
type compiled struct {
	table  *schema.Table
	layout []byte
	plan   rows.Plan
}

// A link tells to which chunk a piece belongs, and which is the next of the same part.
type link struct {
	chunk int32
	next  int32
}

// A part is the chain of the pieces of one span.
type part struct {
	first, last int32 // pieces; first is none if there is none
	chunks      int
	bytes       int
}

const (
	none      = -1
	spanPlans = 4 // a live walk and some over the past, which may be at other versions
)

// NewSplitter makes the Splitter of a table for spans that are sorted and share no key. There may be holes between them, as while
// a span has no dispatcher: of rows in a hole Strays tells.
func NewSplitter(f rows.Format, spans []barrier.Span) (*Splitter, error) {
	ranges := make([]span.Range, len(spans))
	for i, s := range spans {
		if s.Table != spans[0].Table {
			return nil, fmt.Errorf("split table %d: span %s is another table's", spans[0].Table, s)
		}
		ranges[i] = span.Range{Start: s.Start, End: s.End}
	}
	space, err := span.New(ranges)
	if err != nil {
		return nil, fmt.Errorf("split a table for the spans %v: %w", spans, err)
	}
	s := &Splitter{format: f, space: space, parts: make([]part, len(spans))}
	if len(spans) > 0 {
		s.table = int64(spans[0].Table)
	}
	return s, nil
}

// Cut looks at the rows of a batch, which t defines.
func (s *Splitter) Cut(t *schema.Table, b *messages.RowBatch) error {
	s.reset()
	if len(s.parts) > 0 && b.TableId != s.table || int64(t.ID) != b.TableId || t.Version != b.TableVersion {
		return fmt.Errorf("split rows of table %d version %d as those of table %d: they are defined as table %d version %d",
			b.TableId, b.TableVersion, s.table, t.ID, t.Version)
	}
	s.batch = b
	if s.space.Whole() {
		return nil
	}
	for i, c := range b.Chunks {
		if err := s.cut(t, int32(i), c); err != nil {
			s.reset()
			return fmt.Errorf("split rows of %s (version %d) at commit-ts %d: %w", t.Ref(), t.Version, c.CommitTs, err)
		}
	}
	return nil
}

func (s *Splitter) reset() {
	s.batch, s.layout, s.pieces, s.links, s.strays = nil, s.layout[:0], s.pieces[:0], s.links[:0], false
	for i := range s.parts {
		s.parts[i] = part{first: none, last: none}
	}
}

// cut adds the pieces of a chunk to the parts that they belong to.
func (s *Splitter) cut(t *schema.Table, number int32, c *messages.Chunk) error {
	p, err := s.plan(t, c.Layout)
	if err != nil {
		return err
	}
	s.layout = append(s.layout, p.layout)
	at := len(s.pieces)
	if s.pieces, err = rows.Cut(s.pieces, p.plan, s.space, rows.Op(c.Op), c.Body); err != nil {
		return err
	}
	for ; at < len(s.pieces); at++ {
		s.links = append(s.links, link{number, none})
		piece := &s.pieces[at]
		if piece.Place == span.Nowhere {
			s.strays = true
			continue
		}
		part := &s.parts[piece.Place]
		if part.first == none {
			part.first = int32(at)
		} else {
			s.links[part.last].next = int32(at)
		}
		if part.last == none || !s.joins(part.last, int32(at)) {
			part.chunks++
		}
		part.last = int32(at)
		part.bytes += piece.End - piece.Start
	}
	return nil
}

// joins tells that two pieces of a part are rows of one chunk of it.
func (s *Splitter) joins(a, b int32) bool {
	return s.links[a].chunk == s.links[b].chunk && s.pieces[a].Op == s.pieces[b].Op
}

// plan gives the compiled plan of a layout.
func (s *Splitter) plan(t *schema.Table, layout []byte) (*compiled, error) {
	for i := range s.plans {
		if p := &s.plans[i]; p.table == t && bytes.Equal(p.layout, layout) {
			return p, nil
		}
	}
	plan, err := s.format.Compile(t, layout)
	if err != nil {
		return nil, err
	}
	made := compiled{table: t, layout: bytes.Clone(layout), plan: plan}
	if len(s.plans) < spanPlans {
		s.plans = append(s.plans, made)
		return &s.plans[len(s.plans)-1], nil
	}
	p := &s.plans[s.oldest]
	*p, s.oldest = made, (s.oldest+1)%spanPlans
	return p, nil
}

// Complete tells that the spans cover the table: no row, now or later, is a stray.
func (s *Splitter) Complete() bool { return s.space.Complete() }

// Strays tells that the batch has rows that no span holds. They are in no part.
func (s *Splitter) Strays() bool { return s.strays }

// Has tells that the span has rows in the batch.
func (s *Splitter) Has(span int) bool {
	if s.space.Whole() {
		return s.batch != nil && len(s.batch.Chunks) > 0
	}
	return s.parts[span].first != none
}

// Part gives the rows of the span, nil if it has none. It is the batch itself if the span has all of it, and has else memory of
// its own, so that a slow span does not keep what went to the others.
func (s *Splitter) Part(span int) *messages.RowBatch {
	if !s.Has(span) {
		return nil
	}
	p := &s.parts[span]
	if s.space.Whole() || p.bytes == bodyBytes(s.batch) {
		return s.batch
	}
	b := &messages.RowBatch{
		TableId: s.batch.TableId, TableVersion: s.batch.TableVersion,
		Chunks: make([]*messages.Chunk, 0, p.chunks), Bytes: uint64(p.bytes) + uint64(p.chunks)*chunkOverhead,
	}
	chunks, memory := make([]messages.Chunk, p.chunks), make([]byte, 0, p.bytes)
	previous, start := int32(none), 0
	for i := p.first; i != none; i = s.links[i].next {
		piece, from := &s.pieces[i], s.batch.Chunks[s.links[i].chunk]
		if previous == none || !s.joins(previous, i) {
			c := &chunks[len(b.Chunks)]
			c.CommitTs, c.Ordinal, c.Op, c.Layout = from.CommitTs, from.Ordinal, messages.Op(piece.Op), s.layout[s.links[i].chunk]
			b.Chunks = append(b.Chunks, c)
			start = len(memory)
		}
		memory = append(memory, from.Body[piece.Start:piece.End]...)
		b.Chunks[len(b.Chunks)-1].Body = memory[start:len(memory):len(memory)]
		previous = i
	}
	return b
}

func bodyBytes(b *messages.RowBatch) int {
	n := 0
	for _, c := range b.Chunks {
		n += len(c.Body)
	}
	return n
}
