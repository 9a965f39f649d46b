package link

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/cluster/link/session"
	"github.com/weir-cdc/weir/messages"
)

// Whoever is told of peers by Tell hears that a session ended before it gets anything of the next one: what it gets has no
// gap that it was not told of.
func TestTheEndOfASessionIsNotOvertaken(t *testing.T) {
	_, a, b := pair(t)
	got := make(chan any, 100_000)
	sink := b.spawn("sink", func(ctx actor.Context) { got <- ctx.Message() })
	b.hub.Tell(sink)
	pid := a.hub.PID("b-1", "sink")
	sent, next, gaps, ended := uint64(0), uint64(0), 0, false
	send := func(count int) {
		for range count {
			a.system.Root.Send(pid, credit(int(sent)))
			sent++
		}
	}
	for range 10 {
		account := a.hub.account("b-1")
		number := account.session.Load()
		send(1000)
		a.system.Root.Send(account.pid.Load(), &giveUp{number, session.Backlog}) // ends the session
		for account.session.Load() == number || account.session.Load() == 0 {
			send(1) // is lost, in the old session or between two
		}
		send(1)
		for next < sent {
			switch m := receive[any](t, got).(type) {
			case *Peer:
				if ended = true; !m.Concerns(b.hub.PID("a-1", "x")) {
					t.Fatalf("told of %v", m)
				}
			case *messages.Credit:
				if m.Bytes != next {
					gaps++
				}
				if m.Bytes != next && !ended {
					t.Fatalf("%d came after %d, and no session ended in between", m.Bytes, next-1)
				}
				next, ended = m.Bytes+1, false
			}
		}
	}
	if gaps == 0 {
		t.Error("no session lost anything: nothing was tried")
	}
	b.hub.TellNoMore(sink)
	b.hub.SetPeers(nil)
	until(t, "the node is told of the last end", func() bool { return len(b.events) > 0 && (<-b.events).State == Down && len(b.events) == 0 })
	if len(got) > 0 {
		t.Errorf("still told: %v", <-got)
	}
}
