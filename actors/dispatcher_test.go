package actors

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/barrier"
	"github.com/weir-cdc/weir/messages"
)

// A dispatcher that is to end while the sink writes an event for it waits for that: else whoever comes after it could have the
// same event written at the same time.
func TestLastWordsWaitForAWrite(t *testing.T) {
	w := newGroupWorld(t)
	sunk, heard := make(chan any, 100), make(chan any, 100)
	sink := w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) { sunk <- ctx.Message() }))
	var d *actor.PID
	spawned := make(chan struct{})
	w.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if _, first := ctx.Message().(*actor.Started); first {
			d = ctx.Spawn(NewDispatcher(DispatcherOptions{ID: "1.1", Span: barrier.Whole(7), Epoch: 1, Sink: sink}))
			close(spawned)
		}
		heard <- ctx.Message()
	}))
	<-spawned
	alter := &messages.Event{
		Key: &messages.Key{CommitTs: 50}, Info: &messages.EventInfo{Tables: []int64{7}}, Ddl: &messages.DDL{CommitTs: 50},
	}
	w.system.Root.Send(d, alter)
	flush := await[*messages.Flush](t, sunk)
	w.system.Root.Send(d, &messages.Flushed{Dispatcher: "1.1", Id: flush.Id})
	execute := await[*messages.Execute](t, sunk)
	w.system.Root.Send(d, lastWordsMessage)
	w.system.Root.Send(d, &messages.Durable{Dispatcher: "1.1", Seq: 9}) // is handed on, and so tells that the order was taken
	w.system.Root.Send(d, &messages.Executed{Dispatcher: "1.1", Id: execute.Id})
	written := false
	for end := time.After(10 * time.Second); ; {
		select {
		case msg := <-heard:
			switch msg := msg.(type) {
			case *crossed:
				written = true
			case *reported:
				if !written || !msg.last || msg.report.Passed != (barrier.Key{CommitTs: 50, Kind: barrier.DDL}).After() {
					t.Errorf("last words %v, written: %v", msg.report, written)
				}
				return
			}
		case <-end:
			t.Fatal("no last words")
		}
	}
}

// await gives the next message of a type.
func await[T any](t *testing.T, from <-chan any) T {
	t.Helper()
	for end := time.After(10 * time.Second); ; {
		select {
		case msg := <-from:
			if m, ok := msg.(T); ok {
				return m
			}
		case <-end:
			t.Fatalf("no %T came", *new(T))
		}
	}
}
