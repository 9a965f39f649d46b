package cluster

import (
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/keepalive"
)

// The limits of the wire. A writer packs up to writerBatch messages into one gRPC message, which must stay below
// receiveLimit at the other end: with the framework's own numbers a batch of large messages never arrives, and nobody
// is told.
const (
	// MaxMessage bounds one remote message; senders split what is larger.
	MaxMessage   = 1 << 20
	writerBatch  = 32
	receiveLimit = 64 << 20
	pingEvery    = 10 * time.Second
	pingTimeout  = 2 * time.Second
	// dialTimeout bounds one attempt to connect. The framework makes connectTries in a row, with seconds of sleep
	// between, while messages pile up: the links say hello again sooner.
	dialTimeout  = 2 * time.Second
	connectTries = 1
	// writerQueue is where the framework's queue for an address begins; it grows. Its own beginning takes 16 MB.
	writerQueue = 256
)

// RemoteOptions says where a node listens, and as whom it speaks.
type RemoteOptions struct {
	Listen    string // host:port; port 0: any
	Advertise string // host:port by which other nodes reach it; empty: as Listen
	TLS       TLSFiles
}

// A Transport is how actor systems reach each other: proto.actor's remote with limits that hold. It loses what was under
// way whenever a connection ends; package link makes it reliable.
type Transport struct {
	system  *actor.ActorSystem
	remote  *remote.Remote
	dialer  *dialer
	started bool
}

// Remote makes the transport of the system. The caller starts it before it spawns actors, and shuts it down. A node that
// is alone needs none. Without TLS both addresses must be loopback ones.
func Remote(system *actor.ActorSystem, o RemoteOptions) (*Transport, error) {
	host, port, err := o.addresses()
	if err != nil {
		return nil, err
	}
	creds, err := o.TLS.credentials()
	if err != nil {
		return nil, err
	}
	d := newDialer()
	config := remoteConfig(host, port, creds, d)
	config.AdvertisedHost = o.Advertise
	return &Transport{system: system, remote: remote.NewRemote(system, config), dialer: d}, nil
}

// addresses checks both addresses, and takes the one to listen on apart.
func (o RemoteOptions) addresses() (host string, port int, err error) {
	host, service, err := net.SplitHostPort(o.Listen)
	if err == nil {
		port, err = strconv.Atoi(service)
	}
	if err != nil || port < 0 || port > math.MaxUint16 {
		return "", 0, fmt.Errorf("listen on %q: want host:port", o.Listen)
	}
	advertised := host
	if o.Advertise != "" {
		var service string
		if advertised, service, err = net.SplitHostPort(o.Advertise); err != nil || advertised == "" || service == "" || service == "0" {
			return "", 0, fmt.Errorf("advertise %q: want host:port as other nodes reach it", o.Advertise)
		}
	}
	if !o.TLS.Enabled() && !(loopback(host) && loopback(advertised)) {
		return "", 0, fmt.Errorf("listen on %s, advertise %s: without TLS a node takes loopback addresses only; "+
			"give --tls-cert, --tls-key and --tls-ca", o.Listen, orElse(o.Advertise, o.Listen))
	}
	if ip := net.ParseIP(advertised); advertised == "" || ip != nil && ip.IsUnspecified() {
		return "", 0, fmt.Errorf("listen on %s: other nodes cannot connect to that; give --advertise host:port", o.Listen)
	}
	return host, port, nil
}

func orElse(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

func remoteConfig(host string, port int, creds wireCredentials, d *dialer) *remote.Config {
	if ip := net.ParseIP(host); ip != nil && ip.To4() == nil {
		host = "[" + host + "]" // the framework joins host and port
	}
	config := remote.Configure(host, port,
		remote.WithEndpointWriterBatchSize(writerBatch),
		remote.WithEndpointManagerBatchSize(writerBatch),
		remote.WithEndpointWriterQueueSize(writerQueue),
		remote.WithDialOptions(
			grpc.WithTransportCredentials(creds.client),
			grpc.WithContextDialer(d.dial),
			grpc.WithResolvers(asGiven{}),
			grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.DefaultConfig, MinConnectTimeout: dialTimeout}),
			grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: pingEvery, Timeout: pingTimeout, PermitWithoutStream: true}),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(receiveLimit), grpc.MaxCallSendMsgSize(math.MaxInt32)),
		),
		remote.WithServerOptions(
			grpc.Creds(creds.server),
			grpc.MaxRecvMsgSize(receiveLimit),
			grpc.KeepaliveParams(keepalive.ServerParameters{Time: pingEvery, Timeout: pingTimeout}),
			grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingEvery / 2, PermitWithoutStream: true}),
		),
	)
	config.MaxRetryCount = connectTries
	return config
}

// Start listens. It also gives the system its address, so it comes before the first actor.
func (t *Transport) Start() (err error) {
	defer func() {
		if r := recover(); r != nil { // the framework's way to say that it cannot listen
			err = fmt.Errorf("start the transport: %v", r)
		}
	}()
	if t.started {
		return errors.New("start the transport: it was started before")
	}
	t.remote.Start()
	t.started = true
	return nil
}

// Address is where other nodes reach this one, once it has started.
func (t *Transport) Address() string { return t.system.Address() }

// Reconnect drops the connections to an address. What is sent there from now on takes a new one.
func (t *Transport) Reconnect(address string) { t.dialer.drop(address) }

// Shutdown ends all connections, and listens no longer.
func (t *Transport) Shutdown() {
	if !t.started {
		return
	}
	t.started = false
	t.remote.Shutdown(false)
	for _, address := range t.dialer.addresses() { // the framework would keep its end of these
		t.system.EventStream.Publish(&remote.EndpointTerminatedEvent{Address: address})
	}
}
