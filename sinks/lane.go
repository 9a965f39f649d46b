package sinks

import (
	"encoding/binary"
	"hash/fnv"
	"slices"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weir-cdc/weir/messages"
)

// A lane is a queue of jobs and the flush child that does them, one at a time. A span's writes and flushes are all in
// one lane.
type lane struct {
	index int
	name  string // the health's
	child *actor.PID

	queue  []*job // queue[0] is in flight if busy
	busy   bool   // until it is done, retries included
	cancel scheduler.CancelFunc
}

// A job is what a flush child does in one call: exactly one field of the first four is set.
type job struct {
	writes    []*messages.Write
	execute   *request[*messages.Execute]
	syncpoint *request[*messages.WriteSyncpoint]
	flush     *request[*messages.Flush]
	bytes     uint64

	lane *lane
	// A job waits for earlier ones of other lanes only, so no two wait for each other.
	waits     int
	followers []*job
	finished  bool
}

// A request is a message and who waits for its answer.
type request[M any] struct {
	from *actor.PID
	m    M
}

// open gives the last job if more writes may join it: it is not in flight, and not full.
func (l *lane) open() *job {
	last := len(l.queue) - 1
	if last < 0 || last == 0 && l.busy || l.queue[last].writes == nil || l.queue[last].bytes >= batchBytes {
		return nil
	}
	return l.queue[last]
}

func (l *lane) take() *job {
	j := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	return j
}

func (l *lane) cancelRetry() {
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
}

// without takes the writes of a dispatcher out of a job, and gives them.
func (j *job) without(dispatcher string) (out []*messages.Write) {
	is := func(w *messages.Write) bool { return w.Dispatcher == dispatcher }
	for _, w := range j.writes {
		if is(w) {
			out = append(out, w)
		}
	}
	if len(out) > 0 {
		j.writes = slices.DeleteFunc(j.writes, is)
	}
	return out
}

// lane is the lane of a span, of n.
func (k SpanKey) lane(n int) int {
	if n == 1 {
		return 0
	}
	var key [24]byte
	binary.LittleEndian.PutUint64(key[:], uint64(k.Table))
	binary.LittleEndian.PutUint64(key[8:], k.Start)
	binary.LittleEndian.PutUint64(key[16:], k.End)
	h := fnv.New32a()
	_, _ = h.Write(key[:]) // a hash takes everything
	return int(h.Sum32() % uint32(n))
}

// order knows the last job of each span, by table, so that what must come after it does.
type order map[int64][]last

// last is the newest job that concerns a span.
type last struct {
	span SpanKey
	job  *job
}

// before gives the jobs that a write of a span in a lane must wait for: those of other lanes that concern the same keys.
func (o order) before(span SpanKey, l *lane) (jobs []*job) {
	for _, e := range o[span.Table] {
		if e.span.Overlaps(span) && e.job.holds(l) {
			jobs = append(jobs, e.job)
		}
	}
	return jobs
}

// holds tells whether a job of lane l must wait for j: it would not come after it anyway.
func (j *job) holds(l *lane) bool { return !j.finished && j.lane != l }

// comes notes a job of a span. It stands for the spans that overlap too: whoever waits for it waits for theirs.
func (o order) comes(span SpanKey, j *job) {
	entries := o[span.Table]
	if i := slices.IndexFunc(entries, func(e last) bool { return e.span == span }); i >= 0 && len(entries) == 1 {
		entries[i].job = j
		return
	}
	entries = slices.DeleteFunc(entries, func(e last) bool {
		return e.job.finished || e.span == span || span.Covers(e.span)
	})
	o[span.Table] = append(entries, last{span, j})
}

// statement notes a job that concerns whole tables, and gives those that it must wait for.
func (o order) statement(tables []int64, l *lane, j *job) (jobs []*job) {
	for _, t := range tables {
		whole := SpanKey{Table: t}
		jobs = append(jobs, o.before(whole, l)...)
		o.comes(whole, j)
	}
	return jobs
}

// tablesOf gives the tables that a DDL touches.
func tablesOf(ddl *messages.DDL) (tables []int64) {
	for _, c := range ddl.GetChanges() {
		for _, ref := range []*messages.TableRef{c.Before, c.After} {
			if ref != nil && !slices.Contains(tables, ref.Id) {
				tables = append(tables, ref.Id)
			}
		}
	}
	return tables
}
