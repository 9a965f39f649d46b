package actors

import (
	"context"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
)

type (
	// startFeed: coordinator -> node. Run this changefeed's maintainer here.
	startFeed struct{ name string }
	// stopFeed: coordinator -> node, and node -> maintainer: write out what is in flight, store the checkpoint, end.
	stopFeed struct{ name string }
	// feedStopped: maintainer -> node -> coordinator. It ended in an orderly way, or gave up doing so in time.
	feedStopped struct{ name string }
	// shutDown: outside -> node. Stop all feeds in an orderly way, then end.
	shutDown struct{}
	// leaseLost: the node's lease is gone; nothing may be written any more.
	leaseLost struct{}
)

// NodeOptions is what a node needs.
type NodeOptions struct {
	Member *cluster.Node
	Store  *cluster.Store
	// Feed gives the parts of a changefeed that this process can run.
	Feed func(name string) (FeedParts, error)
	// OnStatus is told how the changefeeds do; it must not block.
	OnStatus func(*messages.FeedStatus)
	// OnStopped is told once, when the node has ended its feeds.
	OnStopped func()
	Entry     *logrus.Entry
}

// FeedParts are the actors of one changefeed, ready to spawn.
type FeedParts struct {
	Puller     func(maintainer *actor.PID) *actor.Props
	Group      func(maintainer *actor.PID) *actor.Props
	Maintainer func(puller, group, coordinator *actor.PID) *actor.Props
}

// The node is a process's root guardian. It spawns the coordinator, and for each changefeed placed here its puller, its
// group and its maintainer, and supervises them all: each restarts in place, with backoff.
type node struct {
	NodeOptions
	coordinator *actor.PID
	feeds       map[string]*nodeFeed
	stopping    bool
	leaving     bool // it is being stopped: a child that it made now would be stopped by nobody
	life        lifetime
}

type nodeFeed struct{ puller, group, maintainer *actor.PID }

// NewNode makes the root guardian.
func NewNode(o NodeOptions) *actor.Props {
	o.Entry = o.Entry.WithField("actor", "node")
	return actor.PropsFromProducer(func() actor.Actor {
		return &node{NodeOptions: o, feeds: map[string]*nodeFeed{}, life: newLifetime()}
	}, cluster.Supervise(o.Entry))
}

func (n *node) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		n.onStarted(ctx)
	case *startFeed:
		n.onStartFeed(ctx, msg.name)
	case *stopFeed:
		if f := n.feeds[msg.name]; f != nil {
			ctx.Send(f.maintainer, msg)
		}
	case *messages.FeedStatus:
		n.OnStatus(msg)
	case *shutDown:
		n.stopping = true
		for name, f := range n.feeds {
			ctx.Send(f.maintainer, &stopFeed{name: name})
		}
		n.ended()
	case *feedStopped:
		n.onFeedStopped(ctx, msg)
	case *leaseLost:
		n.Entry.Error("the node's lease is lost: nothing more is written")
		n.stopping = true
		for name := range n.feeds {
			n.drop(ctx, name)
		}
		n.ended()
	case *actor.Stopping, *actor.Restarting:
		n.leaving = true
		n.life.end()
	case *actor.Terminated, *actor.Stopped:
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
	n.coordinator = spawnNamed(ctx, NewCoordinator(n.Member, n.Store, n.Entry), "coordinator")
}

func (n *node) onStartFeed(ctx actor.Context, name string) {
	if n.feeds[name] != nil || n.stopping || n.leaving {
		return
	}
	parts, err := n.Feed(name)
	if err != nil {
		ctx.Send(n.coordinator, &messages.FeedStatus{
			Changefeed: name, State: messages.FeedState_FEED_FAILED, Reason: err.Error(),
		})
		return
	}
	child := func(role string) *actor.PID { return actor.NewPID(ctx.Self().Address, ctx.Self().Id+"/"+name+"/"+role) }
	f := &nodeFeed{}
	// The maintainer first: the others speak to it as soon as they start, and to send to a name whose actor is just being
	// made panics in the framework. It speaks to them only after the metadata store has given it an epoch.
	f.maintainer = spawnNamed(ctx, parts.Maintainer(child("puller"), child("group"), n.coordinator), name+"/maintainer")
	f.puller = spawnNamed(ctx, parts.Puller(f.maintainer), name+"/puller")
	f.group = spawnNamed(ctx, parts.Group(f.maintainer), name+"/group")
	n.feeds[name] = f
}

func (n *node) onFeedStopped(ctx actor.Context, msg *feedStopped) {
	n.drop(ctx, msg.name)
	ctx.Send(n.coordinator, msg)
	n.ended()
}

func (n *node) drop(ctx actor.Context, name string) {
	f := n.feeds[name]
	if f == nil {
		return
	}
	ctx.Stop(f.maintainer)
	ctx.Stop(f.group)
	ctx.Stop(f.puller)
	delete(n.feeds, name)
}

// ended tells the outside when the node was asked to end and has.
func (n *node) ended() {
	if n.stopping && len(n.feeds) == 0 {
		n.OnStopped()
	}
}
