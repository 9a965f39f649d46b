package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type tlsInfo = transport.TLSInfo

// ErrUnreachable tells that no majority of the metadata store answered in time.
var ErrUnreachable = errors.New("metadata store not reachable")

// DialOptions say how an external etcd is reached.
type DialOptions struct {
	Endpoints      []string // host:port or https://host:port
	TLS            TLSFiles
	User, Password string
	DialTimeout    time.Duration // 5 s if zero
	Log            *logrus.Entry
}

// Dial connects to an external etcd and sees that a majority of it answers. An error names the endpoints, the cause and
// the fix. Close ends the connection.
func Dial(ctx context.Context, o DialOptions) (*Store, error) {
	if len(o.Endpoints) == 0 {
		return nil, errors.New("reach the metadata store: no endpoint is given: write --etcd with the URL of each, as in https://host:2379")
	}
	if o.DialTimeout <= 0 {
		o.DialTimeout = 5 * time.Second
	}
	config, err := o.config()
	if err != nil {
		return nil, fmt.Errorf("reach the metadata store at %s: %w", o.where(), err)
	}
	ctx, cancel := context.WithTimeout(ctx, o.DialTimeout)
	defer cancel()
	client, err := connect(clientOptions{endpoints: o.Endpoints, tls: config, user: o.User, password: o.Password, timeout: o.DialTimeout, log: o.Log})
	if err != nil {
		return nil, o.explain(config, err)
	}
	if _, err := client.Get(ctx, root, clientv3.WithCountOnly()); err != nil {
		client.Close()
		return nil, o.explain(config, err)
	}
	return NewStore(client), nil
}

// config gives the TLS that the endpoints ask for by their scheme, nil for none.
func (o DialOptions) config() (*tls.Config, error) {
	secure := 0
	for _, e := range o.Endpoints {
		if strings.HasPrefix(e, "https://") {
			secure++
		}
	}
	switch {
	case secure > 0 && secure < len(o.Endpoints):
		return nil, errors.New("some endpoints are https and some are not: write all of them with https://")
	case secure == 0 && o.TLS.Enabled():
		return nil, errors.New("TLS is asked for: write the endpoints with https://")
	case secure == 0:
		return nil, nil
	}
	return o.TLS.clientConfig()
}

func (o DialOptions) where() string { return strings.Join(o.Endpoints, ",") }

// explain finds out why the store did not answer.
func (o DialOptions) explain(config *tls.Config, err error) error {
	fix := ""
	switch cause := rpctypes.Error(err); {
	case errors.Is(cause, rpctypes.ErrAuthFailed):
		fix = fmt.Sprintf("it refuses user %q or the password: check --etcd-user and --etcd-password", o.User)
	case errors.Is(cause, rpctypes.ErrUserEmpty), errors.Is(cause, rpctypes.ErrInvalidAuthToken):
		fix = "it asks for a user: give --etcd-user and --etcd-password"
	case errors.Is(cause, rpctypes.ErrPermissionDenied):
		fix = fmt.Sprintf("user %q may not read there: grant it a role that reads and writes the prefix %s", o.User, root)
	}
	if fix != "" {
		return fmt.Errorf("reach the metadata store at %s: %s: %w", o.where(), fix, err)
	}
	var causes []string
	for _, e := range o.Endpoints {
		if probeErr := probe(e, config); probeErr != nil {
			causes = append(causes, fmt.Sprintf("%s: %v", e, probeErr))
		}
	}
	if len(causes) == 0 {
		causes = append(causes, fmt.Sprintf("%s: accepts connections, but has no leader: start a majority of its members, or wait for them", o.where()))
	}
	return fmt.Errorf("%w within %v: %s: %w", ErrUnreachable, o.DialTimeout, strings.Join(causes, "; "), err)
}

// probe connects to one address as a client would, and tells what is in the way.
func probe(endpoint string, config *tls.Config) error {
	host := endpoint
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		host = u.Host
	}
	dialer := &net.Dialer{Timeout: askTimeout}
	conn, err := dialer.Dial("tcp", host)
	if err != nil {
		return fmt.Errorf("%w: start it, or correct the address", err)
	}
	defer conn.Close()
	if config == nil {
		return nil
	}
	own := config.Clone()
	if own.ServerName == "" {
		own.ServerName, _, _ = net.SplitHostPort(host)
	}
	conn.SetDeadline(time.Now().Add(askTimeout))
	secure := tls.Client(conn, own)
	if err := secure.Handshake(); err != nil {
		return handshakeFailure(err)
	}
	// With TLS 1.3 a server refuses a client's certificate only after the client's part is done.
	conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
	var timeout net.Error
	if _, err := secure.Read(make([]byte, 1)); err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
		return handshakeFailure(err)
	}
	return nil
}

func handshakeFailure(err error) error {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var plain tls.RecordHeaderError
	var remote *net.OpError // crypto/tls gives an alert of the other side as one
	switch {
	case errors.As(err, &authority):
		return fmt.Errorf("its certificate is signed by an authority that is not trusted: give the right one by --tls-ca: %w", err)
	case errors.As(err, &name):
		return fmt.Errorf("its certificate is not for this host: use a name that is in it, or issue a new one: %w", err)
	case errors.As(err, &invalid):
		return fmt.Errorf("its certificate is not valid, perhaps no longer: issue a new one: %w", err)
	case errors.As(err, &plain):
		return fmt.Errorf("it does not speak TLS: write http:// for the endpoint: %w", err)
	case errors.As(err, &remote) && remote.Op == "remote error":
		return fmt.Errorf("it refuses this side's certificate: give one that it trusts by --tls-cert and --tls-key: %w", err)
	}
	return fmt.Errorf("TLS handshake: %w", err)
}

// clientOptions are what an external store and a member of an embedded one have in common.
type clientOptions struct {
	endpoints      []string
	tls            *tls.Config
	user, password string
	timeout        time.Duration
	log            *logrus.Entry
	resync         time.Duration // how often the endpoints are learnt from the members; 0: never
}

// connect makes a client that a member without a leader answers at once, so that it turns to the next one.
func connect(o clientOptions) (*clientv3.Client, error) {
	return clientv3.New(clientv3.Config{
		Endpoints: o.endpoints, TLS: o.tls, Username: o.user, Password: o.password, DialTimeout: o.timeout,
		AutoSyncInterval:  o.resync,
		DialKeepAliveTime: 10 * time.Second, DialKeepAliveTimeout: 2 * time.Second, PermitWithoutStream: true,
		Logger: zap.New(&zapCore{log: o.log, hushed: true}), // what fails comes back as an error
		DialOptions: []grpc.DialOption{
			grpc.WithChainUnaryInterceptor(attempt),
			grpc.WithChainStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
				return open(clientv3.WithRequireLeader(ctx), desc, cc, method, opts...)
			}),
		},
	})
}

// How long one attempt at a request may take. A server that stands still keeps its connections open: a read turns to the next
// server then; a write fails, as it may have been done, and whoever asked looks.
const (
	readAttempt  = time.Second
	writeAttempt = 2 * time.Second
)

// attempt is one attempt of the client at a request to the key space.
func attempt(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	limit := writeAttempt
	switch {
	case !strings.HasPrefix(method, "/etcdserverpb.KV/"):
		return invoke(clientv3.WithRequireLeader(ctx), method, req, reply, cc, opts...)
	case strings.HasSuffix(method, "/Range"):
		limit = readAttempt
	}
	limited, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), limit)
	defer cancel()
	err := invoke(limited, method, req, reply, cc, opts...)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return status.Errorf(codes.Unavailable, "a server of the metadata store did not answer within %v", limit)
	}
	return err
}

// pause waits, or gives the error of a context that ends meanwhile.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
