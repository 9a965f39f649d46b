package cluster

import (
	"context"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc"
)

// beats renew leases over streams that stay open. A stream costs the store a login where it asks for a password, and
// that is slow on purpose. A renewal that waits for an endpoint that is gone keeps its stream to itself; the next one
// opens another, which goes to another endpoint.
type beats struct {
	leases pb.LeaseClient
	life   context.Context // of the streams
	idle   chan *beat
}

// A beat is one stream, with one renewal on it at a time.
type beat struct {
	pb.Lease_LeaseKeepAliveClient
	cancel context.CancelFunc
}

func newBeats(life context.Context, conn *grpc.ClientConn) *beats {
	return &beats{leases: pb.NewLeaseClient(conn), life: life, idle: make(chan *beat, 1)}
}

// renew asks once and gives the TTL in seconds; 0 or less if there is no such lease.
func (b *beats) renew(ctx context.Context, id clientv3.LeaseID) (ttl int64, err error) {
	s := b.take()
	if s == nil {
		if s, err = b.open(ctx); err != nil {
			return 0, rpctypes.Error(err)
		}
	}
	kept := context.AfterFunc(ctx, s.cancel)
	err = s.Send(&pb.LeaseKeepAliveRequest{ID: int64(id)})
	var resp *pb.LeaseKeepAliveResponse
	if err == nil || ctx.Err() == nil { // a failed Send tells its cause by Recv
		resp, err = s.Recv()
	}
	if !kept() || err != nil {
		s.cancel()
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		return 0, rpctypes.Error(err)
	}
	select {
	case b.idle <- s:
	default:
		s.cancel()
	}
	return resp.TTL, nil
}

func (b *beats) take() *beat {
	select {
	case s := <-b.idle:
		return s
	default:
		return nil
	}
}

func (b *beats) open(ctx context.Context) (*beat, error) {
	life, cancel := context.WithCancel(b.life)
	kept := context.AfterFunc(ctx, cancel)
	stream, err := b.leases.LeaseKeepAlive(life)
	if !kept() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &beat{Lease_LeaseKeepAliveClient: stream, cancel: cancel}, nil
}
