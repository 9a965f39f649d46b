package cluster

import (
	"context"
	"net"
	"slices"
	"sync"

	"google.golang.org/grpc/resolver"
)

// A dialer makes the connections of a transport and remembers the open ones, so that one that hangs can be dropped: the
// framework itself lets go of a connection only when it breaks.
type dialer struct {
	mu   sync.Mutex
	open map[string][]net.Conn // by address, as it was given
	seen map[string]bool
}

func newDialer() *dialer {
	return &dialer{open: map[string][]net.Conn{}, seen: map[string]bool{}}
}

func (d *dialer) dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen[address] = true
	if err != nil {
		return nil, err
	}
	tracked := &trackedConn{Conn: conn, closed: func(c net.Conn) { d.forget(address, c) }}
	d.open[address] = append(d.open[address], tracked)
	return tracked, nil
}

func (d *dialer) forget(address string, conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rest := slices.DeleteFunc(d.open[address], func(c net.Conn) bool { return c == conn })
	if d.open[address] = rest; len(rest) == 0 {
		delete(d.open, address)
	}
}

// drop closes the open connections to an address.
func (d *dialer) drop(address string) {
	d.mu.Lock()
	conns := slices.Clone(d.open[address])
	d.mu.Unlock()
	for _, c := range conns {
		c.Close()
	}
}

// addresses are those that were ever dialled.
func (d *dialer) addresses() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for a := range d.seen {
		all = append(all, a)
	}
	return all
}

type trackedConn struct {
	net.Conn
	once   sync.Once
	closed func(net.Conn)
}

func (c *trackedConn) Close() error {
	c.once.Do(func() { c.closed(c) })
	return c.Conn.Close()
}

// asGiven takes the place of gRPC's resolver for host names: the dialer resolves them, and knows connections by the
// address that nodes advertise.
type asGiven struct{}

func (asGiven) Scheme() string { return "dns" }

func (asGiven) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	return asGiven{}, cc.UpdateState(resolver.State{Addresses: []resolver.Address{{Addr: target.Endpoint()}}})
}

func (asGiven) ResolveNow(resolver.ResolveNowOptions) {}
func (asGiven) Close()                                {}
