package link

import (
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster/link/session"
	"github.com/weir-cdc/weir/messages"
)

// A peer is the actor around the sessions with one other node. The hub spawns it when that node becomes a member, and
// stops it when it is none any longer. It delivers to local actors, and tells Options.OnPeer and those of Hub.Tell when
// sessions begin and end.
type peer struct {
	hub         *Hub
	incarnation string
	account     *account
	decode      *decoder
	log         *logrus.Entry

	session  *session.Session
	address  string // once known
	resent   int    // of this session, counted already
	inbound  int    // bytes since the last flush
	flushing bool   // a flush is in the mailbox
}

type (
	// outgoing is a message for the peer, given to the session of that number; it counts in the backlog.
	outgoing struct {
		session uint64
		message session.Message
	}
	// giveUp says that a message of the session can not be sent: its backlog is over the limit, or what it says has no form.
	giveUp struct {
		session uint64
		why     session.Reason
	}
	// flush sends what came together since it was put into the mailbox.
	flush struct{}
)

// flushAt is how many bytes may come together before a flush that waits in the mailbox is not waited for.
const flushAt = 512 << 10

func newPeer(h *Hub, incarnation string, a *account) *actor.Props {
	log := h.o.Log.WithFields(logrus.Fields{"actor": "link", "peer": incarnation})
	return actor.PropsFromProducer(func() actor.Actor {
		return &peer{hub: h, incarnation: incarnation, account: a, log: log, decode: newDecoder(log)}
	})
}

func (p *peer) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		now := time.Now()
		p.session = session.New(p.hub.o.Session, p.hub.number(), p.hub.started, now)
		p.flush(ctx, now)
	case *outgoing:
		p.onOutgoing(ctx, m)
	case *messages.Envelope:
		p.onEnvelope(ctx, m)
	case *flush:
		p.flushing = false
		p.flush(ctx, time.Now())
	case *tick:
		p.onTick(ctx)
	case *giveUp:
		p.onGiveUp(ctx, m)
	case *actor.Stopping:
		p.end(ctx, session.Left)
	case *actor.Restarting:
		p.end(ctx, session.Failed)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		p.log.WithField("message", fmt.Sprintf("%T", m)).Error("link: unexpected message")
	}
}

func (p *peer) onOutgoing(ctx actor.Context, m *outgoing) {
	if number, up := p.session.Number(); !up || number != m.session {
		p.account.release(m.message.Size()) // lost with the session it was meant for
		p.account.dropped.Add(1)
		return
	}
	p.session.Send(m.message)
	p.account.sentMessages.Add(1)
	p.account.sentBytes.Add(uint64(len(m.message.Body)))
	if p.session.Waiting() >= flushAt {
		p.flush(ctx, time.Now())
		return
	}
	p.flushSoon(ctx)
}

func (p *peer) onEnvelope(ctx actor.Context, e *messages.Envelope) {
	now := time.Now()
	if e.Gone != nil {
		p.session.End(now, session.Gone)
	} else {
		p.session.Receive(now, open(e))
	}
	p.tell(ctx)
	if p.inbound >= flushAt {
		p.flush(ctx, now)
		return
	}
	p.flushSoon(ctx)
}

func (p *peer) onTick(ctx actor.Context) {
	now := time.Now()
	p.session.Tick(now)
	p.tell(ctx)
	p.flush(ctx, now)
	if p.session.Hung() && p.hub.o.Reconnect != nil && p.address != "" {
		p.log.Debug("link: connect anew")
		p.hub.o.Reconnect(p.address)
	}
}

func (p *peer) onGiveUp(ctx actor.Context, m *giveUp) {
	if number, up := p.session.Number(); up && number == m.session {
		p.finish(ctx, m.why)
	}
}

// end is the last word of this life.
func (p *peer) end(ctx actor.Context, why session.Reason) {
	if p.session != nil {
		p.finish(ctx, why)
	}
}

func (p *peer) finish(ctx actor.Context, why session.Reason) {
	now := time.Now()
	p.session.End(now, why)
	p.tell(ctx)
	p.flush(ctx, now)
}

// flushSoon lets what already waits in the mailbox come along.
func (p *peer) flushSoon(ctx actor.Context) {
	if !p.flushing {
		p.flushing = true
		ctx.Send(ctx.Self(), &flush{})
	}
}

func (p *peer) flush(ctx actor.Context, now time.Time) {
	p.inbound = 0
	if p.address == "" {
		p.address, _ = p.hub.o.Dial(p.incarnation)
	}
	for _, packet := range p.session.Packets(now) {
		if p.address != "" {
			ctx.Send(actor.NewPID(p.address, Name), seal(p.hub.o.Incarnation, p.incarnation, packet))
		}
	}
	if resent := p.session.Resent(); resent > p.resent {
		p.account.resends.Add(uint64(resent - p.resent))
		p.resent = resent
	}
}

// tell passes on what the session has to say.
func (p *peer) tell(ctx actor.Context) {
	for _, e := range p.session.Events() {
		switch e := e.(type) {
		case session.Arrived:
			p.deliver(ctx, e.Message)
		case session.Up:
			p.resent = 0
			p.account.session.Store(e.Number)
			p.account.sessions.Add(1)
			p.log.WithFields(logrus.Fields{"session": e.Number, "version": e.Version}).Info("peer is up")
			p.inform(ctx, &Peer{State: Up, Session: e.Number, Version: e.Version, Started: e.Started})
		case session.Down:
			p.account.session.Store(0)
			p.log.WithFields(logrus.Fields{"session": e.Number, "reason": e.Reason}).Warn("peer is down")
			p.inform(ctx, &Peer{State: Down, Session: e.Number, Reason: e.Reason})
		case session.Refused:
			p.log.WithError(e).Error("peer refused")
			p.inform(ctx, &Peer{State: Refused, Err: e})
		}
	}
	p.account.release(p.session.Released())
}

func (p *peer) inform(ctx actor.Context, event *Peer) {
	event.Incarnation = p.incarnation
	if p.hub.o.OnPeer != nil {
		ctx.Send(p.hub.o.OnPeer, event)
	}
	p.hub.told.Range(func(_, pid any) bool {
		ctx.Send(pid.(*actor.PID), event)
		return true
	})
}

// deliver gives a message of the peer to the local actor that it is for.
func (p *peer) deliver(ctx actor.Context, m session.Message) {
	p.inbound += len(m.Body)
	p.account.receivedMessages.Add(1)
	p.account.receivedBytes.Add(uint64(len(m.Body)))
	body, ok := p.open(m)
	if !ok {
		return
	}
	envelope := &actor.MessageEnvelope{Message: body}
	if m.Sender != "" {
		from := p.incarnation
		if m.SenderIncarnation != "" {
			from = m.SenderIncarnation
		}
		envelope.Sender = p.hub.PID(from, m.Sender)
	}
	p.hub.o.System.Root.Send(p.hub.o.System.NewLocalPID(m.Target), envelope)
}

func (p *peer) open(m session.Message) (any, bool) {
	if m.Type == undelivered {
		return &actor.DeadLetterResponse{Target: p.hub.PID(p.incarnation, string(m.Body))}, true
	}
	return p.decode.decode(m.Type, m.Body)
}
