package feed

import (
	"fmt"
	"testing"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources/mysql/image"
)

// even cuts a table's key space into n spans.
func even(table barrier.TableID, n int) []barrier.Span {
	spans := make([]barrier.Span, n)
	step := ^uint64(0)/uint64(n) + 1 // 0 for the whole
	for i := range spans {
		spans[i] = barrier.Span{Table: table, Start: uint64(i) * step, End: uint64(i+1) * step}
	}
	spans[n-1].End = 0
	return spans
}

const benchmarkRows = 1000

// benchmarkBatch is a batch of one chunk of 1,000 rows with eleven columns and 172 bytes each.
func benchmarkBatch() (*schema.Table, *messages.RowBatch) {
	t := shape{
		columns: []kind{bigInt, integer, text, text, integer, integer, decimal, double, bigInt, integer, text}, handle: []int{0},
	}.table()
	r := newSource(1)
	var body []byte
	for i := range benchmarkRows {
		row := make([]value, len(t.table.Columns))
		for c, k := range t.columns {
			row[c] = r.value(k, 6)
		}
		row[0] = intValue(int64(i))
		row[2] = textValue(fmt.Sprintf("customer.%08d@example.com", i))
		row[3] = textValue(fmt.Sprintf("order %08d of something nice", i))
		row[10] = textValue("")
		image := t.image(nil, row)
		row[10] = textValue(fmt.Sprintf("%0*d", 172-len(image), 0))
		body = t.image(body, row)
	}
	b := &messages.RowBatch{TableId: int64(t.table.ID), TableVersion: t.table.Version, Chunks: []*messages.Chunk{{
		CommitTs: 10, Op: messages.Op_OP_INSERT, Layout: t.layout, Body: body,
	}}}
	b.Bytes = uint64(len(body)) + chunkOverhead
	return t.table, b
}

// The costs of a row: in the splitter, copied and nothing else, and decoded as a sink does.
func BenchmarkRow(b *testing.B) {
	table, batch := benchmarkBatch()
	body := batch.Chunks[0].Body
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.N)*benchmarkRows/b.Elapsed().Seconds()/1e6, "Mrows/s")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchmarkRows, "ns/row")
	}
	for _, n := range []int{1, 2, 4, 8, 64} {
		b.Run(fmt.Sprintf("split/%d", n), func(b *testing.B) {
			s, err := NewSplitter(image.Format{}, even(1, n))
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Cut(table, batch); err != nil {
					b.Fatal(err)
				}
				for i := range n {
					_ = s.Part(i)
				}
			}
			perRow(b)
		})
	}
	b.Run("cut/4", func(b *testing.B) {
		s, err := NewSplitter(image.Format{}, even(1, 4))
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if err := s.Cut(table, batch); err != nil {
				b.Fatal(err)
			}
		}
		perRow(b)
	})
	b.Run("copy", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			_ = append(make([]byte, 0, len(body)), body...)
		}
		perRow(b)
	})
	b.Run("decode", func(b *testing.B) {
		plan, err := image.Format{}.Compile(table, batch.Chunks[0].Layout)
		if err != nil {
			b.Fatal(err)
		}
		values := make([]rows.Value, len(table.Columns))
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			for rest := body; len(rest) > 0; {
				n, err := plan.Row(rest, values)
				if err != nil {
					b.Fatal(err)
				}
				rest = rest[n:]
			}
		}
		perRow(b)
	})
}
