package cluster

import (
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const (
	messages, size = 300, 64 << 10
	sendTo         = "WEIR_TEST_SEND_TO" // host:port/actor id
)

// sender is the other process of TestLargeMessagesArriveInOrder; it stays until its standard input ends. Two of the
// framework's remotes in one process race for gRPC's global logger.
func sender(target string) error {
	address, id, _ := strings.Cut(target, "/")
	system := System(quiet())
	transport, err := Remote(system, RemoteOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	if err := transport.Start(); err != nil {
		return err
	}
	for i := range messages {
		body := make([]byte, size)
		body[0], body[1] = byte(i), byte(i>>8)
		system.Root.Send(actor.NewPID(address, id), &wrapperspb.BytesValue{Value: body})
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// With the framework's own limits a batch of these never arrives, and nobody is told.
func TestLargeMessagesArriveInOrder(t *testing.T) {
	system := testSystem(t, quiet())
	r, err := Remote(system, RemoteOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	defer r.Shutdown()
	got := make(chan *wrapperspb.BytesValue, messages)
	pid := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if m, ok := ctx.Message().(*wrapperspb.BytesValue); ok {
			got <- m
		}
	}))
	other := exec.Command(os.Args[0])
	other.Env, other.Stderr = append(os.Environ(), sendTo+"="+pid.Address+"/"+pid.Id), os.Stderr
	if _, err := other.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		other.Process.Kill()
		other.Wait()
	}()
	for i := range messages {
		m := receive(t, got)
		if n := int(m.Value[0]) | int(m.Value[1])<<8; n != i || len(m.Value) != size {
			t.Fatalf("message %d: got %d of %d bytes", i, n, len(m.Value))
		}
	}
}
