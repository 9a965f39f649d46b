package sinktest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// A gate is a Permit that the test gives and withdraws.
type gate struct {
	mu      sync.Mutex
	shut    bool
	refused int
}

var errShut = errors.New("the grant is over")

func (g *gate) ask() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.shut {
		return nil
	}
	g.refused++
	return errShut
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
}

func (g *gate) refusals() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.refused
}

// until polls a condition.
func (s *stage) until(what string, done func() bool) {
	s.Helper()
	end := time.Now().Add(Patience)
	for look := time.NewTicker(time.Millisecond); !done(); <-look.C {
		if time.Now().After(end) {
			s.Fatalf("%s: not after %s", what, Patience)
		}
	}
}

func (s *stage) withheld() {
	permit := &gate{}
	s.Stop()
	s.Start(func(env sinks.Env) *actor.Props {
		env.Permit = permit.ask
		return s.Open(env)
	})
	t := s.table(1, "a")
	created := s.Publish(Table(2, ts(40), "shop", "b"))
	before := []*messages.Chunk{Insert(ts(1), 0, "x", 1), Insert(ts(2), 0, "x", 2)}
	after := []*messages.Chunk{Insert(ts(3), 0, "x", 3), Insert(ts(4), 0, "x", 4)}
	p, trigger := s.World.Probe("d1", Whole(t)), s.World.Probe("trigger", nil)
	p.Write(Batch(t, before...))
	p.Flush()
	s.wantRows(RowsOf(t, before...))

	permit.set(true)
	p.Write(Batch(t, after...))
	flush := p.StartFlush()
	s.until("the sink asks again and again", func() bool { return permit.refusals() > 3 })
	trigger.Send(&messages.Execute{Dispatcher: trigger.ID(), Id: 101, Ddl: &messages.DDL{CommitTs: ts(40), Kind: uint32(schema.CreateTable),
		Query: "CREATE TABLE b (...)", Schema: "shop", Changes: []*messages.TableChange{{After: Ref(created)}}}})
	trigger.Send(&messages.WriteSyncpoint{Dispatcher: trigger.ID(), Id: 102, CommitTs: ts(41), SourcePosition: "here"})
	asked := permit.refusals()
	s.until("the sink asks for the rest, too", func() bool { return permit.refusals() > asked+10 })
	s.wantRows(RowsOf(t, before...))
	s.wantStatements()
	if s.Syncpoints != nil && len(s.Syncpoints(s.T)) > 0 {
		s.Error("a syncpoint was written without permission")
	}
	p.Hear()
	trigger.Hear()
	if p.Flushed[flush] > 0 || p.Durable > 1 || len(trigger.Executed) > 0 {
		s.Error("the sink told of what it was not permitted to do")
	}

	permit.set(false)
	p.Await("Flushed", func() bool { return p.Flushed[flush] > 0 })
	trigger.Await("Executed", func() bool { return trigger.Executed[101] > 0 && trigger.Executed[102] > 0 })
	s.wantRows(RowsOf(t, slices.Concat(before, after)...))
	s.wantStatements(ts(40))
	s.Owner.Hear()
	if len(s.Owner.States) > 0 {
		s.Errorf("the sink told its owner %v: permission is no trouble of its own", s.Owner.States)
	}
}
