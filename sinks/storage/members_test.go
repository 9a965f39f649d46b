package storage_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
	"github.com/weir-cdc/weir/sinks/storage"
)

// TestMembers lets processes share a folder while spans split, merge and move between them, and members are stopped
// (SIGSTOP) and let go on when their spans are others', or killed. Nobody tells a dispatcher that it was replaced. In the
// end the files hold every row once.
func TestMembers(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := &cluster{T: t, dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 1)), events: make(chan event, 1<<16)}
	for range 3 {
		c.spawn()
	}
	c.place(sinks.SpanKey{Table: 1}, 0)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end) && !c.done(); {
		c.hear(time.Duration(c.random.IntN(60)) * time.Millisecond)
		c.disturb()
		c.checkMetadata()
	}
	for _, p := range c.processes {
		c.wake(p)
	}
	for end := time.Now().Add(sinktest.Patience); !c.done(); {
		if c.hear(100 * time.Millisecond); time.Now().After(end) {
			t.Fatalf("not done: %+v", c.shares)
		}
	}
	for _, p := range c.processes {
		p.quit(t)
	}
	t.Logf("%d dispatchers, %d members, %d stops, %d fenced", c.tokens, c.spawned, c.stops, c.lost)
	c.check()
}

// A cluster is the parent's view of its members.
type cluster struct {
	*testing.T
	dir        string
	random     *rand.Rand
	events     chan event
	processes  []*process
	shares     []*share
	tokens     uint64
	checkpoint uint64

	spawned, stops, lost int
}

// A process is a member.
type process struct {
	cmd     *exec.Cmd
	orders  io.WriteCloser
	stopped bool
	since   time.Time
}

// A share is a span with the dispatcher that has it now.
type share struct {
	span          sinks.SpanKey
	token         string
	on            *process
	from, durable uint64
	done          bool
}

// An event is a line that a member said.
type event struct {
	verb, token string
	n           uint64
}

func (c *cluster) spawn() {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), memberDir+"="+c.dir)
	cmd.Stderr = os.Stderr
	orders, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := cmp.Or(err1, err2, cmd.Start()); err != nil {
		c.Fatal(err)
	}
	p := &process{cmd: cmd, orders: orders}
	c.Cleanup(func() { _ = cmd.Process.Kill() })
	events := c.events
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var e event
			_, _ = fmt.Sscan(lines.Text(), &e.verb, &e.token, &e.n) // the last is not always there
			events <- e
		}
	}()
	c.spawned++
	c.processes = append(c.processes, p)
}

// quit lets a member end.
func (p *process) quit(t *testing.T) {
	t.Helper()
	p.order("quit")
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("a member ended: %v", err)
	}
}

func (p *process) order(what ...any) { fmt.Fprintln(p.orders, what...) }

// place gives a span to a new dispatcher on any member, also one that is stopped.
func (c *cluster) place(span sinks.SpanKey, from uint64) {
	c.tokens++
	s := &share{span: span, token: fmt.Sprintf("%d.%d", 1+c.tokens/20, c.tokens), on: c.any(), from: from, durable: from}
	c.shares = append(c.shares, s)
	s.on.order("open", s.token, span.Start, span.End, from)
}

func (c *cluster) any() *process { return c.processes[c.random.IntN(len(c.processes))] }

// hear takes events for a while.
func (c *cluster) hear(while time.Duration) {
	over := time.After(while)
	for {
		select {
		case e := <-c.events:
			c.take(e)
		case <-over:
			return
		}
	}
}

func (c *cluster) take(e event) {
	if e.verb == "lost" {
		c.lost++
	}
	for _, s := range c.shares {
		if s.token != e.token {
			continue
		}
		switch e.verb {
		case "durable":
			s.durable = e.n
		case "done":
			s.done = true
		case "lost":
			c.Errorf("dispatcher %s of %v was fenced, and nobody came after it", s.token, s.span)
		}
	}
}

func (c *cluster) done() bool {
	return !slices.ContainsFunc(c.shares, func(s *share) bool { return !s.done })
}

func (c *cluster) disturb() {
	s := c.shares[c.random.IntN(len(c.shares))]
	switch c.random.IntN(7) {
	case 0:
		c.replace([]*share{s}, s.span)
	case 1:
		if last := s.span.End - 1; last-s.span.Start > 1<<57 {
			low, high := s.span, s.span
			low.End = s.span.Start + (last-s.span.Start)/2 + 1
			high.Start = low.End
			c.replace([]*share{s}, low, high)
		}
	case 2:
		for _, next := range c.shares {
			if s.span.End != 0 && next.span.Start == s.span.End {
				joined := s.span
				joined.End = next.span.End
				c.replace([]*share{s, next}, joined)
				break
			}
		}
	case 3:
		c.stop(c.any())
	case 4:
		if c.random.IntN(3) == 0 {
			c.kill(c.random.IntN(len(c.processes)))
		}
	default:
		low := uint64(transactions)
		for _, s := range c.shares {
			low = min(low, s.durable)
		}
		c.any().order("checkpoint", low)
		c.any().order("syncpoint", low/100*100)
	}
	for _, p := range c.processes {
		if p.stopped && time.Since(p.since) > time.Duration(c.random.IntN(400))*time.Millisecond {
			c.wake(p)
		}
	}
}

// replace gives spans to successors, which start at or before what is durable of all that they replace.
func (c *cluster) replace(old []*share, spans ...sinks.SpanKey) {
	from := uint64(transactions)
	for _, s := range old {
		from = min(from, s.durable)
	}
	from -= c.random.Uint64N(min(from, 30) + 1)
	c.shares = slices.DeleteFunc(c.shares, func(s *share) bool { return slices.Contains(old, s) })
	for _, span := range spans {
		c.place(span, from)
	}
}

// stop freezes a member wherever it is; most of its spans go to others.
func (c *cluster) stop(p *process) {
	if p.stopped {
		return
	}
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		c.Fatal(err)
	}
	c.stops++
	p.stopped, p.since = true, time.Now()
	c.takeFrom(p)
}

func (c *cluster) takeFrom(p *process) {
	for _, s := range slices.Clone(c.shares) {
		if s.on == p {
			c.replace([]*share{s}, s.span)
		}
	}
}

func (c *cluster) wake(p *process) {
	if p.stopped {
		if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
			c.Fatal(err)
		}
		p.stopped = false
	}
}

// kill ends a member; another comes in its place.
func (c *cluster) kill(i int) {
	p := c.processes[i]
	c.processes = slices.Delete(c.processes, i, i+1)
	if err := p.cmd.Process.Kill(); err != nil {
		c.Fatal(err)
	}
	_ = p.cmd.Wait() // it was killed
	c.spawn()
	c.takeFrom(p)
}

func (c *cluster) checkMetadata() {
	c.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, "metadata"))
	if os.IsNotExist(err) {
		return
	}
	var m map[string]uint64
	if err := cmp.Or(err, json.Unmarshal(data, &m)); err != nil {
		c.Fatal(err)
	}
	if m["checkpoint-ts"] < c.checkpoint {
		c.Errorf("metadata went back from %d to %d", c.checkpoint, m["checkpoint-ts"])
	}
	c.checkpoint = m["checkpoint-ts"]
}

func (c *cluster) check() {
	var h history
	var want []sinktest.Row
	for n := uint64(1); n <= transactions; n++ {
		want = append(want, sinktest.RowsOf(h.table(), h.rows(n)...)...)
	}
	got := readRows(c, c.dir+"/shop/split")
	order := func(a, b sinktest.Row) int {
		return cmp.Or(cmp.Compare(a.CommitTs, b.CommitTs), cmp.Compare(a.V, b.V), cmp.Compare(a.ID, b.ID))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	compare(c.T, "the table", got, want)
	if n := len(readSchemas(c, c.dir)); n != 1 {
		c.Errorf("%d schema files, want 1", n)
	}
	points, err := storage.Syncpoints(c.dir)
	if err != nil {
		c.Fatal(err)
	}
	for _, p := range points {
		var n uint64
		if _, err := fmt.Sscan(p.SourcePosition, &n); err != nil || p.CommitTs != h.ts(n) {
			c.Errorf("syncpoint %+v: %v", p, err)
		}
	}
}
