package link

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// A proxy passes TCP connections on to a target that may be set later, and can cut, stall and delay them.
type proxy struct {
	listener net.Listener

	mu      sync.Mutex
	change  *sync.Cond
	target  string
	refuse  bool // no connection is taken
	stalled bool // nothing passes, and nobody is told
	delay   time.Duration
	held    int // reads that were stalled
	conns   map[net.Conn]bool
}

func newProxy(t testing.TB) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, conns: map[net.Conn]bool{}}
	p.change = sync.NewCond(&p.mu)
	go p.serve()
	t.Cleanup(func() {
		l.Close()
		p.set(func() { p.stalled, p.refuse = false, true })
		p.cut()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) set(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	p.change.Broadcast()
}

// cut ends all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) serve() {
	for {
		from, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.join(from)
	}
}

func (p *proxy) join(from net.Conn) {
	p.mu.Lock()
	target, refuse := p.target, p.refuse
	p.mu.Unlock()
	to, err := net.Dial("tcp", target)
	if err != nil || refuse {
		from.Close()
		if err == nil {
			to.Close()
		}
		return
	}
	p.set(func() { p.conns[from], p.conns[to] = true, true })
	go p.pass(from, to)
	p.pass(to, from)
}

func (p *proxy) pass(from, to net.Conn) {
	defer from.Close()
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil || p.wait() != nil {
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// wait holds bytes back as long as the line does.
func (p *proxy) wait() error {
	p.mu.Lock()
	if p.stalled {
		p.held++
	}
	for p.stalled {
		p.change.Wait()
	}
	delay, refuse := p.delay, p.refuse
	p.mu.Unlock()
	if refuse {
		return io.ErrClosedPipe
	}
	if delay > 0 {
		<-time.After(delay)
	}
	return nil
}
