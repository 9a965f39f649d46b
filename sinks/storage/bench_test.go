package storage_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks/sinktest"
)

// BenchmarkWrite is the way of rows through the sink alone: two columns, 120 bytes, in batches of 1,000; each as one
// event, or each row as a transaction of its own. The rest is one table or sixteen.
func BenchmarkWrite(b *testing.B) {
	for _, tables := range []int{1, 16} {
		for _, event := range []int{1000, 1} {
			b.Run(fmt.Sprintf("tables=%d/event=%d", tables, event), func(b *testing.B) { write(b, tables, event) })
		}
	}
}

func write(b *testing.B, tables, event int) {
	dir, err := os.MkdirTemp("", "weir-sink-bench")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	w := sinktest.NewWorld(b, opener(b, dir, "&flush-interval=1s"))
	probes := make([]*sinktest.Probe, tables)
	all := make([]*schema.Table, tables)
	for i := range tables {
		all[i] = w.Publish(sinktest.Table(schema.TableID(i+1), ts(0), "shop", fmt.Sprint("t", i)))
		probes[i] = w.Probe(fmt.Sprint("d", i), sinktest.Whole(all[i]))
	}
	text := strings.Repeat("x", 110)
	ids := make([]uint64, event)
	b.ResetTimer()
	n := uint64(0)
	for i := range b.N {
		p := probes[i%tables]
		var chunks []*messages.Chunk
		for range 1000 / event {
			n++
			chunks = append(chunks, sinktest.Insert(ts(n), 0, text, ids...))
		}
		p.Write(sinktest.Batch(all[i%tables], chunks...))
		p.Await("credit", func() bool { return p.Window() < 64 })
	}
	for _, p := range probes {
		p.Flush()
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
	w.Stop()
}
