package actors

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

type (
	// follow: maintainer -> puller. The changefeed goes on from the mark: see that the log reaches back to it, then
	// pull. Answer: following. reset: the log is known to be damaged, begin it anew.
	follow struct {
		mark  relay.Mark
		reset bool
	}
	// following answers follow: a walk may begin at from, which lies at or before the mark.
	following struct {
		offset relay.Offset
		from   relay.Mark
	}
	// pullerStarted: puller -> maintainer, from each start. It waits for follow.
	pullerStarted struct{}
	// contacted: puller -> maintainer, at least each second while the upstream answers.
	contacted struct {
		sources.Contact
		tail uint64 // commit-ts of the last complete transaction in the log
	}
	// pullState: puller -> maintainer, when pulling stops working (err set) and when it works again.
	pullState struct {
		err   error
		fatal bool
		retry time.Time // when it is tried again
	}
)

// The puller's notes to itself, and its child's to it.
type (
	pullAgain struct{ run int }
	prepared  struct {
		run    int
		answer *following
	}
	pullEnded struct {
		run int
		err error
	}
)

// A puller reads one upstream into the relay log. The node spawns it; it tells its maintainer of each contact. The
// reading itself is done by a child that blocks on the connection; the log has one appender, so a new child begins
// only when the one before has ended.
type puller struct {
	source sources.Source
	log    *relay.Log
	entry  *logrus.Entry
	timers *scheduler.TimerScheduler

	maintainer *actor.PID
	wanted     *follow // to be answered
	run        int     // number of the child; what an older one says is dropped
	child      *actor.PID
	cancel     context.CancelFunc
	failures   int
	broken     bool
	leaving    bool // it is being stopped: a child that it made now would be stopped by nobody
}

// NewPuller makes a puller of source into log.
func NewPuller(source sources.Source, log *relay.Log, maintainer *actor.PID, entry *logrus.Entry) *actor.Props {
	entry = entry.WithField("actor", "puller")
	incarnation := 0
	return actor.PropsFromProducer(func() actor.Actor {
		incarnation++
		return &puller{run: incarnation * numbersPerLife, source: source, log: log, maintainer: maintainer, entry: entry}
	}, actor.WithSupervisor(stopFailed))
}

func (p *puller) Receive(ctx actor.Context) {
	if p.leaving {
		return
	}
	switch msg := ctx.Message().(type) {
	case *actor.Started:
		p.timers = scheduler.NewTimerScheduler(ctx)
		ctx.Send(p.maintainer, &pullerStarted{})
	case *follow:
		p.onFollow(ctx, msg)
	case *prepared:
		p.onPrepared(ctx, msg)
	case *contacted:
		p.onContact(ctx, msg)
	case *pullEnded:
		if msg.run == p.run {
			p.onEnded(ctx, msg.err)
		}
	case *actor.Terminated:
		if p.child != nil && msg.Who.Equal(p.child) {
			p.onEnded(ctx, errors.New("read the upstream: the reading actor broke down"))
		}
	case *pullAgain:
		if msg.run == p.run && p.child == nil {
			p.start(ctx)
		}
	case *actor.Stopping, *actor.Restarting:
		p.leaving = true
		p.stop()
	case *actor.Stopped:
	case *crash:
		panic(msg.reason)
	default:
		unexpected(ctx)
	}
}

func (p *puller) onFollow(ctx actor.Context, msg *follow) {
	p.wanted, p.failures = msg, 0
	if p.child == nil {
		p.start(ctx)
		return
	}
	p.stop() // its end starts the next
}

func (p *puller) stop() {
	if p.cancel != nil {
		p.cancel()
	}
}

// start spawns the child that blocks in the upstream.
func (p *puller) start(ctx actor.Context) {
	c, cancel := context.WithCancel(context.Background())
	p.run++
	p.cancel = cancel
	p.child = ctx.Spawn(actor.PropsFromProducer(func() actor.Actor {
		return &pull{source: p.source, log: p.log}
	}))
	ctx.Send(p.child, &pullRun{ctx: c, run: p.run, prepare: p.wanted})
}

func (p *puller) onPrepared(ctx actor.Context, msg *prepared) {
	if msg.run == p.run && p.wanted != nil {
		ctx.Send(p.maintainer, msg.answer)
		p.wanted = nil
	}
}

func (p *puller) onContact(ctx actor.Context, msg *contacted) {
	if p.broken {
		p.broken, p.failures = false, 0
		p.entry.Debug("upstream answers again")
		ctx.Send(p.maintainer, &pullState{})
	}
	ctx.Send(p.maintainer, msg)
}

func (p *puller) onEnded(ctx actor.Context, err error) {
	ctx.Stop(p.child)
	p.child, p.cancel = nil, nil
	if p.wanted != nil && (err == nil || errors.Is(err, context.Canceled)) {
		p.start(ctx)
		return
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return
	}
	var fatal *sources.Fatal
	p.broken = true
	state := &pullState{err: err, fatal: errors.As(err, &fatal)}
	if state.fatal {
		ctx.Send(p.maintainer, state)
		return
	}
	delay := backoff(p.failures, time.Second, time.Minute)
	p.failures++
	state.retry = time.Now().Add(delay)
	ctx.Send(p.maintainer, state)
	p.entry.WithError(err).WithField("retry_in", delay).Debug("upstream lost")
	p.timers.SendOnce(delay, ctx.Self(), &pullAgain{run: p.run})
}

// pullRun starts a pull.
type pullRun struct {
	ctx context.Context
	run int
	// prepare is what the log must reach back to; nil: it goes on where it ends.
	prepare *follow
}

// A pull is the puller's child: it sees that the log reaches back to the mark, then blocks in the upstream.
type pull struct {
	source sources.Source
	log    *relay.Log
}

func (p *pull) Receive(ctx actor.Context) {
	msg, ok := ctx.Message().(*pullRun)
	if !ok {
		return
	}
	parent, root := ctx.Parent(), ctx.ActorSystem().Root
	var err error
	if msg.prepare != nil {
		var answer *following
		if answer, err = prepareLog(p.log, msg.prepare.mark, msg.prepare.reset); err == nil {
			root.Send(parent, &prepared{run: msg.run, answer: answer})
		}
	}
	if err == nil {
		err = p.source.Pull(msg.ctx, p.log, func(c sources.Contact) {
			_, tail := p.log.Tail()
			root.Send(parent, &contacted{Contact: c, tail: tail.Ts})
		})
	}
	root.Send(parent, &pullEnded{run: msg.run, err: err})
}

// prepareLog sees that the log reaches back to the mark, and says where a walk may begin.
func prepareLog(log *relay.Log, mark relay.Mark, reset bool) (*following, error) {
	_, tail := log.Tail()
	offset, from, err := log.Seek(mark.Ts)
	known := err == nil && tail.Ts >= mark.Ts && (from.Ts != mark.Ts || from.Position == mark.Position)
	if reset || !known {
		if err := log.Reset(mark); err != nil {
			return nil, err
		}
		offset, from, err = log.Seek(mark.Ts)
	}
	if err != nil {
		return nil, err
	}
	// What lies below the stored checkpoint makes room; a full log would else wait for a checkpoint that waits for it.
	if err := log.Trim(from.Ts); err != nil {
		return nil, err
	}
	return &following{offset: offset, from: from}, nil
}
