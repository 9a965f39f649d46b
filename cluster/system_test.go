package cluster

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// With the framework's own limits a batch of these never arrives, and nobody is told.
func TestLargeMessagesArriveInOrder(t *testing.T) {
	const messages, size = 300, 64 << 10
	here, there := testSystem(t, quiet()), testSystem(t, quiet())
	for _, system := range []*actor.ActorSystem{here, there} {
		r := Remote(system, 0)
		r.Start()
		t.Cleanup(func() { r.Shutdown(false) })
	}
	got := make(chan *wrapperspb.BytesValue, messages)
	pid := there.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wrapperspb.BytesValue); ok {
			got <- m
		}
	}))
	for i := range messages {
		body := make([]byte, size)
		body[0], body[1] = byte(i), byte(i>>8)
		here.Root.Send(pid, &wrapperspb.BytesValue{Value: body})
	}
	for i := range messages {
		m := receive(t, got)
		if n := int(m.Value[0]) | int(m.Value[1])<<8; n != i || len(m.Value) != size {
			t.Fatalf("message %d: got %d of %d bytes", i, n, len(m.Value))
		}
	}
}

func TestOneMessageAndOneBatchFitTheReceiver(t *testing.T) {
	c := remoteConfig(0)
	if worst := MaxMessage * c.EndpointWriterBatchSize; worst > receiveLimit {
		t.Errorf("a batch of %d bytes, the receiver takes %d", worst, receiveLimit)
	}
	if c.Host != "127.0.0.1" {
		t.Errorf("listens on %s", c.Host)
	}
}
