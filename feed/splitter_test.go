package feed

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/sources/mysql/image"
)

// A told is what a span is told of one row.
type told struct {
	commitTs uint64
	ordinal  uint32
	op       messages.Op
	images   string
}

func (t told) String() string {
	return fmt.Sprintf("%d.%d %s %x", t.commitTs, t.ordinal, t.op, t.images)
}

// A transcript is a batch, and what each span must be told of it, known from the rows' values alone.
type transcript struct {
	batch  *messages.RowBatch
	want   [][]told
	strays bool
}

// place looks at each span.
func place(spans []barrier.Span, hash uint64) int {
	return slices.IndexFunc(spans, func(s barrier.Span) bool { return hash >= s.Start && (s.End == 0 || hash < s.End) })
}

// transcribe makes a batch up.
func (r source) transcribe(m made, spans []barrier.Span) transcript {
	t := transcript{batch: &messages.RowBatch{TableId: int64(m.table.ID), TableVersion: m.table.Version}, want: make([][]told, len(spans))}
	ts, ordinal := uint64(10), uint32(0)
	most := 2 + r.IntN(500)
	image := func() (string, int) {
		row := make([]value, len(m.columns))
		for i, k := range m.columns {
			if !m.nullable[i] || r.IntN(4) > 0 {
				row[i] = r.value(k, most)
			}
		}
		return string(m.image(nil, row)), place(spans, m.key(row))
	}
	tell := func(to int, op messages.Op, images string) {
		if to < 0 {
			t.strays = true
			return
		}
		t.want[to] = append(t.want[to], told{ts, ordinal, op, images})
	}
	for range 1 + r.IntN(6) {
		if ordinal++; r.IntN(2) == 0 {
			ts, ordinal = ts+1, 0
		}
		c := &messages.Chunk{CommitTs: ts, Ordinal: ordinal, Op: messages.Op(1 + r.IntN(3)), Layout: m.layout}
		for range r.IntN(20) {
			before, from := image()
			if c.Body = append(c.Body, before...); c.Op != messages.Op_OP_UPDATE {
				tell(from, c.Op, before)
				continue
			}
			after, to := before, from
			if r.IntN(2) == 0 {
				after, to = image()
			}
			c.Body = append(c.Body, after...)
			if from == to {
				tell(from, messages.Op_OP_UPDATE, before+after)
			} else {
				tell(from, messages.Op_OP_DELETE, before)
				tell(to, messages.Op_OP_INSERT, after)
			}
		}
		t.batch.Chunks = append(t.batch.Chunks, c)
		t.batch.Bytes += Weight(c)
	}
	return t
}

// flatten joins a part's chunks, and what a span is to be told, to bytes by operation and position.
func flatten(want []told) []told {
	var flat []told
	for _, w := range want {
		if n := len(flat); n > 0 && flat[n-1].commitTs == w.commitTs && flat[n-1].ordinal == w.ordinal && flat[n-1].op == w.op {
			flat[n-1].images += w.images
		} else {
			flat = append(flat, w)
		}
	}
	return flat
}

// shape makes a table up.
func (r source) shape() shape {
	s := shape{nullable: map[int]bool{}}
	for i := range 1 + r.IntN(12) {
		s.columns = append(s.columns, kind(r.IntN(int(kinds))))
		s.nullable[i] = r.IntN(3) == 0
	}
	s.handle = r.Perm(len(s.columns))[:1+r.IntN(min(3, len(s.columns)))]
	return s
}

// spans makes up into what a table is split: evenly or not, sometimes with holes.
func (r source) spans(table barrier.TableID) []barrier.Span {
	if r.IntN(2) == 0 {
		return even(table, 1+r.IntN(9))
	}
	var cuts []uint64
	for range r.IntN(8) {
		cuts = append(cuts, r.Uint64())
	}
	slices.Sort(cuts)
	spans := []barrier.Span{{Table: table}}
	for _, c := range cuts {
		spans[len(spans)-1].End = c
		spans = append(spans, barrier.Span{Table: table, Start: c})
	}
	return slices.DeleteFunc(spans, func(barrier.Span) bool { return r.IntN(5) == 0 })
}

// Over random tables, keys, operations and spans, each span is told exactly what a look at each row's values says, in order,
// in chunks that are as large as can be, of its own memory, and with the right weight.
func TestSplitterAgreesWithTheValues(t *testing.T) {
	for seed := range uint64(600) {
		r := newSource(seed)
		m := r.shape().table()
		spans := r.spans(barrier.TableID(m.table.ID))
		s, err := NewSplitter(image.Format{}, spans)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for range 3 {
			x := r.transcribe(m, spans)
			if err := s.Cut(m.table, x.batch); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if s.Strays() != x.strays || s.Strays() && s.Complete() {
				t.Fatalf("seed %d: strays %v, want %v; complete %v", seed, s.Strays(), x.strays, s.Complete())
			}
			for i := range spans {
				checkPart(t, fmt.Sprintf("seed %d, span %s", seed, spans[i]), s, i, x)
			}
		}
	}
}

func checkPart(t *testing.T, where string, s *Splitter, i int, x transcript) {
	t.Helper()
	want, part := flatten(x.want[i]), s.Part(i)
	if len(want) == 0 && (part == nil || part == x.batch && s.space.Whole()) {
		return
	}
	if part == nil || !s.Has(i) {
		t.Fatalf("%s: no part, and %v; want %d chunks", where, s.Has(i), len(want))
	}
	var got []told
	weight := uint64(0)
	for _, c := range part.Chunks {
		weight += Weight(c)
		if !bytes.Equal(c.Layout, x.batch.Chunks[0].Layout) {
			t.Fatalf("%s: the layout is %x", where, c.Layout)
		}
		if len(c.Body) > 0 {
			got = append(got, told{c.CommitTs, c.Ordinal, c.Op, string(c.Body)})
		}
		if part != x.batch && cap(c.Body) > len(c.Body) {
			t.Fatalf("%s: appending to a chunk would overwrite the next", where)
		}
	}
	if part == x.batch {
		got = flatten(got) // one (commit-ts, ordinal) may have been made in two chunks
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\n got %v\nwant %v", where, got, want)
	}
	if part.Bytes != weight || part.TableId != x.batch.TableId || part.TableVersion != x.batch.TableVersion {
		t.Fatalf("%s: table %d version %d, %d bytes, want %d", where, part.TableId, part.TableVersion, part.Bytes, weight)
	}
}

// pair is a splitter over two halves of a table whose key is one text, with a row in each half.
func pair(t *testing.T, collation string) (*Splitter, made, [2][]byte) {
	t.Helper()
	m := shape{columns: []kind{text, integer}, handle: []int{0}}.table()
	m.table.Columns[0].Collation = collation
	spans := even(1, 2)
	s, err := NewSplitter(image.Format{}, spans)
	if err != nil {
		t.Fatal(err)
	}
	var images [2][]byte
	for i := 0; images[0] == nil || images[1] == nil; i++ {
		row := []value{textValue(fmt.Sprint("k", i)), intValue(1)}
		images[place(spans, m.key(row))] = m.image(nil, row)
	}
	return s, m, images
}

func batchOf(m made, op messages.Op, images ...[]byte) *messages.RowBatch {
	c := &messages.Chunk{CommitTs: 10, Ordinal: 3, Op: op, Layout: m.layout, Body: bytes.Join(images, nil)}
	return &messages.RowBatch{TableId: int64(m.table.ID), TableVersion: m.table.Version, Chunks: []*messages.Chunk{c}, Bytes: Weight(c)}
}

func show(b *messages.RowBatch) string {
	var s strings.Builder
	for _, c := range b.GetChunks() {
		fmt.Fprintf(&s, "%d.%d %s %d; ", c.CommitTs, c.Ordinal, c.Op, len(c.Body))
	}
	return s.String()
}

// A chain of updates that move rows to and fro keeps its order in each span.
func TestUpdatesAcrossSpansKeepTheirOrder(t *testing.T) {
	s, m, x := pair(t, "utf8mb4_bin")
	if err := s.Cut(m.table, batchOf(m, messages.Op_OP_UPDATE, x[0], x[1], x[1], x[1], x[1], x[0], x[0], x[0])); err != nil {
		t.Fatal(err)
	}
	n := len(x[0])
	want := [2]string{
		fmt.Sprintf("10.3 OP_DELETE %d; 10.3 OP_INSERT %[1]d; 10.3 OP_UPDATE %d; ", n, 2*n),
		fmt.Sprintf("10.3 OP_INSERT %d; 10.3 OP_UPDATE %d; 10.3 OP_DELETE %[1]d; ", n, 2*n),
	}
	for i := range want {
		if got := show(s.Part(i)); got != want[i] {
			t.Errorf("span %d: got %s, want %s", i, got, want[i])
		}
	}
}

// Keys that the server holds equal by letter case and trailing spaces have one place: such an update stays one, and a delete of
// 'a' goes where the insert of 'A ' went. Keys that only some collations hold equal may have two: then the update is a delete
// and an insert, each with its own bytes.
func TestKeysThatTheServerHoldsEqual(t *testing.T) {
	m := shape{columns: []kind{text}, handle: []int{0}}.table()
	spans := even(1, 64)
	s, err := NewSplitter(image.Format{}, spans)
	if err != nil {
		t.Fatal(err)
	}
	parts := func(before, after string) string {
		b, a := m.image(nil, []value{textValue(before)}), m.image(nil, []value{textValue(after)})
		if err := s.Cut(m.table, batchOf(m, messages.Op_OP_UPDATE, b, a)); err != nil {
			t.Fatal(err)
		}
		var all []string
		for i := range spans {
			if p := s.Part(i); p != nil {
				all = append(all, p.Chunks[0].Op.String())
			}
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	for _, c := range []struct{ before, after, want string }{
		{"a", "A ", "OP_UPDATE"},
		{"Key", "kEY   ", "OP_UPDATE"},
		{"e", "é", "OP_DELETE OP_INSERT"},
		{"a", "b", "OP_DELETE OP_INSERT"},
	} {
		if got := parts(c.before, c.after); got != c.want {
			t.Errorf("%q to %q: got %s, want %s", c.before, c.after, got, c.want)
		}
	}
}

// What a span gets of a batch that others share keeps none of the batch's memory; what it gets alone is the batch.
func TestPartsHaveMemoryOfTheirOwn(t *testing.T) {
	s, m, x := pair(t, "utf8mb4_bin")
	b := batchOf(m, messages.Op_OP_INSERT, x[0], x[1])
	b.Chunks[0].Layout = bytes.Clone(m.layout)
	if err := s.Cut(m.table, b); err != nil {
		t.Fatal(err)
	}
	part := s.Part(0)
	clear(b.Chunks[0].Body)
	clear(b.Chunks[0].Layout)
	if c := part.Chunks[0]; !bytes.Equal(c.Body, x[0]) || !bytes.Equal(c.Layout, m.layout) {
		t.Errorf("the part changed with the batch: %x, layout %x", c.Body, c.Layout)
	}
	alone := batchOf(m, messages.Op_OP_INSERT, x[1], x[1])
	alone.Chunks = append(alone.Chunks, batchOf(m, messages.Op_OP_DELETE, x[1]).Chunks...)
	if err := s.Cut(m.table, alone); err != nil {
		t.Fatal(err)
	}
	if s.Has(0) || s.Part(0) != nil || !s.Has(1) || s.Part(1) != alone {
		t.Error("a batch of one span's rows is not handed on as it is")
	}
}

// Rows that no span holds, as while a span has no dispatcher, go nowhere.
func TestRowsOfNoSpan(t *testing.T) {
	m := shape{columns: []kind{integer}, handle: []int{0}}.table()
	for _, spans := range [][]barrier.Span{nil, even(1, 2)[1:]} {
		s, err := NewSplitter(image.Format{}, spans)
		if err != nil {
			t.Fatal(err)
		}
		row := []value{intValue(0)}
		for i := int64(0); place(even(1, 2), m.key(row)) != 0; i++ {
			row[0] = intValue(i)
		}
		if err := s.Cut(m.table, batchOf(m, messages.Op_OP_DELETE, m.image(nil, row))); err != nil {
			t.Fatal(err)
		}
		if !s.Strays() || s.Complete() {
			t.Errorf("strays %v, complete %v", s.Strays(), s.Complete())
		}
		for i := range spans {
			if s.Has(i) {
				t.Errorf("span %s has a row of another", spans[i])
			}
		}
	}
}

// A table has several versions in flight, and a version several layouts; each is read by its own.
func TestSplitterReadsEachVersionByItsOwn(t *testing.T) {
	s, err := NewSplitter(image.Format{}, even(1, 4))
	if err != nil {
		t.Fatal(err)
	}
	r := newSource(7)
	for version := range uint64(20) {
		m := r.shape().table()
		m.table.Version = version
		x := r.transcribe(m, even(1, 4))
		if err := s.Cut(m.table, x.batch); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			checkPart(t, fmt.Sprint("version ", version, " span ", i), s, i, x)
		}
	}
	if len(s.plans) > spanPlans {
		t.Errorf("%d plans are kept", len(s.plans))
	}
}

// A DDL may give a table another key without changing how its rows are written.
func TestSplitterFollowsTheKey(t *testing.T) {
	spans := even(1, 16)
	s, err := NewSplitter(image.Format{}, spans)
	if err != nil {
		t.Fatal(err)
	}
	for version, handle := range [][]int{{0}, {1}, {0, 1}} {
		m := shape{columns: []kind{integer, integer}, handle: handle}.table()
		m.table.Version = uint64(version)
		row := []value{intValue(1), intValue(2)}
		if err := s.Cut(m.table, batchOf(m, messages.Op_OP_INSERT, m.image(nil, row))); err != nil {
			t.Fatal(err)
		}
		if want := place(spans, m.key(row)); !s.Has(want) {
			t.Errorf("key %v: the row is not in span %s", handle, spans[want])
		}
	}
}

func TestSplitterErrors(t *testing.T) {
	s, m, x := pair(t, "utf8mb4_bin")
	b := batchOf(m, messages.Op_OP_INSERT, x[0], x[1])
	b.Chunks[0].Body = b.Chunks[0].Body[:len(b.Chunks[0].Body)-1]
	err := s.Cut(m.table, b)
	if err == nil || !strings.Contains(err.Error(), "split rows of s.t (version 5) at commit-ts 10: read a row of s.t: column c1") {
		t.Errorf("a row cut short: %v", err)
	}
	if s.Has(0) || s.Part(1) != nil {
		t.Error("rows are left of a batch that could not be read")
	}
	if err := s.Cut(m.table, batchOf(m, messages.Op_OP_NONE, x[0])); err == nil {
		t.Error("no operation is an operation")
	}
	other := *m.table
	other.Version++
	if err := s.Cut(&other, batchOf(m, messages.Op_OP_INSERT, x[0])); err == nil {
		t.Error("rows are read by another version's definition")
	}
	if _, err := NewSplitter(image.Format{}, []barrier.Span{{Table: 1, End: 5}, {Table: 2, Start: 5}}); err == nil {
		t.Error("spans of two tables are one table's")
	}
	if _, err := NewSplitter(image.Format{}, []barrier.Span{{Table: 1, End: 5}, {Table: 1, Start: 4}}); err == nil {
		t.Error("spans may overlap")
	}
}

// However many rows there are, a batch costs a few allocations for each span that has any.
func TestSplitterAllocatesPerPart(t *testing.T) {
	table, batch := benchmarkBatch()
	s, err := NewSplitter(image.Format{}, even(1, 4))
	if err != nil {
		t.Fatal(err)
	}
	cut := func() {
		if err := s.Cut(table, batch); err != nil {
			t.Fatal(err)
		}
	}
	cut()
	if n := testing.AllocsPerRun(20, cut); n != 0 {
		t.Errorf("%v allocations to look at a batch, want none", n)
	}
	if n := testing.AllocsPerRun(20, func() { s.Part(2) }); n > 4 {
		t.Errorf("%v allocations for a part, want 4", n)
	}
}
