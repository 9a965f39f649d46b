package storage_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
)

// memberDir tells this test binary that it is a member of TestMembers, and of which folder.
const memberDir = "WEIR_STORAGE_MEMBER_DIR"

const memberOptions = "&flush-interval=3ms&file-size=1500&worker-count=2&date-separator=month"

// A history is the transactions of one table: two rows each, in two events. A month passes in the middle.
type history struct{}

const transactions = 2000

func (history) ts(n uint64) uint64 {
	return (1_701_300_000_000+n*120_000)<<18 + n%3
}

func (h history) table() *schema.Table { return sinktest.Table(1, h.ts(0), "shop", "split") }

func (h history) rows(n uint64) []*messages.Chunk {
	return []*messages.Chunk{
		sinktest.Insert(h.ts(n), 0, fmt.Sprint("first of ", n), n%256),
		sinktest.Insert(h.ts(n), 1, fmt.Sprint("second of ", n), (n*7+128)%256),
	}
}

// of is the rows of a transaction that lie in a span.
func (h history) of(n uint64, span sinks.SpanKey) (part []*messages.Chunk) {
	for i, id := range []uint64{n % 256, (n*7 + 128) % 256} {
		if span.Contains(sinktest.Hash(id)) {
			part = append(part, h.rows(n)[i])
		}
	}
	return part
}

// A member is a process that writes spans of the history as its parent orders, one line each:
//
//	open TOKEN START END FROM   write the span after transaction FROM; told: "durable TOKEN N" as it goes, "done TOKEN", "lost TOKEN"
//	checkpoint N, syncpoint N   likewise to the sink
//	quit                        stop the sink and end
type member struct {
	history
	system *actor.ActorSystem
	sink   *actor.PID
	self   *actor.PID
	inbox  chan any
	spans  map[string]*errand
}

// An errand is one dispatcher of a member.
type errand struct {
	token        string
	span         *messages.Span
	from, next   uint64
	seq, durable uint64
	ended        bool
}

const errandWindow = 20 // writes that are not durable

func memberMain(dir string) {
	m := &member{inbox: make(chan any, 1<<16), spans: map[string]*errand{},
		system: actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))}
	inbox := m.inbox
	m.self = m.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) { inbox <- ctx.Message() }))
	catalog := schema.NewCatalog()
	catalog.Publish(m.table())
	props, err := sinks.Open("file://"+dir+"?protocol=csv&include-commit-ts=true"+memberOptions, sinks.Env{Changefeed: "members", ID: "1",
		Catalog: catalog, Format: sinktest.Format{}, Owner: m.self, Shared: true, Retry: sinks.Backoff{First: 10 * time.Millisecond, Most: 100 * time.Millisecond}})
	if err != nil {
		die(err)
	}
	m.sink = m.system.Root.Spawn(props)
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			inbox <- lines.Text()
		}
		inbox <- "quit"
	}()
	for message := range m.inbox {
		m.take(message)
	}
}

func (m *member) take(message any) {
	switch msg := message.(type) {
	case string:
		m.order(msg)
	case *messages.Durable:
		if e := m.spans[msg.Dispatcher]; e != nil {
			e.durable = msg.Seq
			fmt.Println("durable", e.token, e.from+msg.Seq)
			m.write(e)
		}
	case *messages.Flushed:
		if e := m.spans[msg.Dispatcher]; e != nil && !e.ended {
			e.ended = true
			fmt.Println("done", e.token)
		}
	case *messages.Lost:
		if e := m.spans[msg.Dispatcher]; e != nil {
			e.ended = true
			fmt.Println("lost", e.token)
		}
	case *messages.SinkState:
		if msg.Kind == messages.ErrorKind_ERROR_FATAL {
			die(fmt.Errorf("the sink is in state %s: %s", msg.Kind, msg.Reason))
		}
	}
}

func (m *member) order(line string) {
	var verb, token string
	var start, end, n uint64
	if _, err := fmt.Sscan(line, &verb); err != nil {
		die(err)
	}
	switch verb {
	case "open":
		if _, err := fmt.Sscan(line, &verb, &token, &start, &end, &n); err != nil {
			die(err)
		}
		e := &errand{token: token, span: &messages.Span{TableId: 1, Start: start, End: end}, from: n, next: n + 1}
		m.spans[token] = e
		m.write(e)
	case "checkpoint", "syncpoint":
		if _, err := fmt.Sscan(line, &verb, &n); err != nil {
			die(err)
		}
		if verb == "checkpoint" {
			m.send(&messages.Checkpoint{CommitTs: m.ts(n)})
		} else {
			m.send(&messages.WriteSyncpoint{Dispatcher: "trigger", Id: n, CommitTs: m.ts(n), SourcePosition: fmt.Sprint(n)})
		}
	case "quit":
		if err := m.system.Root.StopFuture(m.sink).Wait(); err != nil {
			die(err)
		}
		os.Exit(0)
	}
}

// write goes on with an errand as far as its window lets it: a transaction is a write, some of them without a row.
func (m *member) write(e *errand) {
	for ; !e.ended && e.next <= transactions && e.seq-e.durable < errandWindow; e.next++ {
		e.seq++
		rows := sinktest.Batch(m.table(), m.of(e.next, sinks.SpanKeyOf(e.span))...)
		m.send(&messages.Write{Dispatcher: e.token, Seq: e.seq, Span: e.span, Rows: rows})
	}
	if !e.ended && e.next > transactions {
		m.send(&messages.Flush{Dispatcher: e.token, Id: e.seq, Span: e.span, Seq: e.seq})
	}
}

func (m *member) send(message any) { m.system.Root.RequestWithCustomSender(m.sink, message, m.self) }
