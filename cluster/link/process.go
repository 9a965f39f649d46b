package link

import (
	"errors"
	"fmt"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/cluster/link/session"
)

// remoteIncarnation tells which node a PID of the form of Hub.PID is on.
func remoteIncarnation(pid *actor.PID) (string, bool) { return strings.CutPrefix(pid.Address, scheme) }

// resolve is the address resolver. One process stands for all actors of all nodes: PIDs remember it for good, and peers
// come and go.
func (h *Hub) resolve(pid *actor.PID) (actor.Process, bool) {
	if _, ok := remoteIncarnation(pid); ok {
		return h.process, true
	}
	return nil, false
}

// A process is what proto.actor takes for the mailbox of an actor on another node.
type process struct {
	hub    *Hub
	encode *encoder
}

var _ actor.Process = (*process)(nil)

// SendUserMessage runs in the sender's turn.
func (p *process) SendUserMessage(to *actor.PID, message any) {
	incarnation, _ := remoteIncarnation(to)
	if incarnation == p.hub.o.Incarnation {
		p.local(to).SendUserMessage(to, message)
		return
	}
	_, body, sender := actor.UnwrapEnvelope(message)
	a := p.hub.account(incarnation)
	m, err := p.message(to, body, sender)
	switch {
	case errors.Is(err, errForeign):
		return
	case err != nil:
		if a != nil {
			p.giveUp(a, session.Unsendable)
		}
		return
	}
	if a == nil || !p.hand(a, m) {
		p.deadLetter(to, body, sender)
	}
}

// giveUp ends the session that is up: a message of it will not arrive, and those behind it must not arrive without it.
func (p *process) giveUp(a *account, why session.Reason) {
	a.dropped.Add(1)
	if number := a.session.Load(); number != 0 {
		p.hub.o.System.Root.Send(a.pid.Load(), &giveUp{number, why})
	}
}

// message encodes what is to travel.
func (p *process) message(to *actor.PID, body any, sender *actor.PID) (m session.Message, err error) {
	m.Target = to.Id
	if m.Type, m.Body, err = p.encode.encode(body); err != nil {
		return m, err
	}
	if most := p.hub.o.Session.Largest; len(m.Body) > most {
		p.hub.o.Log.WithField("type", m.Type).WithField("bytes", len(m.Body)).
			Errorf("link: message dropped: it exceeds %d bytes; its sender must split it", most)
		return m, errTooLarge
	}
	if sender != nil {
		m.Sender = sender.Id
		if from, remote := remoteIncarnation(sender); remote && from != p.hub.o.Incarnation {
			m.SenderIncarnation = from
		}
	}
	return m, nil
}

// hand gives the message to the peer's actor.
func (p *process) hand(a *account, m session.Message) bool {
	number := a.session.Load()
	if number == 0 {
		a.dropped.Add(1)
		return false
	}
	if !a.take(m.Size(), p.hub.o.Limit) {
		p.giveUp(a, session.Backlog)
		return false
	}
	p.hub.o.System.Root.Send(a.pid.Load(), &outgoing{number, m})
	if p.hub.o.OnSent != nil {
		p.hub.o.OnSent(m.Type, len(m.Body))
	}
	return true
}

// SendSystemMessage has nothing to carry: see the package comment.
func (p *process) SendSystemMessage(to *actor.PID, message any) {
	if incarnation, _ := remoteIncarnation(to); incarnation == p.hub.o.Incarnation {
		p.local(to).SendSystemMessage(to, message)
		return
	}
	if _, ok := message.(*actor.Unwatch); ok {
		return
	}
	p.hub.o.Log.WithField("message", fmt.Sprintf("%T", message)).WithField("target", to.Id).
		Error("link: no such message travels between nodes")
	if watch, ok := message.(*actor.Watch); ok {
		why := &actor.Terminated{Who: to, Why: actor.TerminatedReason_AddressTerminated}
		p.local(watch.Watcher).SendSystemMessage(watch.Watcher, why)
	}
}

// Stop of an actor on another node is not possible.
func (p *process) Stop(to *actor.PID) { p.SendSystemMessage(to, &actor.Stop{}) }

// local is the process of an actor of this node, or the one for dead letters.
func (p *process) local(pid *actor.PID) actor.Process {
	process, _ := p.hub.o.System.ProcessRegistry.GetLocal(pid.Id)
	return process
}

// deadLetter also lets a future that waits for an answer know.
func (p *process) deadLetter(to *actor.PID, body any, sender *actor.PID) {
	p.hub.o.System.DeadLetter.SendUserMessage(to, &actor.MessageEnvelope{Message: body, Sender: sender})
}
