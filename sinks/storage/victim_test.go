package storage_test

import (
	"fmt"
	"log/slog"
	"os"
	"strconv"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
)

// The crash test's child is this test binary, told so by these variables.
const (
	victimDir   = "WEIR_STORAGE_VICTIM_DIR"
	victimFrom  = "WEIR_STORAGE_VICTIM_FROM"  // the transaction after which it begins
	victimTo    = "WEIR_STORAGE_VICTIM_TO"    // the last one; 0: until it is killed
	victimSplit = "WEIR_STORAGE_VICTIM_SPLIT" // table b goes through two dispatchers
)

const victimOptions = "&flush-interval=5ms&file-size=3000&worker-count=3"

// A load is an endless stream of transactions, the same in each life. Each writes to tables a and b; now and then comes
// a DDL on table a, or a syncpoint. A transaction takes a minute, so dates change too.
type load struct{}

const (
	ddlEvery       = 150
	syncpointEvery = 90
	middle         = uint64(1) << 63
)

func (load) ts(n uint64) uint64 { return (1_700_000_000_000+60_000*n)<<18 + n%7 }

func (load) isDDL(n uint64) bool       { return n%ddlEvery == 0 }
func (load) isSyncpoint(n uint64) bool { return n%syncpointEvery == 0 }

// a is table a as transaction n finds it.
func (l load) a(n uint64) *schema.Table {
	version := l.ts(0)
	if n >= ddlEvery {
		version = l.ts(n - n%ddlEvery)
	}
	return sinktest.Table(1, version, "shop", "a")
}

func (l load) b() *schema.Table { return sinktest.Table(2, l.ts(0), "shop", "b") }

func (l load) aRows(n uint64) []*messages.Chunk {
	return []*messages.Chunk{
		sinktest.Insert(l.ts(n), 0, fmt.Sprint("first of ", n), n<<8, n<<8+1),
		sinktest.Insert(l.ts(n), 2, fmt.Sprint("second of ", n), n<<8+2),
	}
}

// bRows is one event with a row in each half of table b.
func (l load) bRows(n uint64) (both, low, high *messages.Chunk) {
	lowID, highID := n<<8+n%128, n<<8+128+n%128
	v := fmt.Sprint("only of ", n)
	return sinktest.Insert(l.ts(n), 1, v, lowID, highID), sinktest.Insert(l.ts(n), 1, v, lowID), sinktest.Insert(l.ts(n), 1, v, highID)
}

// ddl is the statement at n, which makes the version that n's own rows have.
func (l load) ddl(n uint64) *messages.DDL {
	return &messages.DDL{CommitTs: l.ts(n), Kind: uint32(schema.AddColumn), Query: fmt.Sprint("ALTER TABLE a -- ", n), Schema: "shop",
		Changes: []*messages.TableChange{{Before: sinktest.Ref(l.a(n - 1)), After: sinktest.Ref(l.a(n))}}}
}

// A hand is one dispatcher of the child.
type hand struct {
	id   string
	span *messages.Span
	seq  uint64
	// at[i] is the transaction of write i+1.
	at      []uint64
	durable uint64
}

// A child drives a sink through the load and prints, each time that grows, the transaction up to which all is durable.
type child struct {
	load
	system  *actor.ActorSystem
	catalog *schema.Catalog
	sink    *actor.PID
	self    *actor.PID
	inbox   chan any
	hands   map[string]*hand
	order   []*hand
	request uint64
	sent    uint64
	printed uint64
}

// victim runs the child and ends the process.
func victim(dir string) {
	from, err1 := strconv.ParseUint(os.Getenv(victimFrom), 10, 64)
	to, err2 := strconv.ParseUint(os.Getenv(victimTo), 10, 64)
	if err1 != nil || err2 != nil {
		die(fmt.Errorf("read the range: %v %v", err1, err2))
	}
	c := &child{catalog: schema.NewCatalog(), inbox: make(chan any, 1<<16), hands: map[string]*hand{}, sent: from, printed: from,
		system: actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))}
	inbox := c.inbox
	c.self = c.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) { inbox <- ctx.Message() }))
	props, err := sinks.Open("file://"+dir+"?protocol=csv&include-commit-ts=true"+victimOptions,
		sinks.Env{Changefeed: "crash", Catalog: c.catalog, Format: sinktest.Format{}, Owner: c.self})
	if err != nil {
		die(err)
	}
	c.sink = c.system.Root.Spawn(props)
	c.add("a", &messages.Span{TableId: 1})
	if os.Getenv(victimSplit) == "true" {
		c.add("low", &messages.Span{TableId: 2, End: middle})
		c.add("high", &messages.Span{TableId: 2, Start: middle})
	} else {
		c.add("b", &messages.Span{TableId: 2})
	}
	c.catalog.Publish(c.b())
	for n := from + 1; to == 0 || n <= to; n++ {
		c.transaction(n)
	}
	for _, h := range c.order {
		c.flush(h)
	}
	c.report()
	os.Exit(0)
}

func die(err error) {
	fmt.Fprintln(os.Stderr, "victim:", err)
	os.Exit(1)
}

func (c *child) add(id string, span *messages.Span) {
	h := &hand{id: id, span: span}
	c.hands[id] = h
	c.order = append(c.order, h)
}

func (c *child) transaction(n uint64) {
	c.catalog.Publish(c.a(n - 1))
	c.catalog.Publish(c.a(n))
	if c.isDDL(n) {
		c.flush(c.hands["a"])
		c.request++
		c.send(&messages.Execute{Dispatcher: "a", Id: c.request, Ddl: c.ddl(n)})
		c.await(c.request)
	}
	c.write("a", n, c.a(n), c.aRows(n)...)
	both, low, high := c.bRows(n)
	if c.hands["b"] != nil {
		c.write("b", n, c.b(), both)
	} else {
		c.write("low", n, c.b(), low)
		c.write("high", n, c.b(), high)
	}
	c.sent = n
	if c.isSyncpoint(n) {
		for _, h := range c.order {
			c.flush(h)
		}
		c.request++
		c.send(&messages.WriteSyncpoint{Dispatcher: "trigger", Id: c.request, CommitTs: c.ts(n), SourcePosition: fmt.Sprint(n)})
		c.await(c.request)
		c.send(&messages.Checkpoint{CommitTs: c.ts(n)})
	}
	for h := c.hands["a"]; h.seq-h.durable > 200; {
		c.take(<-c.inbox)
	}
}

func (c *child) write(id string, n uint64, t *schema.Table, chunks ...*messages.Chunk) {
	h := c.hands[id]
	h.seq++
	h.at = append(h.at, n)
	c.send(&messages.Write{Dispatcher: id, Seq: h.seq, Span: h.span, Rows: sinktest.Batch(t, chunks...)})
}

func (c *child) flush(h *hand) {
	c.request++
	c.send(&messages.Flush{Dispatcher: h.id, Id: c.request, Span: h.span, Seq: h.seq})
	c.await(c.request)
}

func (c *child) send(m any) { c.system.Root.RequestWithCustomSender(c.sink, m, c.self) }

func (c *child) await(request uint64) {
	for c.take(<-c.inbox) != request {
	}
}

// take notes an answer and returns the request that it answers.
func (c *child) take(message any) (request uint64) {
	switch m := message.(type) {
	case *messages.Durable:
		c.hands[m.Dispatcher].durable = m.Seq
		c.report()
	case *messages.Flushed:
		return m.Id
	case *messages.Executed:
		return m.Id
	case *messages.SinkState:
		die(fmt.Errorf("the sink is in state %s: %s", m.Kind, m.Reason))
	case *messages.Lost:
		die(fmt.Errorf("the sink lost what dispatcher %s wrote", m.Dispatcher))
	}
	return 0
}

// report prints the transaction up to which every dispatcher's rows are durable.
func (c *child) report() {
	all := c.sent
	for _, h := range c.order {
		if h.durable < h.seq {
			all = min(all, h.at[h.durable]-1)
		}
	}
	if all > c.printed {
		c.printed = all
		fmt.Println(all)
	}
}
