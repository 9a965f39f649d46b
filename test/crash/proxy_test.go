package crash

import (
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

// A proxy stands between weir and its upstream. While it is armed, it cuts each connection after a random number of the
// upstream's bytes, in the middle of whatever they are.
type proxy struct {
	listener net.Listener
	to       string
	armed    atomic.Bool
	cuts     atomic.Int64
	mu       sync.Mutex
	random   *rand.Rand
	open     map[net.Conn]bool
}

func newProxy(t *testing.T, to string, random *rand.Rand) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, to: to, random: rand.New(rand.NewPCG(random.Uint64(), 0)), open: map[net.Conn]bool{}}
	go p.serve()
	t.Cleanup(func() {
		l.Close()
		p.cutAll()
	})
	return p
}

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", p.to)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.open[client], p.open[server] = true, true
		// Some connections do not even live to say hello.
		limit := int64(100 + p.random.IntN(2000))
		if p.random.IntN(5) > 0 {
			limit = int64(3000 + p.random.IntN(60_000))
		}
		p.mu.Unlock()
		go func() {
			_, _ = io.Copy(server, client) // ends with either
			p.drop(client, server)
		}()
		go p.pump(client, server, limit)
	}
}

// pump hands the upstream's bytes on, up to the limit if the proxy is armed by then.
func (p *proxy) pump(client, server net.Conn, limit int64) {
	defer p.drop(client, server)
	for {
		_, err := io.CopyN(client, server, limit)
		if err != nil {
			return
		}
		if p.armed.Load() {
			p.cuts.Add(1)
			return
		}
	}
}

func (p *proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		c.Close()
		delete(p.open, c)
	}
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.open {
		c.Close()
	}
}

// A connection that is cut anywhere, in the middle of an event, of a packet's header, of a handshake, is made anew.
func TestConnectionIsCut(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t), "csv")
	random := bank.Random(t)
	wire := newProxy(t, f.server.Addr(), random)
	f.from = "mysql://root@" + wire.listener.Addr().String() + "/"
	l := bank.Start(t, f.server, random)
	f.begin()
	l.Flow(200, 4)
	p := f.follow()
	f.moves(p)
	wire.armed.Store(true)
	eventually(t, p, "15 cuts are made", func() bool { return wire.cuts.Load() >= 15 })
	wire.armed.Store(false)
	f.moves(p)
	l.Stop()
	f.interrupt(p)
	t.Logf("%d cuts", wire.cuts.Load())
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
}
