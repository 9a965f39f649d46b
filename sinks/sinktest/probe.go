package sinktest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// Patience is how long the suite waits for an answer.
const Patience = 20 * time.Second

// A World is an actor system with one sink in it, and the catalog and owner that the sink is given.
type World struct {
	T       testing.TB
	System  *actor.ActorSystem
	Catalog *schema.Catalog
	Owner   *Probe
	Sink    *actor.PID

	dispatchers *uint64 // how many there have been, in all worlds
}

// NewWorld starts the sink that open makes.
func NewWorld(t testing.TB, open func(sinks.Env) *actor.Props) *World {
	return newWorld(t, open, schema.NewCatalog(), new(uint64))
}

// Beside starts another world of the same changefeed, as a second node would.
func (w *World) Beside(open func(sinks.Env) *actor.Props) *World {
	return newWorld(w.T, open, w.Catalog, w.dispatchers)
}

func newWorld(t testing.TB, open func(sinks.Env) *actor.Props, c *schema.Catalog, dispatchers *uint64) *World {
	w := &World{T: t, System: actor.NewActorSystem(actor.WithLoggerFactory(silent)), Catalog: c, dispatchers: dispatchers}
	w.Owner = w.Probe("", nil)
	w.Start(open)
	t.Cleanup(w.Stop)
	return w
}

// silent keeps the framework's log out of the tests'.
func silent(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }

// Start starts a sink, after Stop for example.
func (w *World) Start(open func(sinks.Env) *actor.Props) {
	w.T.Helper()
	w.Sink = w.System.Root.Spawn(open(sinks.Env{Changefeed: "test", ID: "1", Catalog: w.Catalog, Format: Format{}, Owner: w.Owner.pid,
		Retry: sinks.Backoff{First: 5 * time.Millisecond, Most: 50 * time.Millisecond}}))
	w.Owner.sink = w.Sink
}

// Stop ends the sink and waits until it is gone. What it had not made durable is lost, as in a crash.
func (w *World) Stop() {
	if w.Sink == nil {
		return
	}
	if err := w.System.Root.StopFuture(w.Sink).Wait(); err != nil {
		w.T.Errorf("stop the sink: %v", err)
	}
	w.Sink = nil
}

// Publish puts a table into the catalog.
func (w *World) Publish(t *schema.Table) *schema.Table {
	w.Catalog.Publish(t)
	return t
}

// A Probe is a dispatcher, or the sink's owner, that the test plays: it sends requests and keeps the answers.
type Probe struct {
	t      testing.TB
	system *actor.ActorSystem
	sink   *actor.PID
	pid    *actor.PID
	name   string
	id     string
	span   *messages.Span
	inbox  chan proto.Message

	seq, request uint64

	Accepted, Durable uint64
	Flushed, Executed map[uint64]int // by request id, how often
	Lost              int
	States            []*messages.SinkState
	Starts            []uint64
}

// Probe makes a dispatcher of a span; nil is the table trigger's. Each is later than those before it, in all worlds; the
// name is for the test's own words.
func (w *World) Probe(name string, span *messages.Span) *Probe {
	*w.dispatchers++
	id := sinks.Token{Epoch: 1, N: *w.dispatchers}.String()
	p := &Probe{t: w.T, system: w.System, sink: w.Sink, name: name, id: id, span: span, inbox: make(chan proto.Message, 1<<16),
		Flushed: map[uint64]int{}, Executed: map[uint64]int{}}
	inbox := p.inbox
	p.pid = w.System.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(proto.Message); ok {
			select {
			case inbox <- m:
			default: // the test fails where it misses it
			}
		}
	}))
	return p
}

// ID is the dispatcher's id, of the form "epoch.n".
func (p *Probe) ID() string { return p.id }

// Send sends a request as it is.
func (p *Probe) Send(m proto.Message) { p.system.Root.RequestWithCustomSender(p.sink, m, p.pid) }

// Write sends rows and returns the message, for a repetition.
func (p *Probe) Write(b *messages.RowBatch) *messages.Write {
	p.seq++
	m := &messages.Write{Dispatcher: p.id, Seq: p.seq, Span: p.span, Rows: b}
	p.Send(m)
	return m
}

// StartFlush asks for a flush and returns the request's id.
func (p *Probe) StartFlush() uint64 {
	p.request++
	p.Send(&messages.Flush{Dispatcher: p.id, Id: p.request, Span: p.span, Seq: p.seq})
	return p.request
}

// Flush flushes and waits for the answer.
func (p *Probe) Flush() {
	p.t.Helper()
	id := p.StartFlush()
	p.Await("Flushed", func() bool { return p.Flushed[id] > 0 })
}

// Execute writes a DDL and waits for the answer.
func (p *Probe) Execute(ddl *messages.DDL) {
	p.t.Helper()
	p.request++
	id := p.request
	p.Send(&messages.Execute{Dispatcher: p.id, Id: id, Ddl: ddl})
	p.Await("Executed", func() bool { return p.Executed[id] > 0 })
}

// Syncpoint records a syncpoint and waits for the answer.
func (p *Probe) Syncpoint(commitTs uint64, position string) {
	p.t.Helper()
	p.request++
	id := p.request
	p.Send(&messages.WriteSyncpoint{Dispatcher: p.id, Id: id, CommitTs: commitTs, SourcePosition: position, WallMs: int64(commitTs >> 18)})
	p.Await("Executed", func() bool { return p.Executed[id] > 0 })
}

// Window is how many writes are not accepted yet.
func (p *Probe) Window() int { return int(p.seq - p.Accepted) }

// AwaitDurable waits until all writes are durable.
func (p *Probe) AwaitDurable() {
	p.t.Helper()
	p.Await("Durable", func() bool { return p.Durable >= p.seq })
}

// AwaitAccepted waits until all writes are accepted.
func (p *Probe) AwaitAccepted() {
	p.t.Helper()
	p.Await("Accepted", func() bool { return p.Accepted >= p.seq })
}

// AwaitState waits for a SinkState of a kind after those seen before, and returns it.
func (p *Probe) AwaitState(kind messages.ErrorKind) *messages.SinkState {
	p.t.Helper()
	var found *messages.SinkState
	p.Await("SinkState "+kind.String(), func() bool {
		for len(p.States) > 0 && found == nil {
			if s := p.States[0]; s.Kind == kind {
				found = s
			}
			p.States = p.States[1:]
		}
		return found != nil
	})
	return found
}

// Await takes answers until done tells that what the test waits for is there.
func (p *Probe) Await(what string, done func() bool) {
	p.t.Helper()
	timeout := time.NewTimer(Patience)
	defer timeout.Stop()
	for !done() {
		select {
		case m := <-p.inbox:
			p.take(m)
		case <-timeout.C:
			p.t.Fatalf("dispatcher %q: no %s after %s (accepted %d, durable %d of %d, lost %d times)", p.name, what, Patience,
				p.Accepted, p.Durable, p.seq, p.Lost)
		}
	}
}

// Hear takes the answers that are there.
func (p *Probe) Hear() {
	p.t.Helper()
	for {
		select {
		case m := <-p.inbox:
			p.take(m)
		default:
			return
		}
	}
}

func (p *Probe) take(m proto.Message) {
	p.t.Helper()
	switch m := m.(type) {
	case *messages.Accepted:
		p.cumulative("Accepted", m.Dispatcher, p.Accepted, m.Seq)
		p.Accepted = m.Seq
	case *messages.Durable:
		p.cumulative("Durable", m.Dispatcher, p.Durable, m.Seq)
		p.Durable = m.Seq
	case *messages.Flushed:
		p.Flushed[m.Id]++
	case *messages.Executed:
		p.Executed[m.Id]++
	case *messages.Lost:
		p.Lost++
	case *messages.SinkState:
		p.States = append(p.States, m)
	case *messages.SinkStarted:
		p.Starts = append(p.Starts, m.Times)
	}
}

func (p *Probe) cumulative(what, dispatcher string, had, seq uint64) {
	p.t.Helper()
	if dispatcher != p.id || seq < had || seq > p.seq {
		p.t.Errorf("dispatcher %q got %s{%q, %d} after %d, with %d written", p.name, what, dispatcher, seq, had, p.seq)
	}
}
