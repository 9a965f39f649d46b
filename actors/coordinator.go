package actors

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
)

// The coordinator's notes to itself, from its tasks.
type (
	elected struct {
		feeds []cluster.Changefeed
		err   error
	}
	campaignAgain struct{}
	stateStored   struct {
		name  string
		state messages.FeedState
		err   error
	}
)

// told is a changefeed's state with its reason: a change of either is news, and is logged once.
type told struct {
	state  messages.FeedState
	reason string
}

// The coordinator keeps the list of changefeeds and their states. The node spawns one; the one that wins the election
// acts: it places each changefeed's maintainer, and writes each change of state to the store.
type coordinator struct {
	member   *cluster.Node
	store    *cluster.Store
	entry    *logrus.Entry
	timers   *scheduler.TimerScheduler
	failures int
	states   map[string]told // as stored
	life     lifetime
}

// NewCoordinator makes a coordinator for the node that member is.
func NewCoordinator(member *cluster.Node, store *cluster.Store, entry *logrus.Entry) *actor.Props {
	entry = entry.WithField("actor", "coordinator")
	return actor.PropsFromProducer(func() actor.Actor {
		return &coordinator{member: member, store: store, entry: entry, states: map[string]told{}, life: newLifetime()}
	}, actor.WithSupervisor(stopFailed))
}

func (c *coordinator) Receive(ctx actor.Context) {
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		c.timers = scheduler.NewTimerScheduler(ctx)
		c.campaign(ctx)
	case *campaignAgain:
		c.campaign(ctx)
	case *elected:
		c.onElected(ctx, msg)
	case *messages.FeedStatus:
		c.onStatus(ctx, msg)
	case *stateStored:
		if msg.err != nil && !errors.Is(msg.err, context.Canceled) {
			delete(c.states, msg.name) // the next status tries again
			c.entry.WithError(msg.err).WithField("changefeed", msg.name).Warn("store the state")
		}
	case *actor.Stopping, *actor.Restarting:
		c.life.end()
	case *feedStopped, *actor.Terminated, *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

func (c *coordinator) campaign(ctx actor.Context) {
	member, store := c.member, c.store
	c.life.spawnTask(ctx, func(tc context.Context) any {
		if err := member.Campaign(tc); err != nil {
			return &elected{err: err}
		}
		feeds, err := store.Changefeeds(tc)
		return &elected{feeds: feeds, err: err}
	})
}

func (c *coordinator) onElected(ctx actor.Context, msg *elected) {
	if msg.err != nil {
		delay := backoff(c.failures, time.Second, 30*time.Second)
		c.failures++
		c.entry.WithError(msg.err).Warn("campaign for coordinator")
		c.timers.SendOnce(delay, ctx.Self(), &campaignAgain{})
		return
	}
	c.failures = 0
	for _, cf := range msg.feeds {
		switch cf.State {
		case cluster.Normal, cluster.Warning:
			ctx.Send(ctx.Parent(), &startFeed{name: cf.Name})
		}
	}
}

// onStatus passes a status on to the outside, and stores the state when it changed.
func (c *coordinator) onStatus(ctx actor.Context, msg *messages.FeedStatus) {
	ctx.Send(ctx.Parent(), msg)
	state, ok := stored[msg.State]
	now := told{msg.State, msg.Reason}
	if !ok || c.states[msg.Changefeed] == now {
		return
	}
	c.states[msg.Changefeed] = now
	store, name, reason, feedState := c.store, msg.Changefeed, msg.Reason, msg.State
	level := logrus.InfoLevel
	switch feedState {
	case messages.FeedState_FEED_WARNING:
		level = logrus.WarnLevel
	case messages.FeedState_FEED_FAILED:
		level = logrus.ErrorLevel
	}
	fields := logrus.Fields{"changefeed": name, "state": state}
	if reason != "" {
		fields["reason"] = reason
	}
	c.entry.WithFields(fields).Log(level, "changefeed state")
	c.life.spawnTask(ctx, func(tc context.Context) any {
		tc, cancel := context.WithTimeout(tc, 10*time.Second)
		defer cancel()
		return &stateStored{name: name, state: feedState, err: store.SetState(tc, name, state, reason)}
	})
}

// stored maps the states that are kept; starting is none.
var stored = map[messages.FeedState]cluster.State{
	messages.FeedState_FEED_NORMAL:   cluster.Normal,
	messages.FeedState_FEED_WARNING:  cluster.Warning,
	messages.FeedState_FEED_FAILED:   cluster.Failed,
	messages.FeedState_FEED_STOPPED:  cluster.Stopped,
	messages.FeedState_FEED_FINISHED: cluster.Finished,
}
