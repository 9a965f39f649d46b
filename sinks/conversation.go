package sinks

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// A Conversation is a sink's memory of what it has told each dispatcher: it admits writes once and in order, answers
// repeats, and keeps acknowledgements cumulative. It belongs to one actor. A dispatcher that only ever flushed costs
// nothing.
type Conversation struct {
	peers map[string]*peer
}

// A peer is one dispatcher that has written.
type peer struct {
	pid      *actor.PID
	admitted uint64
	accepted uint64
	durable  uint64
}

// NewConversation makes a Conversation that knows nobody.
func NewConversation() *Conversation { return &Conversation{peers: map[string]*peer{}} }

// Admit tells whether m is new and next in its dispatcher's order. It answers what is not: Lost to a write that builds
// on writes the sink does not hold, the acknowledgements so far to a repeated one.
func (c *Conversation) Admit(ctx actor.Context, m *messages.Write) bool {
	p := c.peers[m.Dispatcher]
	if p == nil {
		if m.Seq != 1 {
			reply(ctx, ctx.Sender(), &messages.Lost{Dispatcher: m.Dispatcher})
			return false
		}
		p = &peer{}
		c.peers[m.Dispatcher] = p
	}
	if ctx.Sender() != nil {
		p.pid = ctx.Sender()
	}
	switch {
	case m.Seq == p.admitted+1:
		p.admitted = m.Seq
		return true
	case m.Seq > p.admitted:
		reply(ctx, p.pid, &messages.Lost{Dispatcher: m.Dispatcher})
	default:
		c.repeat(ctx, m.Dispatcher, p)
	}
	return false
}

func (c *Conversation) repeat(ctx actor.Context, id string, p *peer) {
	if p.accepted > 0 {
		reply(ctx, p.pid, &messages.Accepted{Dispatcher: id, Seq: p.accepted})
	}
	if p.durable > 0 {
		reply(ctx, p.pid, &messages.Durable{Dispatcher: id, Seq: p.durable})
	}
}

// Holds tells whether the sink knows all the writes that a Flush covers; if not it answers Lost.
func (c *Conversation) Holds(ctx actor.Context, m *messages.Flush) bool {
	var admitted uint64
	if p := c.peers[m.Dispatcher]; p != nil {
		admitted = p.admitted
	}
	if m.Seq > admitted {
		reply(ctx, ctx.Sender(), &messages.Lost{Dispatcher: m.Dispatcher})
		return false
	}
	return true
}

// Idle tells that everything the dispatcher wrote is durable, so that its Flush needs no work.
func (c *Conversation) Idle(dispatcher string) bool {
	p := c.peers[dispatcher]
	return p == nil || p.durable == p.admitted
}

// Accepted tells the dispatcher, if that is news.
func (c *Conversation) Accepted(ctx actor.Context, dispatcher string, seq uint64) {
	if p := c.peers[dispatcher]; p != nil && seq > p.accepted {
		p.accepted = seq
		reply(ctx, p.pid, &messages.Accepted{Dispatcher: dispatcher, Seq: seq})
	}
}

// Durable tells the dispatcher, if that is news.
func (c *Conversation) Durable(ctx actor.Context, dispatcher string, seq uint64) {
	if p := c.peers[dispatcher]; p != nil && seq > p.durable {
		p.durable = seq
		reply(ctx, p.pid, &messages.Durable{Dispatcher: dispatcher, Seq: seq})
	}
}

// Lost tells the dispatcher that its writes are gone and drops it; one that was forgotten hears nothing.
func (c *Conversation) Lost(ctx actor.Context, dispatcher string) {
	if p := c.peers[dispatcher]; p != nil {
		delete(c.peers, dispatcher)
		reply(ctx, p.pid, &messages.Lost{Dispatcher: dispatcher})
	}
}

// Forget drops a dispatcher: nothing more is told to it.
func (c *Conversation) Forget(dispatcher string) { delete(c.peers, dispatcher) }

// reply sends to a dispatcher; one that asked without an address hears nothing.
func reply(ctx actor.Context, to *actor.PID, message any) {
	if to != nil {
		ctx.Send(to, message)
	}
}
