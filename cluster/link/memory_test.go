package link

import (
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"
	logtest "github.com/sirupsen/logrus/hooks/test"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link/session"
)

// A network joins actor systems in this process, in place of the remote: two of those in one process race for gRPC's
// global logger. Its faults are of its own making.
type network struct {
	mu           sync.Mutex
	systems      map[string]*actor.ActorSystem // by address
	cut          map[string]bool               // what comes from this address is lost
	loss, repeat float64
}

func newNetwork() *network {
	return &network{systems: map[string]*actor.ActorSystem{}, cut: map[string]bool{}}
}

const memory = "memory:" // begins the addresses of the network

func (n *network) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
}

// carry gives how often a packet arrives, and where.
func (n *network) carry(from, to string) (*actor.ActorSystem, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	copies := 1
	if rand.Float64() < n.repeat {
		copies++
	}
	if n.cut[from] || rand.Float64() < n.loss {
		copies = 0
	}
	return n.systems[to], copies
}

// wire is the process of all actors behind an address.
type wire struct {
	network *network
	from    string
}

func (w *wire) SendUserMessage(pid *actor.PID, message any) {
	to, copies := w.network.carry(w.from, pid.Address)
	if to == nil {
		return
	}
	_, body, _ := actor.UnwrapEnvelope(message)
	for range copies {
		to.Root.Send(to.NewLocalPID(pid.Id), body)
	}
}
func (w *wire) SendSystemMessage(*actor.PID, any) {}
func (w *wire) Stop(*actor.PID)                   {}

// A node is an actor system with links, and somebody who is told of peers.
type node struct {
	t      *testing.T
	hub    *Hub
	system *actor.ActorSystem
	events chan *Peer
	log    *logtest.Hook
}

// brisk is a configuration for tests that wait.
func brisk() session.Config {
	c := session.DefaultConfig(session.Range{Min: 1, Max: 2})
	c.Ping, c.Resend = 100*time.Millisecond, 200*time.Millisecond
	c.Greet, c.GreetMax = 20*time.Millisecond, 200*time.Millisecond
	return c
}

// join adds a node; its address is that of its name, the part of the incarnation before the dash.
func (n *network) join(t *testing.T, incarnation string, change ...func(*Options)) *node {
	t.Helper()
	logger, hook := logtest.NewNullLogger()
	logger.SetOutput(io.Discard)
	log := logrus.NewEntry(logger)
	node := &node{t: t, system: cluster.System(log), events: make(chan *Peer, 1000), log: hook}
	address := n.address(incarnation)
	registry := node.system.ProcessRegistry
	w := &wire{n, address}
	registry.RegisterAddressResolver(func(pid *actor.PID) (actor.Process, bool) {
		return w, strings.HasPrefix(pid.Address, memory)
	})
	owner := node.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if e, ok := ctx.Message().(*Peer); ok {
			node.events <- e
		}
	}))
	o := Options{System: node.system, Incarnation: incarnation, OnPeer: owner, Session: brisk(), Log: log,
		Dial: func(i string) (string, bool) { return n.address(i), true }}
	for _, c := range change {
		c(&o)
	}
	var err error
	if node.hub, err = New(o); err != nil {
		t.Fatal(err)
	}
	n.change(func() { n.systems[address] = node.system })
	t.Cleanup(func() {
		node.hub.Stop()
		node.system.Shutdown()
	})
	return node
}

func (n *network) address(incarnation string) string {
	name, _, _ := strings.Cut(incarnation, "-")
	return memory + name
}

func peers(incarnations []string, nodes ...*node) {
	for _, n := range nodes {
		n.hub.SetPeers(incarnations)
	}
}

// next waits for what the node is told next.
func (n *node) next(state State) *Peer {
	n.t.Helper()
	select {
	case e := <-n.events:
		if e.State != state {
			n.t.Fatalf("%s was told %v, want state %d", n.hub.o.Incarnation, e, state)
		}
		return e
	case <-time.After(15 * time.Second):
		n.t.Fatalf("%s was told nothing, want state %d", n.hub.o.Incarnation, state)
		return nil
	}
}

// spawn starts an actor that takes user messages.
func (n *node) spawn(name string, receive func(ctx actor.Context)) *actor.PID {
	n.t.Helper()
	pid, err := n.system.Root.SpawnNamed(actor.PropsFromFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case actor.SystemMessage, actor.AutoReceiveMessage:
		default:
			receive(ctx)
		}
	}), name)
	if err != nil {
		n.t.Fatal(err)
	}
	return pid
}

// collect gives what an actor of that name receives.
func (n *node) collect(name string) <-chan any {
	got := make(chan any, 100_000)
	n.spawn(name, func(ctx actor.Context) { got <- ctx.Message() })
	return got
}

func echo(ctx actor.Context) { ctx.Respond(ctx.Message()) }

func receive[T any](t *testing.T, from <-chan any) T {
	t.Helper()
	select {
	case m := <-from:
		v, ok := m.(T)
		if !ok {
			t.Fatalf("got %T %v", m, m)
		}
		return v
	case <-time.After(15 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// until polls a condition that nobody announces.
func until(t *testing.T, what string, reached func() bool) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for end := time.After(15 * time.Second); !reached(); {
		select {
		case <-poll.C:
		case <-end:
			t.Fatalf("not so: %s", what)
		}
	}
}

func (n *node) logged(text string) int {
	count := 0
	for _, e := range n.log.AllEntries() {
		if strings.Contains(e.Message, text) {
			count++
		}
	}
	return count
}

// pair is two nodes with a session.
func pair(t *testing.T, change ...func(*Options)) (net *network, a, b *node) {
	net = newNetwork()
	a, b = net.join(t, "a-1", change...), net.join(t, "b-1", change...)
	peers([]string{"a-1", "b-1"}, a, b)
	a.next(Up)
	b.next(Up)
	return net, a, b
}
