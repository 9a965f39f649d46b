package storage

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
)

// bareWorker makes a worker without actors around it.
func bareWorker(t *testing.T, dir, query string) *worker {
	t.Helper()
	o, err := parse(&url.URL{Scheme: "file", Path: dir, RawQuery: query})
	if err != nil {
		t.Fatal(err)
	}
	env := sinks.Env{Catalog: schema.NewCatalog(), Format: sinktest.Format{}, Now: time.Now}
	return newWorker(env, o, 0)
}

func (w *worker) play(t *testing.T, items ...any) *progress {
	t.Helper()
	w.progress = &progress{items: items, touched: map[*stream]bool{}}
	if err := w.run(); err != nil {
		t.Fatal(err)
	}
	return w.progress
}

// commitAll does what the committer does.
func (w *worker) commitAll(t *testing.T) {
	t.Helper()
	if err := (&commit{files: w.queue, env: &w.env}).run(); err != nil {
		t.Fatal(err)
	}
	for _, f := range w.queue {
		f.of.durable = true
		w.spans[f.span].tail = nil
	}
	w.queue = nil
}

// TestHandles writes to more tables than there are handles.
func TestHandles(t *testing.T) {
	w := bareWorker(t, t.TempDir(), "date-separator=none&worker-count=1&file-index-digit=6")
	w.handles.most = 2
	var items []any
	for round := uint64(1); round <= 3; round++ {
		for id := range schema.TableID(5) {
			table := sinktest.Table(id, 1, "shop", fmt.Sprint("t", id))
			w.env.Catalog.Publish(table)
			items = append(items, &messages.Write{Dispatcher: fmt.Sprint(id), Seq: round, Span: sinktest.Whole(table),
				Rows: sinktest.Batch(table, sinktest.Insert(round, 0, "x", round))})
		}
		w.play(t, items...)
		items = nil
		if n := w.handles.order.Len(); n > 2 {
			t.Fatalf("%d handles are open", n)
		}
	}
	for _, state := range w.spans {
		w.seal(state)
	}
	w.commitAll(t)
	for id := range 5 {
		path := filepath.Join(w.options.dir, "shop", fmt.Sprint("t", id), "1", "CDC000001.csv")
		data, err := os.ReadFile(path)
		if want := strings.ReplaceAll("N1N2N3", "N", fmt.Sprintf("\"I\",\"t%d\",\"shop\",", id)); err != nil ||
			strings.ReplaceAll(strings.ReplaceAll(string(data), `,"x"`, ""), "\r\n", "") != want {
			t.Errorf("%s holds %q (%v)", path, data, err)
		}
	}
}

// TestOneEventOneFile: a file ends between positions only, so a record never cuts an event in two.
func TestOneEventOneFile(t *testing.T) {
	w := bareWorker(t, t.TempDir(), "date-separator=none&file-size=1&file-index-digit=6")
	table := sinktest.Table(1, 1, "shop", "a")
	w.env.Catalog.Publish(table)
	write := &messages.Write{Dispatcher: "d", Seq: 1, Span: sinktest.Whole(table), Rows: sinktest.Batch(table,
		sinktest.Insert(5, 0, "x", 1), sinktest.Insert(5, 0, "y", 2), sinktest.Insert(5, 1, "z", 3))}
	p := w.play(t, write)
	if len(w.queue) != 1 || w.queue[0].complete != (sinks.Position{CommitTs: 5}) || len(p.accepted) != 1 || len(p.durable) != 0 {
		t.Errorf("after the first event: %d complete files, %v", len(w.queue), p.accepted)
	}
}

// TestCommitOneDate: recovery mends the index of the record's date alone, so a commit holds one date of a series.
func TestCommitOneDate(t *testing.T) {
	w := bareWorker(t, t.TempDir(), "file-size=1")
	table := sinktest.Table(1, 1, "shop", "a")
	w.env.Catalog.Publish(table)
	const day = 86_400_000 << 18
	w.play(t, &messages.Write{Dispatcher: "d", Seq: 1, Span: sinktest.Whole(table), Rows: sinktest.Batch(table,
		sinktest.Insert(1, 0, "x", 1), sinktest.Insert(2, 0, "x", 2), sinktest.Insert(day, 0, "x", 3), sinktest.Insert(day+1, 0, "x", 4))})
	if n := len(w.queue); n != 3 {
		t.Fatalf("%d complete files, want 3", n)
	}
	if got := w.take(); len(got) != 2 || got[1].date != "1970-01-01" || len(w.queue) != 1 {
		t.Errorf("the commit has %d files, %d are left", len(got), len(w.queue))
	}
}

// TestContinues: where a span takes a transaction over from another one in the middle, the record says so.
func TestContinues(t *testing.T) {
	dir := t.TempDir()
	query := "date-separator=none&file-index-digit=6"
	table := sinktest.Table(1, 1, "shop", "a")
	write := func(span *messages.Span, chunks ...*messages.Chunk) *messages.Write {
		return &messages.Write{Dispatcher: "d", Seq: 1, Span: span, Rows: sinktest.Batch(table, chunks...)}
	}
	whole := &messages.Span{TableId: 1}
	low := &messages.Span{TableId: 1, End: 1 << 63}
	var got []continuation
	play := func(span *messages.Span, chunks ...*messages.Chunk) {
		w := bareWorker(t, dir, query)
		w.env.Catalog.Publish(table)
		w.play(t, write(span, chunks...))
		s := w.spans[sinks.SpanKeyOf(span)]
		w.seal(s)
		w.commitAll(t)
		r, err := readRecord(s.stream.record())
		if err != nil {
			t.Fatal(err)
		}
		got = r.Continues
	}
	all := []*messages.Chunk{sinktest.Insert(5, 0, "x", 1), sinktest.Insert(5, 1, "y", 1), sinktest.Insert(5, 2, "z", 1), sinktest.Insert(6, 0, "x", 1)}
	play(whole, all[0])
	if len(got) > 0 {
		t.Errorf("the first span continues %v", got)
	}
	play(low, all[:2]...)
	if want := []continuation{{sinks.Position{CommitTs: 5, Ordinal: 1}, "", 1}}; !slices.Equal(got, want) {
		t.Errorf("the half continues %v, want %v", got, want)
	}
	play(whole, all...)
	if want := []continuation{{sinks.Position{CommitTs: 5, Ordinal: 2}, "", 2}}; !slices.Equal(got, want) {
		t.Errorf("the whole again continues %v, want %v", got, want)
	}
}

// TestRecover plays a crash between each two steps of a commit, and damage.
func TestRecover(t *testing.T) {
	dir := t.TempDir()
	query := "date-separator=none&file-size=1&file-index-digit=6"
	w := bareWorker(t, dir, query)
	table := sinktest.Table(1, 1, "shop", "a")
	w.env.Catalog.Publish(table)
	write := func(seq uint64, chunks ...*messages.Chunk) *messages.Write {
		return &messages.Write{Dispatcher: "d", Seq: seq, Span: sinktest.Whole(table), Rows: sinktest.Batch(table, chunks...)}
	}
	w.play(t, write(1, sinktest.Insert(1, 0, "x", 1), sinktest.Insert(2, 0, "x", 2), sinktest.Insert(3, 0, "x", 3)))
	w.commitAll(t) // files 1 and 2; file 3 is open
	s := w.spans[sinks.SpanKey{Table: 1}].stream
	again := func(step string, wantIndex string, wantAt uint64, wantFiles ...string) {
		t.Helper()
		next := bareWorker(t, dir, query)
		next.env.Catalog.Publish(table)
		got, err := next.stream(write(1))
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		index, _ := os.ReadFile(s.index(""))
		names, _ := namesIn(s.dir)
		names = slices.DeleteFunc(names, func(n string) bool { return n == metaDir })
		if got.stream.accepted.CommitTs != wantAt || string(index) != wantIndex || !slices.Equal(names, wantFiles) {
			t.Errorf("%s: position %s, index %q, files %q", step, got.stream.accepted, index, names)
		}
	}
	again("the third file is open", "CDC000002.csv\n", 2, "CDC000001.csv", "CDC000002.csv")
	if err := os.WriteFile(s.index(""), []byte("CDC000001.csv\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	half := bareWorker(t, dir, query) // of the span that the table was: its replay may go here
	half.env.Catalog.Publish(table)
	part := write(1)
	part.Span = &messages.Span{TableId: 1, End: 1 << 63}
	if state, err := half.stream(part); err != nil || state.stream.accepted.CommitTs != 2 {
		t.Errorf("half of the span begins with %v", err)
	}
	if index, _ := os.ReadFile(s.index("")); string(index) != "CDC000002.csv\n" {
		t.Errorf("half of the span drops rows that no reader sees: the index holds %q", index)
	}
	if err := os.WriteFile(s.index(""), []byte("CDC000001.csv\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	again("the record is ahead of the index", "CDC000002.csv\n", 2, "CDC000001.csv", "CDC000002.csv")
	if err := os.Remove(s.data("", 2)); err != nil {
		t.Fatal(err)
	}
	again("a reader removed the last file", "CDC000002.csv\n", 2, "CDC000001.csv")

	damaged := func(what, want string) {
		t.Helper()
		next := bareWorker(t, dir, query)
		next.env.Catalog.Publish(table)
		if _, err := next.stream(write(1)); !sinks.IsFatal(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want a fatal error that tells of %q", what, err, want)
		}
	}
	if err := os.WriteFile(s.data("", 2), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	damaged("the last file is short", "its record says")
	if err := os.WriteFile(s.record(), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	damaged("the record is torn", "CDC.json")
	if err := os.Remove(s.record()); err != nil {
		t.Fatal(err)
	}
	damaged("the record is gone", "does not know")
}

func TestExpire(t *testing.T) {
	root := t.TempDir()
	l := layout{root: root, dates: dateFormats["day"]}
	for _, dir := range []string{"s/t/1/2023-11-10/meta", "s/t/1/2023-11-14/meta", "s/t/1/meta", "s/2023-11-10/1", "1/2023-11-10/2/meta", "syncpoints"} {
		if err := makeDir(filepath.Join(root, dir)); err != nil {
			t.Fatal(err)
		}
	}
	if err := expire(l, "2023-11-12"); err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]bool{"s/t/1/2023-11-10": false, "s/t/1/2023-11-14/meta": true, "s/t/1/meta": true,
		"s/2023-11-10/1": true, "1/2023-11-10/2/meta": true, "syncpoints": true} {
		if got, err := exists(filepath.Join(root, dir)); err != nil || got != want {
			t.Errorf("%s is there: %t (%v), want %t", dir, got, err, want)
		}
	}
}
