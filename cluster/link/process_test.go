package link

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/messages"
)

// A spec is what a node in a process of its own is told.
type spec struct {
	Incarnation string
	Listen      string
	TLS         cluster.TLSFiles
	Silence     time.Duration
	Peers       map[string]string // incarnation -> address
}

const specOf = "WEIR_TEST_LINK_NODE"

// TestMain is also the main function of the nodes that tests start: two of the framework's remotes in one process race
// for gRPC's global logger.
func TestMain(m *testing.M) {
	text := os.Getenv(specOf)
	if text == "" {
		os.Exit(m.Run())
	}
	if err := serve(text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve is a node with the actors echo and sink, until standard input ends. It prints its address, then each *Peer.
func serve(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	log := logrus.New()
	log.SetOutput(os.Stderr)
	system := cluster.System(logrus.NewEntry(log))
	transport, err := startTransport(system, s.Listen, s.TLS)
	if err != nil {
		return err
	}
	fmt.Println(transport.Address())
	owner := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if e, ok := ctx.Message().(*Peer); ok {
			fmt.Println(e)
		}
	}))
	if _, err := system.Root.SpawnNamed(actor.PropsFromFunc(answer), "echo"); err != nil {
		return err
	}
	if _, err := system.Root.SpawnNamed(actor.PropsFromProducer(func() actor.Actor { return &sink{} }), "sink"); err != nil {
		return err
	}
	config := brisk()
	if s.Silence > 0 {
		config.Silence = s.Silence
	}
	hub, err := New(Options{System: system, Incarnation: s.Incarnation, OnPeer: owner, Session: config,
		Reconnect: transport.Reconnect, Log: logrus.NewEntry(log),
		Dial: func(i string) (string, bool) { a, ok := s.Peers[i]; return a, ok }})
	if err != nil {
		return err
	}
	var incarnations []string
	for i := range s.Peers {
		incarnations = append(incarnations, i)
	}
	hub.SetPeers(incarnations)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func startTransport(system *actor.ActorSystem, listen string, tls cluster.TLSFiles) (*cluster.Transport, error) {
	transport, err := cluster.Remote(system, cluster.RemoteOptions{Listen: listen, TLS: tls})
	if err != nil {
		return nil, err
	}
	return transport, transport.Start()
}

func answer(ctx actor.Context) {
	if m, ok := ctx.Message().(*messages.Credit); ok {
		ctx.Respond(m)
	}
}

// A sink counts messages that carry their number, and answers Crossed with how many came in order, and how many bytes.
type sink struct {
	inOrder, bytes uint64
	wrong          bool
}

func (s *sink) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *messages.Credit:
		s.count(m.Bytes, 0)
	case *messages.RowBatch:
		s.count(m.Bytes, len(m.Chunks[0].Body))
	case *messages.Crossed:
		if s.wrong {
			s.inOrder = 0
		}
		ctx.Respond(&messages.Credit{Epoch: s.inOrder, Bytes: s.bytes})
	}
}

func (s *sink) count(n uint64, bytes int) {
	s.wrong = s.wrong || n != s.inOrder
	s.inOrder++
	s.bytes += uint64(bytes)
}

// The one transport of the test's own process.
var own = sync.OnceValues(func() (*actor.ActorSystem, error) {
	log := logrus.New()
	log.SetOutput(io.Discard)
	system := cluster.System(logrus.NewEntry(log))
	_, err := startTransport(system, "127.0.0.1:0", cluster.TLSFiles{})
	return system, err
})

// A process is a node that a test started.
type nodeProcess struct {
	t       testing.TB
	cmd     *exec.Cmd
	address string
	lines   chan string // what it prints
	errors  *logs
}

type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func startNode(t testing.TB, s spec) *nodeProcess {
	t.Helper()
	if s.Listen == "" {
		s.Listen = "127.0.0.1:0"
	}
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	p := &nodeProcess{t: t, cmd: exec.Command(os.Args[0]), lines: make(chan string, 1000), errors: &logs{}}
	p.cmd.Env = append(os.Environ(), specOf+"="+string(text))
	p.cmd.Stderr = p.errors
	if _, err := p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
		if t.Failed() {
			t.Logf("%s:\n%s", s.Incarnation, p.errors)
		}
	})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	p.address = p.line()
	return p
}

func (p *nodeProcess) line() string {
	p.t.Helper()
	select {
	case l := <-p.lines:
		return l
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the node says nothing:\n%s", p.errors)
		return ""
	}
}

// says waits until the node prints that.
func (p *nodeProcess) says(text string) {
	p.t.Helper()
	for !strings.Contains(p.line(), text) {
	}
}
