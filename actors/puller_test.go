package actors

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/sources"
)

// A fragile source is pulled until the test gives it an error.
type fragile struct {
	sources.Source
	pulls chan chan error
}

func (f *fragile) Pull(ctx context.Context, _ *relay.Log, _ func(sources.Contact)) error {
	end := make(chan error)
	f.pulls <- end
	select {
	case err := <-end:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// A reconnect goes on where the log ends, however far it has been trimmed since the changefeed was activated.
func TestReconnectKeepsTheRelayLog(t *testing.T) {
	log, err := relay.Open(t.TempDir(), relay.Options{SegmentBytes: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	source := &fragile{pulls: make(chan chan error)}
	system := actor.NewActorSystem()
	maintainer := system.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	p := system.Root.Spawn(NewPuller(source, log, maintainer, logrus.NewEntry(quiet)))
	defer func() { _ = system.Root.StopFuture(p).Wait() }()
	system.Root.Send(p, &follow{mark: relay.Mark{Ts: 10, Position: "p10"}})
	first := <-source.pulls
	last := relay.Mark{Ts: 10, Position: "p10"}
	for ts := uint64(11); ts < 30; ts++ {
		end := relay.Mark{Ts: ts, Position: "p"}
		if err := log.Append(relay.Block{Data: make([]byte, 600), Start: &last, End: &end}); err != nil {
			t.Fatal(err)
		}
		last = end
	}
	if err := log.Trim(29); err != nil {
		t.Fatal(err)
	}
	first <- errors.New("connection lost")
	select {
	case <-source.pulls:
	case <-time.After(10 * time.Second):
		t.Fatal("it does not pull again")
	}
	if _, tail := log.Tail(); tail.Ts != 29 {
		t.Errorf("the log ends at %d, want 29", tail.Ts)
	}
}
