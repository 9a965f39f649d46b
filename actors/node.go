package actors

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link"
	"github.com/weir-cdc/weir/messages"
)

type (
	// stopFeed: node -> maintainer: write out what is in flight, store the checkpoint, end. handOver: end at once,
	// another node goes on.
	stopFeed struct {
		name     string
		handOver bool
	}
	// feedStopped: maintainer -> node. It ended in an orderly way, or gave up doing so in time.
	feedStopped struct{ name string }
	// shutDown: outside -> node. Stop all feeds in an orderly way, then end.
	shutDown struct{}
	// leaseLost: the node's lease is gone; nothing may be written any more.
	leaseLost struct{}
)

// The node's notes to itself, from its tasks and timers.
type (
	nodesSeen  struct{ nodes []cluster.NodeInfo }
	feedOpened struct {
		name, uuid string
		parts      FeedParts
		err        error
	}
	groupOpened struct {
		name, uuid string
		parts      GroupParts
		err        error
	}
	feedClosed struct{ name string }
	nodeBeat   struct{}
)

// NodeOptions is what a node needs.
type NodeOptions struct {
	Member *cluster.Node
	Store  *cluster.Store
	// Alone: there are no other nodes; Links is nil then.
	Alone bool
	Links *Links
	Parts Workshop
	// OnStatus is told how the changefeeds of this node do; it must not block.
	OnStatus func(*messages.FeedStatus)
	// OnStopped is told once, when the node has ended its feeds: by order, drained, or as its lease is lost.
	OnStopped func(NodeEnd)
	// OnCoordinator is told the incarnation of the coordinator that the node obeys; nil: nobody is.
	OnCoordinator func(incarnation string)
	Entry         *logrus.Entry
}

// NodeEnd says why a node ended.
type NodeEnd uint8

// The ends of a node.
const (
	ToldToEnd NodeEnd = iota
	Drained           // it was to give up everything, and has
	LostLease         // it may come back under a new incarnation
)

// A Workshop makes the parts of changefeeds that this process can run. Its methods may block; an error that no retry can
// mend is a *sources.Fatal.
type Workshop interface {
	Feed(ctx context.Context, name, uuid string) (FeedParts, error)
	Group(ctx context.Context, name, uuid string) (GroupParts, error)
}

// FeedParts are what runs a changefeed, ready to spawn.
type FeedParts struct {
	Puller     func(maintainer *actor.PID) *actor.Props
	Maintainer func(MaintainerPlace) *actor.Props
	// Close lets go what they stand on, after both have ended. nil: nothing.
	Close func()
}

// A MaintainerPlace is what a maintainer is told of where it runs.
type MaintainerPlace struct {
	Puller *actor.PID
	Home   string
	Node   func(incarnation string) nodeRef
	Group  func(nodeRef) *actor.PID
	Lease  func() bool
	Grants bool
}

// GroupParts are what writes a changefeed downstream, ready to spawn.
type GroupParts struct {
	Group func(maintainer *actor.PID) *actor.Props
}

// The node is a process's root guardian. It spawns the coordinator; the puller and the maintainer of each changefeed that
// the coordinator assigns to it; and a group for each changefeed whose maintainer asks for one. It supervises them all: each
// restarts in place, with backoff.
type node struct {
	NodeOptions
	coordinator *actor.PID // the child
	boss        *actor.PID // the coordinator that is elected, as far as known
	term        uint64     // its, and the number of its last Assign
	number      uint64
	feeds       map[string]*nodeFeed
	groups      map[string]*nodeGroup
	nodes       []cluster.NodeInfo
	statuses    map[string]*messages.FeedStatus
	timers      *scheduler.TimerScheduler
	cancel      scheduler.CancelFunc
	stopping    bool
	end         NodeEnd
	leaving     bool // it is being stopped: a child that it made now would be stopped by nobody
	life        lifetime
}

// nodeFeed is a changefeed whose maintainer is to run, runs or ends here.
type nodeFeed struct {
	uuid               string
	parts              FeedParts
	puller, maintainer *actor.PID // nil until the parts are made
	stopped            bool       // it was told to end
	ended              bool       // both actors were stopped
	left               int        // of them, those still to end
}

// nodeGroup is a changefeed's group here.
type nodeGroup struct {
	uuid    string
	pid     *actor.PID // nil until the parts are made
	asker   *actor.PID
	epoch   uint64 // of the asker
	ending  bool
	strange int // beats of the coordinator that did not know the changefeed
}

// nodeBeatPeriod is how often a node reports at least.
const nodeBeatPeriod = 500 * time.Millisecond

// NewNode makes the root guardian.
func NewNode(o NodeOptions) *actor.Props {
	o.Entry = o.Entry.WithField("actor", "node")
	return actor.PropsFromProducer(func() actor.Actor {
		return &node{
			NodeOptions: o, feeds: map[string]*nodeFeed{}, groups: map[string]*nodeGroup{},
			statuses: map[string]*messages.FeedStatus{}, life: newLifetime(),
		}
	}, cluster.Supervise(o.Entry))
}

func (n *node) Receive(ctx actor.Context) {
	if n.leaving {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		n.onStarted(ctx)
	case *nodesSeen:
		n.onNodes(ctx, msg.nodes)
	case *nodesWanted:
		n.onNodesWanted(ctx)
	case *link.Peer:
		n.Entry.WithField("peer", msg.String()).Debug("link")
	case *messages.Assign:
		n.onAssign(ctx, msg)
	case *feedOpened:
		n.onFeedOpened(ctx, msg)
	case *messages.Enlist:
		n.onEnlist(ctx, msg)
	case *groupOpened:
		n.onGroupOpened(ctx, msg)
	case *messages.Dismiss:
		n.onDismiss(ctx, msg)
	case *messages.FeedStatus:
		n.onStatus(ctx, msg)
	case *messages.Ask:
		n.onAsk(ctx, msg)
	case nodeBeat:
		n.report(ctx)
	case *feedStopped:
		n.drop(ctx, msg.name)
	case *feedClosed:
		delete(n.feeds, msg.name)
		delete(n.statuses, msg.name)
		n.report(ctx)
		n.ended()
	case *shutDown:
		n.stop(ctx, ToldToEnd)
	case *leaseLost:
		n.Entry.Error("the node's lease is lost: nothing more is written")
		n.end, n.stopping = LostLease, true
		for _, name := range slices.Sorted(maps.Keys(n.feeds)) {
			n.drop(ctx, name)
		}
		n.endGroups(ctx)
		n.ended()
	case *actor.Terminated:
		n.onTerminated(ctx, msg.Who)
	case *actor.Stopping, *actor.Restarting:
		if n.cancel != nil {
			n.cancel()
		}
		n.leaving = true
		n.life.end()
	case *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

func (n *node) onStarted(ctx actor.Context) {
	lost := n.Member.Lost()
	n.life.spawnTask(ctx, func(c context.Context) any {
		select {
		case <-lost:
			return &leaseLost{}
		case <-c.Done():
			return nil
		}
	})
	n.timers = scheduler.NewTimerScheduler(ctx)
	n.cancel = n.timers.SendRepeatedly(nodeBeatPeriod, nodeBeatPeriod, ctx.Self(), nodeBeat{})
	if !n.Alone {
		store := n.Store
		n.life.spawnStream(ctx, func(c context.Context, emit func(any)) {
			for nodes := range store.WatchNodes(c) {
				emit(&nodesSeen{nodes})
			}
		})
	}
	n.coordinator = spawnNamed(ctx, NewCoordinator(CoordinatorOptions{
		Member: n.Member, Store: n.Store, Alone: n.Alone, At: n.at(ctx), Entry: n.Entry,
	}), "coordinator")
}

// at gives a function that names actors on any node. It shares nothing with the node actor.
func (n *node) at(ctx actor.Context) func(incarnation, path string) *actor.PID {
	address, home, links := ctx.Self().Address, n.Member.ID(), n.Links
	return func(incarnation, path string) *actor.PID {
		if links == nil || incarnation == home {
			return actor.NewPID(address, path)
		}
		return links.PID(incarnation, path)
	}
}

func (n *node) onNodes(ctx actor.Context, nodes []cluster.NodeInfo) {
	n.nodes = nodes
	n.Links.set(nodes)
	for _, name := range slices.Sorted(maps.Keys(n.feeds)) {
		if f := n.feeds[name]; f.maintainer != nil && !f.ended {
			ctx.Send(f.maintainer, n.members(ctx))
		}
	}
	ctx.Send(n.coordinator, &nodesSeen{nodes})
}

// onNodesWanted answers the coordinator, or a maintainer that has begun.
func (n *node) onNodesWanted(ctx actor.Context) {
	switch {
	case n.nodes == nil: // they are told of when they are known
	case ctx.Sender() == nil:
		ctx.Send(n.coordinator, &nodesSeen{n.nodes})
	default:
		ctx.Respond(n.members(ctx))
	}
}

func (n *node) members(ctx actor.Context) *members {
	m, at := &members{}, n.at(ctx)
	for _, info := range n.nodes {
		m.nodes = append(m.nodes, nodeRef{
			id: info.Incarnation, name: info.Name, host: at(info.Incarnation, nodeName), draining: info.Draining,
		})
	}
	return m
}

// onAssign does what the coordinator wants, as far as it is not so yet.
func (n *node) onAssign(ctx actor.Context, msg *messages.Assign) {
	if msg.Term < n.term || msg.Term == n.term && msg.Number <= n.number || n.stopping {
		return
	}
	if msg.Term > n.term && n.OnCoordinator != nil {
		n.OnCoordinator(msg.Coordinator)
	}
	n.boss, n.term, n.number = ctx.Sender(), msg.Term, msg.Number
	wanted := map[string]string{}
	for _, a := range msg.Run {
		wanted[a.Changefeed] = a.Uuid
		if n.feeds[a.Changefeed] == nil {
			n.startFeed(ctx, a.Changefeed, a.Uuid)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.feeds)) {
		switch f := n.feeds[name]; {
		case slices.Contains(msg.Stop, name):
			n.stopFeed(ctx, name, false)
		case wanted[name] != f.uuid:
			n.stopFeed(ctx, name, true)
		}
	}
	n.weed(ctx, msg)
	n.report(ctx)
	if msg.Drained && !n.Alone {
		n.stop(ctx, Drained)
	}
}

// startFeed makes what the maintainer needs, which may take its time.
func (n *node) startFeed(ctx actor.Context, name, uuid string) {
	n.feeds[name] = &nodeFeed{uuid: uuid}
	parts := n.Parts
	n.life.spawnTask(ctx, func(c context.Context) any {
		made, err := parts.Feed(c, name, uuid)
		return &feedOpened{name: name, uuid: uuid, parts: made, err: err}
	})
}

func (n *node) onFeedOpened(ctx actor.Context, msg *feedOpened) {
	f := n.feeds[msg.name]
	if msg.err != nil {
		state := messages.FeedState_FEED_WARNING
		if isFatal(msg.err) {
			state = messages.FeedState_FEED_FAILED
		}
		n.onStatus(ctx, &messages.FeedStatus{Changefeed: msg.name, State: state, Reason: msg.err.Error()})
		n.report(ctx)
		delete(n.feeds, msg.name) // the next Assign tries again, unless it failed for good
		n.ended()
		return
	}
	f.parts = msg.parts
	if f.stopped {
		n.closeFeed(ctx, msg.name)
		return
	}
	child := func(role string) *actor.PID {
		return actor.NewPID(ctx.Self().Address, ctx.Self().Id+"/"+msg.name+"/"+role)
	}
	// The maintainer first: the puller speaks to it as soon as it starts, and to send to a name whose actor is just being
	// made panics in the framework. It speaks to the puller only after the metadata store has given it an epoch.
	at, group := n.at(ctx), nodeName+"/"+msg.name+"/group"
	f.maintainer = spawnNamed(ctx, f.parts.Maintainer(MaintainerPlace{
		Puller: child("puller"), Home: n.Member.ID(), Lease: n.Member.LeaseValid, Grants: !n.Alone,
		Node:  func(id string) nodeRef { return nodeRef{id: id, name: id, host: at(id, nodeName)} },
		Group: func(r nodeRef) *actor.PID { return at(r.id, group) },
	}), msg.name+"/maintainer")
	n.Links.tell(f.maintainer)
	if !n.Alone {
		ctx.Send(f.maintainer, n.members(ctx))
	}
	f.puller = spawnNamed(ctx, f.parts.Puller(f.maintainer), msg.name+"/puller")
}

// stopFeed has a changefeed's maintainer end. It is told again with each Assign: one that broke down and began again has
// forgotten it.
func (n *node) stopFeed(ctx actor.Context, name string, handOver bool) {
	f := n.feeds[name]
	f.stopped = true
	if f.maintainer != nil && !f.ended {
		ctx.Send(f.maintainer, &stopFeed{name: name, handOver: handOver})
	}
}

// drop ends a changefeed's maintainer and puller.
func (n *node) drop(ctx actor.Context, name string) {
	f := n.feeds[name]
	if f == nil || f.ended {
		return
	}
	f.stopped = true
	if f.maintainer == nil {
		return // its parts are just being made: they are closed then
	}
	f.ended, f.left = true, 2
	ctx.Stop(f.maintainer)
	ctx.Stop(f.puller)
}

// onTerminated: a parent is told of the end of every child.
func (n *node) onTerminated(ctx actor.Context, who *actor.PID) {
	for name, f := range n.feeds {
		if f.ended && f.left > 0 && (who.Equal(f.maintainer) || who.Equal(f.puller)) {
			if f.left--; f.left == 0 {
				n.closeFeed(ctx, name)
			}
			return
		}
	}
	for name, g := range n.groups {
		if who.Equal(g.pid) {
			n.Links.tellNoMore(g.pid)
			delete(n.groups, name)
			n.ended()
			return
		}
	}
}

func (n *node) closeFeed(ctx actor.Context, name string) {
	f := n.feeds[name]
	n.Links.tellNoMore(f.maintainer)
	n.life.spawnTask(ctx, func(context.Context) any {
		if f.parts.Close != nil {
			f.parts.Close()
		}
		return &feedClosed{name: name}
	})
}

func (n *node) onStatus(ctx actor.Context, msg *messages.FeedStatus) {
	before := n.statuses[msg.Changefeed]
	n.statuses[msg.Changefeed] = msg
	n.OnStatus(msg)
	if before == nil || before.State != msg.State || before.Reason != msg.Reason {
		n.report(ctx)
	}
}

// report answers the coordinator.
func (n *node) report(ctx actor.Context) {
	if n.boss == nil {
		return
	}
	r := &messages.NodeReport{Node: n.Member.ID(), Term: n.term, Number: n.number}
	for _, name := range slices.Sorted(maps.Keys(n.feeds)) {
		r.Running = append(r.Running, &messages.Assignment{Changefeed: name, Uuid: n.feeds[name].uuid})
		if s := n.statuses[name]; s != nil {
			r.Statuses = append(r.Statuses, s)
		}
	}
	ctx.Request(n.boss, r)
}

// onAsk passes a question on to the coordinator, as from whoever asked.
func (n *node) onAsk(ctx actor.Context, msg *messages.Ask) {
	if n.boss == nil || n.stopping {
		ctx.Respond(&messages.Answer{Code: "no-coordinator", What: "no coordinator is elected", Fix: "try again in a few seconds"})
		return
	}
	ctx.RequestWithCustomSender(n.boss, msg, ctx.Sender())
}

// stop ends the node's work. A node of a cluster leaves it to the others; a lone one ends it in order.
func (n *node) stop(ctx actor.Context, why NodeEnd) {
	if n.stopping {
		return
	}
	n.stopping, n.end = true, why
	for _, name := range slices.Sorted(maps.Keys(n.feeds)) {
		n.stopFeed(ctx, name, !n.Alone)
	}
	if !n.Alone {
		n.endGroups(ctx)
	}
	n.ended()
}

// ended tells the outside when the node was asked to end and has.
func (n *node) ended() {
	if n.stopping && len(n.feeds) == 0 && (n.Alone || len(n.groups) == 0) {
		n.OnStopped(n.end)
	}
}
