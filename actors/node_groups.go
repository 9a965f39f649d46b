package actors

import (
	"context"
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// The groups of a node: made when a maintainer asks, ended when it says so, or when no coordinator knows their
// changefeed any more.

// mostStrange is for how many Assigns a group may be of a changefeed that runs nowhere: its maintainer ends it first.
const mostStrange = 5

func (n *node) onEnlist(ctx actor.Context, msg *messages.Enlist) {
	g := n.groups[msg.Changefeed]
	switch {
	case n.stopping:
	case g == nil:
		g = &nodeGroup{uuid: msg.Uuid, asker: ctx.Sender(), epoch: msg.Epoch}
		n.groups[msg.Changefeed] = g
		parts, name, uuid := n.Parts, msg.Changefeed, msg.Uuid
		n.life.spawnTask(ctx, func(c context.Context) any {
			made, err := parts.Group(c, name, uuid)
			return &groupOpened{name: name, uuid: uuid, parts: made, err: err}
		})
	case msg.Epoch < g.epoch: // of a maintainer that was replaced, or whose changefeed was removed: epochs outlive that
	case g.uuid != msg.Uuid:
		n.endGroup(ctx, msg.Changefeed) // of an earlier changefeed of that name; the maintainer asks again
	case g.pid != nil && !g.ending:
		g.asker, g.epoch, g.strange = ctx.Sender(), msg.Epoch, 0
		ctx.Request(g.asker, &messages.Enlisted{Epoch: msg.Epoch})
	default:
		g.asker, g.epoch = ctx.Sender(), msg.Epoch
	}
}

func (n *node) onGroupOpened(ctx actor.Context, msg *groupOpened) {
	g := n.groups[msg.name]
	if msg.err != nil || n.stopping {
		delete(n.groups, msg.name)
		if msg.err != nil {
			ctx.Request(g.asker, &messages.Enlisted{Epoch: g.epoch, Error: msg.err.Error()})
		}
		n.ended()
		return
	}
	g.pid = spawnNamed(ctx, msg.parts.Group(g.asker), msg.name+"/group")
	n.Links.tell(g.pid)
	ctx.Request(g.asker, &messages.Enlisted{Epoch: g.epoch})
}

func (n *node) onDismiss(ctx actor.Context, msg *messages.Dismiss) {
	if g := n.groups[msg.Changefeed]; g != nil && msg.Epoch >= g.epoch {
		n.endGroup(ctx, msg.Changefeed)
	}
}

// weed ends groups whose changefeed runs nowhere any more, and whose maintainer did not end them.
func (n *node) weed(ctx actor.Context, msg *messages.Assign) {
	living := map[string]string{}
	for _, a := range msg.Living {
		living[a.Changefeed] = a.Uuid
	}
	for _, name := range slices.Sorted(maps.Keys(n.groups)) {
		g := n.groups[name]
		if living[name] == g.uuid {
			g.strange = 0
			continue
		}
		if g.strange++; g.strange > mostStrange && n.feeds[name] == nil {
			n.endGroup(ctx, name)
		}
	}
}

func (n *node) endGroup(ctx actor.Context, name string) {
	if g := n.groups[name]; g.pid != nil && !g.ending {
		g.ending = true
		ctx.Stop(g.pid)
	}
}

func (n *node) endGroups(ctx actor.Context) {
	for _, name := range slices.Sorted(maps.Keys(n.groups)) {
		n.endGroup(ctx, name)
	}
}
