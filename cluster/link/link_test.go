package link

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/weir-cdc/weir/cluster/link/session"
	"github.com/weir-cdc/weir/messages"
)

func credit(n int) *messages.Credit { return &messages.Credit{Epoch: 7, Bytes: uint64(n)} }

func TestARequestGetsItsAnswer(t *testing.T) {
	_, a, b := pair(t)
	b.spawn("echo", func(ctx actor.Context) { ctx.Request(ctx.Sender(), ctx.Message()) })
	got := make(chan any, 1)
	a.spawn("asker", func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case string:
			ctx.Request(a.hub.PID("b-1", "echo"), credit(1))
		case *messages.Credit:
			if from, ok := a.hub.Incarnation(ctx.Sender()); !ok || from != "b-1" || ctx.Sender().Id != "echo" {
				m.Epoch = 0
			}
			got <- m
		}
	})
	a.system.Root.Send(a.hub.PID("a-1", "asker"), "go")
	if m := receive[*messages.Credit](t, got); m.Bytes != 1 || m.Epoch != 7 {
		t.Errorf("got %v", m)
	}
	if _, ok := a.hub.Incarnation(nil); ok {
		t.Error("nobody is on a node")
	}
	answer, err := a.system.Root.RequestFuture(a.hub.PID("b-1", "echo"), credit(2), 10*time.Second).Result()
	if m, ok := answer.(*messages.Credit); err != nil || !ok || m.Bytes != 2 {
		t.Errorf("the future got %v, %v", answer, err)
	}
}

func TestOwnIncarnationIsLocal(t *testing.T) {
	_, a, _ := pair(t)
	a.spawn("echo", echo)
	for _, pid := range []*actor.PID{a.hub.PID("a-1", "echo"), actor.NewPID("weir:a-1", "echo")} {
		// A type that could not travel.
		answer, err := a.system.Root.RequestFuture(pid, "text", 10*time.Second).Result()
		if err != nil || answer != "text" {
			t.Errorf("%v: got %v, %v", pid, answer, err)
		}
	}
	if got := a.hub.Traffic("b-1").SentMessages; got != 0 {
		t.Errorf("%d messages travelled", got)
	}
}

func TestNobodyIsThere(t *testing.T) {
	_, a, _ := pair(t)
	for _, pid := range []*actor.PID{
		a.hub.PID("b-1", "absent"), a.hub.PID("c-1", "echo"), actor.NewPID("weir:a-1", "absent"),
	} {
		if _, err := a.system.Root.RequestFuture(pid, credit(1), 10*time.Second).Result(); !errors.Is(err, actor.ErrDeadLetter) {
			t.Errorf("%v: got %v, want a dead letter", pid, err)
		}
	}
}

// A message that is passed on keeps its sender, who is answered without detour.
func TestThreeNodes(t *testing.T) {
	net := newNetwork()
	a, b, c := net.join(t, "a-1"), net.join(t, "b-1"), net.join(t, "c-1")
	peers([]string{"a-1", "b-1", "c-1"}, a, b, c)
	for _, n := range []*node{a, b, c} {
		n.next(Up)
		n.next(Up)
	}
	c.spawn("echo", echo)
	b.spawn("forward", func(ctx actor.Context) { ctx.Forward(b.hub.PID("c-1", "echo")) })
	for i := range 100 {
		answer, err := a.system.Root.RequestFuture(a.hub.PID("b-1", "forward"), credit(i), 10*time.Second).Result()
		if m, ok := answer.(*messages.Credit); err != nil || !ok || m.Bytes != uint64(i) {
			t.Fatalf("got %v, %v", answer, err)
		}
	}
}

func TestAPoorNetworkLosesNothing(t *testing.T) {
	net, a, b := pair(t, func(o *Options) { o.Session.Silence = time.Minute })
	net.change(func() { net.loss, net.repeat = 0.1, 0.1 })
	got := b.collect("sink")
	const count = 20_000
	pid := a.hub.PID("b-1", "sink")
	for i := range count {
		a.system.Root.Send(pid, credit(i))
	}
	for i := range count {
		if m := receive[*messages.Credit](t, got); m.Bytes != uint64(i) {
			t.Fatalf("got %d, want %d", m.Bytes, i)
		}
	}
	until(t, "the backlog is empty", func() bool { return a.hub.Backlog("b-1") == 0 })
	if tr := a.hub.Traffic("b-1"); tr.SentMessages != count || tr.Sessions != 1 || tr.Dropped != 0 {
		t.Errorf("%+v", tr)
	}
	if tr := b.hub.Traffic("a-1"); tr.ReceivedMessages != count || tr.ReceivedBytes != a.hub.Traffic("b-1").SentBytes {
		t.Errorf("%+v", tr)
	}
}

func TestAPartition(t *testing.T) {
	for _, cut := range [][]string{{"memory:a"}, {"memory:b"}, {"memory:a", "memory:b"}} {
		t.Run(fmt.Sprint(cut), func(t *testing.T) {
			net, a, b := pair(t, func(o *Options) { o.Session.Silence = 1500 * time.Millisecond })
			got := b.collect("sink")
			net.change(func() {
				for _, from := range cut {
					net.cut[from] = true
				}
			})
			a.system.Root.Send(a.hub.PID("b-1", "sink"), credit(1)) // under way: may be lost
			a.next(Down)
			b.next(Down)
			until(t, "what waited is gone", func() bool { return a.hub.Backlog("b-1") == 0 })
			net.change(func() { clear(net.cut) })
			settled(t, a, b)
			a.system.Root.Send(a.hub.PID("b-1", "sink"), credit(2))
			for receive[*messages.Credit](t, got).Bytes != 2 {
			}
		})
	}
}

// settled waits until both ends were told of the same session: one end may have been up, and down again, alone.
func settled(t *testing.T, a, b *node) {
	t.Helper()
	a.next(Up)
	b.next(Up)
	until(t, "an answer", func() bool {
		answer, err := a.system.Root.RequestFuture(a.hub.PID("b-1", "absent"), credit(0), time.Second).Result()
		return answer == nil && errors.Is(err, actor.ErrDeadLetter) && a.hub.account("b-1").session.Load() != 0
	})
}

func TestTheBacklogIsBounded(t *testing.T) {
	net, a, b := pair(t, func(o *Options) { o.Limit, o.Session.Silence = 1<<20, time.Minute })
	net.change(func() { net.cut["memory:b"] = true }) // no acknowledgement comes back
	pid := a.hub.PID("b-1", "sink")
	most := int64(0)
	for range 100 {
		a.system.Root.Send(pid, &messages.RowBatch{Chunks: []*messages.Chunk{{Body: make([]byte, 64<<10)}}})
		most = max(most, a.hub.Backlog("b-1"))
	}
	if most == 0 || most > 1<<20 {
		t.Errorf("the backlog grew to %d", most)
	}
	if e := a.next(Down); e.Reason != session.Backlog {
		t.Errorf("got %v", e)
	}
	if e := b.next(Down); e.Reason != session.Anew {
		t.Errorf("got %v", e)
	}
	until(t, "the backlog is empty", func() bool { return a.hub.Backlog("b-1") == 0 })
	if a.hub.Traffic("b-1").Dropped == 0 {
		t.Error("nothing counts as dropped")
	}
	net.change(func() { clear(net.cut) })
	settled(t, a, b)
}

func TestWhatMayNotTravel(t *testing.T) {
	_, a, b := pair(t)
	got := b.collect("sink")
	pid := a.hub.PID("b-1", "sink")
	for range 3 {
		a.system.Root.Send(pid, "text")
		a.system.Root.Send(pid, &wrapperspb.BytesValue{})
	}
	a.system.Root.Poison(pid)
	a.system.Root.Stop(pid)
	// A type that only a later version knows, one that is not of ours, and one that its bytes belie.
	for _, kind := range []string{"weir.Tomorrow", "google.protobuf.Empty", "weir.Credit"} {
		m := session.Message{Head: session.Head{Target: "sink", Type: kind}, Body: []byte{1, 2, 3}}
		if !a.hub.process.hand(a.hub.account("b-1"), m) {
			t.Fatal("no session")
		}
	}
	until(t, "the receiver says so", func() bool {
		return b.logged("does not know their type") == 2 && b.logged("not what its type says") == 1
	})
	if n := a.logged("only those of the protobuf package weir travel"); n != 3 { // string, wrapper, poison
		t.Errorf("the sender said so %d times", n)
	}
	a.system.Root.Send(pid, credit(1)) // the session goes on
	if receive[*messages.Credit](t, got); len(a.events)+len(b.events) > 0 {
		t.Errorf("%d and %d events", len(a.events), len(b.events))
	}
}

// What comes behind a message that can not be sent would follow a gap that nobody knows of: the session ends instead.
func TestAMessageThatCanNotBeSent(t *testing.T) {
	for name, c := range map[string]struct {
		message any
		logged  string
	}{
		"too large": {&messages.RowBatch{Chunks: []*messages.Chunk{{Body: make([]byte, 1<<20)}}}, "its sender must split it"},
		"not UTF-8": {&messages.DDL{Query: string([]byte{0xff})}, "encode it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, a, b := pair(t, func(o *Options) { o.Session.Largest, o.Session.Silence = 1<<20, time.Minute })
			got := b.collect("sink")
			pid := a.hub.PID("b-1", "sink")
			a.system.Root.Send(pid, c.message)
			a.system.Root.Send(pid, credit(1))
			if e := a.next(Down); e.Reason != session.Unsendable {
				t.Errorf("got %v", e)
			}
			b.next(Down)
			settled(t, a, b)
			a.system.Root.Send(pid, &messages.RowBatch{Chunks: []*messages.Chunk{{Body: make([]byte, 1<<20-100)}}})
			if m := receive[*messages.RowBatch](t, got); len(m.Chunks[0].Body) != 1<<20-100 {
				t.Errorf("%d bytes came", len(m.Chunks[0].Body))
			}
			if a.logged(c.logged) != 1 {
				t.Error("the log does not say so")
			}
		})
	}
}

func TestWatchIsAnsweredAtOnce(t *testing.T) {
	_, a, b := pair(t)
	b.spawn("echo", echo)
	got := make(chan any, 1)
	a.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *actor.Started:
			ctx.Watch(a.hub.PID("b-1", "echo"))
		case *actor.Terminated:
			got <- m
		}
	}))
	if m := receive[*actor.Terminated](t, got); m.Who.Id != "echo" || m.Why != actor.TerminatedReason_AddressTerminated {
		t.Errorf("got %v", m)
	}
	if a.logged("no such message travels") == 0 {
		t.Error("no error in the log")
	}
}

// Another process has the peer's address: that is told faster than silence.
func TestThePeerStartedAgain(t *testing.T) {
	net, a, b := pair(t, func(o *Options) { o.Session.Silence = time.Minute })
	net.change(func() { net.cut["memory:b"] = true }) // killed
	b.hub.Stop()
	net.change(func() { clear(net.cut) })
	later := net.join(t, "b-2")
	a.system.Root.Send(a.hub.PID("b-1", "x"), credit(1))
	if e := a.next(Down); e.Reason != session.Gone || e.Incarnation != "b-1" {
		t.Errorf("got %v", e)
	}
	peers([]string{"a-1", "b-2"}, a, later)
	if e := a.next(Up); e.Incarnation != "b-2" || e.Version != 2 || e.Started.IsZero() {
		t.Errorf("got %v", e)
	}
	later.next(Up)
}

func TestAMemberLeavesAndComesBack(t *testing.T) {
	_, a, b := pair(t, func(o *Options) { o.Session.Silence = time.Minute })
	first := b.hub.account("a-1").session.Load()
	a.hub.SetPeers([]string{"a-1"})
	if e := a.next(Down); e.Reason != session.Left {
		t.Errorf("got %v", e)
	}
	if e := b.next(Down); e.Reason != session.Anew || e.Session != first {
		t.Errorf("got %v", e)
	}
	if got := a.hub.Peers(); len(got) != 0 {
		t.Errorf("peers %v", got)
	}
	a.hub.SetPeers([]string{"b-1"})
	a.next(Up)
	if e := b.next(Up); e.Session <= first {
		t.Errorf("session %d after %d", e.Session, first)
	}
	b.hub.Stop()
	b.next(Down)
	if e := a.next(Down); e.Reason != session.Anew {
		t.Errorf("got %v", e)
	}
}

func TestNoCommonVersion(t *testing.T) {
	net := newNetwork()
	a := net.join(t, "a-1", func(o *Options) { o.Session.Versions = session.Range{Min: 1, Max: 1} })
	b := net.join(t, "b-1", func(o *Options) { o.Session.Versions = session.Range{Min: 2, Max: 3} })
	peers([]string{"a-1", "b-1"}, a, b)
	for _, n := range []*node{a, b} {
		if e := n.next(Refused); e.Err == nil {
			t.Errorf("got %v", e)
		}
		until(t, "the log says so", func() bool { return n.logged("peer refused") == 1 })
	}
}

// A panic in the shell costs the session, and is told; the next one works.
func TestTheLinkItselfFails(t *testing.T) {
	_, a, b := pair(t, func(o *Options) { o.Session.Silence = time.Minute })
	a.system.Root.Send(a.hub.account("b-1").pid.Load(), (*outgoing)(nil))
	if e := a.next(Down); e.Reason != session.Failed {
		t.Errorf("got %v", e)
	}
	b.next(Down)
	settled(t, a, b)
	if a.hub.Backlog("b-1") != 0 {
		t.Errorf("the backlog is %d", a.hub.Backlog("b-1"))
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	_, a, _ := pair(t)
	peer := a.hub.account("b-1").pid.Load()
	if err := a.hub.Stop(); err != nil {
		t.Fatal(err)
	}
	ticks := make(chan any, 100)
	watching := a.system.EventStream.Subscribe(func(e any) {
		if d, ok := e.(*actor.DeadLetterEvent); ok {
			if _, ok := d.Message.(*tick); ok {
				ticks <- d
			}
		}
	})
	defer a.system.EventStream.Unsubscribe(watching)
	for _, pid := range []*actor.PID{a.hub.pid, peer} {
		if _, alive := a.system.ProcessRegistry.GetLocal(pid.Id); alive {
			t.Errorf("%s lives", pid.Id)
		}
	}
	// The clock ticks each 10 ms while it goes.
	select {
	case <-ticks:
		t.Error("the clock goes on")
	case <-time.After(20 * brisk().Ping / 10):
	}
}
