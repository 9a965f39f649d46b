package link

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/cluster/link/session"
	"github.com/weir-cdc/weir/messages"
)

// rig is the test's own node "me", and another in its own process, with a proxy before each.
type rig struct {
	*node
	other      *nodeProcess
	to, from   *proxy // what I send, what I am sent
	sink, echo *actor.PID
}

// newRig's session bears a busy machine.
func newRig(t *testing.T) *rig { return rigOf(t, &node{t: t}, time.Minute) }

func rigOf(t testing.TB, me *node, silence time.Duration) *rig {
	t.Helper()
	system, err := own()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{node: me, to: newProxy(t), from: newProxy(t)}
	r.from.set(func() { r.from.target = system.Address() })
	r.other = startNode(t, spec{Incarnation: "other-1", Silence: silence, Peers: map[string]string{"me-1": r.from.address()}})
	r.to.set(func() { r.to.target = r.other.address })
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	r.system, r.events = system, make(chan *Peer, 1000)
	owner := system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if e, ok := ctx.Message().(*Peer); ok {
			me.events <- e
		}
	}))
	config := brisk()
	config.Silence = silence
	if r.hub, err = New(Options{System: system, Incarnation: "me-1", OnPeer: owner, Session: config, Log: logrus.NewEntry(quiet),
		Reconnect: func(string) { r.to.cut() },
		Dial:      func(i string) (string, bool) { return r.to.address(), strings.HasPrefix(i, "other") }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.hub.Stop() })
	r.hub.SetPeers([]string{"other-1"})
	r.sink, r.echo = r.hub.PID("other-1", "sink"), r.hub.PID("other-1", "echo")
	select {
	case e := <-r.events:
		if e.State != Up {
			t.Fatalf("told %v", e)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("no session:\n%s", r.other.errors)
	}
	r.other.says("me-1: up")
	return r
}

func (r *rig) send(n int) { r.system.Root.Send(r.sink, credit(n)) }

// came asks the sink how much came in order; it answers after what was sent before.
func (r *rig) came(t testing.TB) *messages.Credit {
	t.Helper()
	answer, err := r.system.Root.RequestFuture(r.sink, &messages.Crossed{}, time.Minute).Result()
	if err != nil {
		for len(r.events) > 0 {
			t.Logf("told %v", <-r.events)
		}
		t.Fatalf("ask the sink: %v; %+v, backlog %d", err, r.hub.Traffic("other-1"), r.hub.Backlog("other-1"))
	}
	return answer.(*messages.Credit)
}

func TestManySmallMessages(t *testing.T) {
	r := newRig(t)
	const count = 200_000
	for i := range count {
		r.send(i)
	}
	if got := r.came(t).Epoch; got != count {
		t.Errorf("%d came in order, want %d", got, count)
	}
	if tr := r.hub.Traffic("other-1"); tr.Sessions != 1 {
		t.Errorf("%+v", tr)
	}
}

func TestALargeMessage(t *testing.T) {
	r := newRig(t)
	const size = 64 << 20
	r.system.Root.Send(r.sink, &messages.RowBatch{Chunks: []*messages.Chunk{{Body: make([]byte, size)}}})
	r.send(1)
	if got := r.came(t); got.Epoch != 2 || got.Bytes != size {
		t.Errorf("%d messages came in order, %d bytes; want 2, %d", got.Epoch, got.Bytes, size)
	}
	until(t, "the backlog is empty", func() bool { return r.hub.Backlog("other-1") == 0 })
}

// Connections die and come back, both ways; the session does not mind.
func TestConnectionsDie(t *testing.T) {
	r := newRig(t)
	sent := 0
	for cut := range 3 {
		var held int
		r.to.set(func() { r.to.stalled, held = true, r.to.held })
		for range 2000 {
			r.send(sent)
			sent++
		}
		until(t, "something is on the way", func() (is bool) {
			r.to.set(func() { is = r.to.held > held })
			return is
		})
		r.to.cut()
		if cut%2 == 1 {
			r.from.cut()
		}
		r.to.set(func() { r.to.stalled = false })
	}
	if got := r.came(t).Epoch; got != uint64(sent) {
		t.Errorf("%d came in order, want %d", got, sent)
	}
	if tr := r.hub.Traffic("other-1"); tr.Sessions != 1 || tr.Resends == 0 {
		t.Errorf("%+v", tr)
	}
}

func TestADelayedLine(t *testing.T) {
	r := newRig(t)
	r.to.set(func() { r.to.delay = 50 * time.Millisecond })
	for i := range 2000 {
		r.send(i)
	}
	if got := r.came(t).Epoch; got != 2000 {
		t.Errorf("%d came in order", got)
	}
}

// One way hangs without a word: both ends are told, and then it works over another connection.
func TestALineStalls(t *testing.T) {
	r := rigOf(t, &node{t: t}, 2*time.Second)
	r.to.set(func() { r.to.stalled = true })
	r.send(0)
	if e := r.next(Down); e.Reason != session.Anew && e.Reason != session.Silent {
		t.Errorf("got %v", e)
	}
	r.other.says("down")
	r.to.set(func() { r.to.stalled = false })
	r.next(Up)
	r.other.says("up")
	until(t, "an answer", func() bool {
		_, err := r.system.Root.RequestFuture(r.echo, credit(1), time.Second).Result()
		return err == nil
	})
}

func TestAStoppedProcess(t *testing.T) {
	r := rigOf(t, &node{t: t}, 2*time.Second)
	signal := func(s syscall.Signal) {
		if err := r.other.cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	signal(syscall.SIGSTOP)
	for i := range 1000 {
		r.send(i)
	}
	if e := r.next(Down); e.Reason != session.Silent {
		t.Errorf("got %v", e)
	}
	signal(syscall.SIGCONT)
	r.other.says("down")
	r.next(Up)
	r.other.says("up")
}

func TestAKilledProcess(t *testing.T) {
	r := newRig(t)
	r.other.cmd.Process.Kill()
	r.other.cmd.Wait()
	startNode(t, spec{Incarnation: "other-2", Listen: r.other.address, Peers: map[string]string{"me-1": r.from.address()}})
	r.hub.SetPeers([]string{"other-1", "other-2"})
	var down, up bool
	for !down || !up {
		select {
		case e := <-r.events:
			down = down || e.State == Down && e.Incarnation == "other-1"
			up = up || e.State == Up && e.Incarnation == "other-2"
		case <-time.After(20 * time.Second):
			t.Fatalf("down %v, up %v", down, up)
		}
	}
}

// Three processes, each with a session with both others; and a fourth, which is no member, and not heard.
func TestThreeProcesses(t *testing.T) {
	bt, ct := free(t), free(t)
	system, err := own()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{"me-1": system.Address(), "b-1": bt, "c-1": ct}
	b := startNode(t, spec{Incarnation: "b-1", Listen: bt, Peers: known})
	c := startNode(t, spec{Incarnation: "c-1", Listen: ct, Peers: known})
	stranger := startNode(t, spec{Incarnation: "d-1", Peers: known})
	log := logrus.New()
	log.SetOutput(io.Discard)
	hub, err := New(Options{System: system, Incarnation: "me-1", Session: brisk(), Log: logrus.NewEntry(log),
		Dial: func(i string) (string, bool) { a, ok := known[i]; return a, ok }})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Stop()
	hub.SetPeers([]string{"b-1", "c-1", "me-1"})
	for range 2 {
		b.says(": up")
		c.says(": up")
	}
	for _, i := range []string{"b-1", "c-1"} {
		until(t, i+" answers", func() bool {
			_, err := system.Root.RequestFuture(hub.PID(i, "echo"), credit(1), time.Second).Result()
			return err == nil
		})
	}
	if len(stranger.lines) > 0 {
		t.Errorf("a stranger got %q", <-stranger.lines)
	}
}

// authority makes certificates for 127.0.0.1.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func writePEM(t *testing.T, file, kind string, der []byte) string {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key, der := sign(t, template, nil)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key, writePEM(t, filepath.Join(t.TempDir(), "ca.pem"), "CERTIFICATE", der)}
}

func sign(t *testing.T, template *x509.Certificate, by *authority) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = &authority{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// node gives the files of a node whose certificate the authority signed.
func (a *authority) node(t *testing.T) cluster.TLSFiles {
	t.Helper()
	key, der := sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, a)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	return cluster.TLSFiles{Cert: writePEM(t, filepath.Join(dir, "cert.pem"), "CERTIFICATE", der),
		Key: writePEM(t, filepath.Join(dir, "key.pem"), "PRIVATE KEY", private), CA: a.file}
}

// free gives an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestTLS(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	at, bt, ct := free(t), free(t), free(t)
	known := map[string]string{"a-1": at, "b-1": bt, "c-1": ct}
	a := startNode(t, spec{Incarnation: "a-1", Listen: at, TLS: ours.node(t), Peers: known})
	b := startNode(t, spec{Incarnation: "b-1", Listen: bt, TLS: ours.node(t), Peers: known})
	a.says("b-1: up")
	b.says("a-1: up")
	c := startNode(t, spec{Incarnation: "c-1", Listen: ct, TLS: theirs.node(t), Peers: known})
	until(t, "another authority's node is refused", func() bool {
		return strings.Contains(c.errors.String(), "certificate signed by unknown authority") &&
			strings.Contains(a.errors.String(), "certificate signed by unknown authority")
	})
	if len(c.lines) > 0 {
		t.Errorf("it got %q", <-c.lines)
	}
	// A client that trusts the authority, and has no certificate of its own.
	pool := x509.NewCertPool()
	pool.AddCert(ours.cert)
	conn, err := tls.Dial("tcp", at, &tls.Config{RootCAs: pool, NextProtos: []string{"h2"}})
	if err == nil {
		_, err = conn.Read(make([]byte, 1))
		conn.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "certificate required") {
		t.Errorf("without a certificate: %v", err)
	}
}

func BenchmarkSmall(b *testing.B) { benchmark(b, func(n int) any { return credit(n) }, 0) }

func Benchmark256KiB(b *testing.B) {
	chunks := []*messages.Chunk{{Body: make([]byte, 256<<10)}}
	benchmark(b, func(n int) any { return &messages.RowBatch{Bytes: uint64(n), Chunks: chunks} }, 256<<10)
}

// benchmark keeps up to half the backlog's limit under way.
func benchmark(b *testing.B, message func(n int) any, size int64) {
	r := rigOf(b, &node{}, time.Minute)
	// The proxies would be part of the figure.
	r.hub.Stop()
	log := logrus.New()
	log.SetOutput(io.Discard)
	up := make(chan *Peer, 10)
	owner := r.system.Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		if e, ok := ctx.Message().(*Peer); ok {
			up <- e
		}
	}))
	direct := startNode(b, spec{Incarnation: "direct-1", Peers: map[string]string{"me-2": r.system.Address()}})
	c := session.DefaultConfig(session.Range{Min: 1, Max: 1})
	hub, err := New(Options{System: r.system, Incarnation: "me-2", OnPeer: owner, Session: c, Log: logrus.NewEntry(log),
		Dial: func(string) (string, bool) { return direct.address, true }})
	if err != nil {
		b.Fatal(err)
	}
	defer hub.Stop()
	hub.SetPeers([]string{"direct-1"})
	<-up
	r.hub, r.sink = hub, hub.PID("direct-1", "sink")
	b.SetBytes(size)
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for i := 0; b.Loop(); i++ {
		for hub.Backlog("direct-1") > 64<<20 {
			<-poll.C
		}
		r.system.Root.Send(r.sink, message(i))
	}
	if got := r.came(b).Epoch; got != uint64(b.N) {
		b.Errorf("%d came in order, want %d", got, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
}
