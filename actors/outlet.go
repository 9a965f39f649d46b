package actors

import (
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/feed"
	"github.com/weir-cdc/weir/messages"
)

// An outlet is a group as the feeder sees it.
type outlet struct {
	pid  *actor.PID
	owed uint64     // bytes delivered to it, and not yet taken by its sink
	told *feed.Told // nil: it shares our catalog
}

// outlet finds a group's outlet, or makes it. A new one hears at once how far the live walk is: an idle upstream may say
// nothing more.
func (f *feeder) outlet(ctx actor.Context, group *actor.PID) *outlet {
	key := group.String()
	o := f.groups[key]
	if o == nil {
		o = &outlet{pid: group}
		if group.Address != ctx.Self().Address {
			o.told = feed.NewTold(f.Catalog)
		}
		f.groups[key] = o
		if f.live != nil {
			ctx.Send(group, &messages.Resolved{Epoch: f.Epoch, Ts: f.live.resolved})
		}
	}
	return o
}

// toGroups sends every group a message.
func (f *feeder) toGroups(ctx actor.Context, msg any) {
	for _, key := range slices.Sorted(maps.Keys(f.groups)) {
		ctx.Send(f.groups[key].pid, msg)
	}
}

// credit takes back what a group's sink has taken.
func (f *feeder) credit(group *actor.PID, bytes uint64) {
	if o := f.groups[group.String()]; o != nil {
		bytes = min(bytes, o.owed)
		o.owed -= bytes
		f.flight -= bytes
	}
}

// onLostGroup writes off what a group had.
func (f *feeder) onLostGroup(ctx actor.Context, group *actor.PID) {
	key := group.String()
	if o := f.groups[key]; o != nil {
		f.flight -= o.owed
		delete(f.groups, key)
		f.resume(ctx)
		f.advance(ctx)
	}
}

// define sends a group the definitions that its next message needs and that it has not been told.
func (f *feeder) define(ctx actor.Context, o *outlet, needs func(*feed.Told) (*messages.Define, error)) {
	if o.told == nil {
		return
	}
	msg, err := needs(o.told)
	if err != nil {
		ctx.Send(ctx.Parent(), &feederFailed{epoch: f.Epoch, err: err})
		return
	}
	if msg != nil {
		msg.Epoch = f.Epoch
		ctx.Request(o.pid, msg)
	}
}
