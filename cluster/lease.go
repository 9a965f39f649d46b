package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// JoinOptions say how a node joins the cluster.
type JoinOptions struct {
	ID    string        // new for each start of the process
	Info  []byte        // what the others may know of the node, for example its address
	TTL   time.Duration // how long the cluster waits for a silent node; whole seconds, at least 2
	Alone bool          // the store is embedded: whoever else holds a lease is dead, as we hold the data directory
	Log   *logrus.Entry
}

// A Node is this process as a member of the cluster: a lease in the store, kept alive until Leave. Once the lease is
// lost it stays lost; the process joins anew under a new id, or ends.
type Node struct {
	id       string
	session  *concurrency.Session
	election *concurrency.Election
	renewal  *renewal
	stop     context.CancelFunc
}

// Join takes a lease and announces the node under it.
func (s *Store) Join(ctx context.Context, o JoinOptions) (*Node, error) {
	if o.Alone {
		if err := s.buryNodes(ctx); err != nil {
			return nil, err
		}
	}
	asked := time.Now()
	lease, err := s.etcd.Grant(ctx, max(2, int64(o.TTL/time.Second)))
	if err != nil {
		return nil, fmt.Errorf("join the cluster as %s: take a lease: %w", o.ID, err)
	}
	if _, err := s.etcd.Put(ctx, nodeKey+o.ID, string(o.Info), clientv3.WithLease(lease.ID)); err != nil {
		return nil, fmt.Errorf("join the cluster as %s: %w", o.ID, err)
	}
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := &renewal{Lease: s.etcd.Lease, ttl: time.Duration(lease.TTL) * time.Second, log: o.Log, now: time.Now}
	r.extend(asked)
	session, err := concurrency.NewSession(s.leasing(life, r), concurrency.WithLease(lease.ID), concurrency.WithContext(life))
	if err != nil {
		stop()
		return nil, fmt.Errorf("join the cluster as %s: %w", o.ID, err)
	}
	return &Node{id: o.ID, session: session, election: concurrency.NewElection(session, electionKey), renewal: r, stop: stop}, nil
}

// ID gives the id that the node joined under.
func (n *Node) ID() string { return n.id }

// LeaseValid tells whether no other node can have taken over yet. It is cheap, and asked before each commit to a sink.
// It turns false some time before the cluster gives the node up, by this process's own clock.
func (n *Node) LeaseValid() bool {
	select {
	case <-n.session.Done():
		return false
	default:
		return n.renewal.valid()
	}
}

// Lost is closed when the lease is gone for good, or the node left.
func (n *Node) Lost() <-chan struct{} { return n.session.Done() }

// Campaign waits until this node is the coordinator, or ctx ends. A coordinator remains it until it resigns or leaves,
// or until its lease is lost.
func (n *Node) Campaign(ctx context.Context) error {
	if err := n.election.Campaign(ctx, n.id); err != nil {
		return fmt.Errorf("campaign for coordinator as %s: %w", n.id, err)
	}
	return nil
}

// Resign lets another node be the coordinator.
func (n *Node) Resign(ctx context.Context) error {
	if err := n.election.Resign(ctx); err != nil {
		return fmt.Errorf("resign as coordinator: %w", err)
	}
	return nil
}

// Leave gives the lease back, so that nobody waits for it to end.
func (n *Node) Leave(ctx context.Context) error {
	defer n.stop()
	n.session.Orphan() // ends the renewal first, else it would find the lease gone
	if _, err := n.renewal.Revoke(ctx, n.session.Lease()); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("leave the cluster: %w", err)
	}
	return nil
}

// Nodes lists the nodes that hold a lease, with their Info.
func (s *Store) Nodes(ctx context.Context) (map[string][]byte, error) {
	resp, err := s.etcd.Get(ctx, nodeKey, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	nodes := make(map[string][]byte, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		nodes[strings.TrimPrefix(string(kv.Key), nodeKey)] = kv.Value
	}
	return nodes, nil
}

// Coordinator gives the id of the elected node; empty if there is none at the moment.
func (s *Store) Coordinator(ctx context.Context) (string, error) {
	resp, err := s.etcd.Get(ctx, electionKey+"/", clientv3.WithFirstCreate()...)
	if err != nil {
		return "", fmt.Errorf("read the coordinator: %w", err)
	}
	if len(resp.Kvs) == 0 {
		return "", nil
	}
	return string(resp.Kvs[0].Value), nil
}

// buryNodes ends the leases of nodes that a crash left behind.
func (s *Store) buryNodes(ctx context.Context) error {
	resp, err := s.etcd.Get(ctx, nodeKey, clientv3.WithPrefix())
	if err != nil {
		return fmt.Errorf("list the nodes: %w", err)
	}
	for _, kv := range resp.Kvs {
		_, err := s.etcd.Revoke(ctx, clientv3.LeaseID(kv.Lease))
		if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return fmt.Errorf("end the lease of the dead node %s: %w", kv.Key, err)
		}
	}
	return nil
}

// leasing is the client with our own renewal in the place of its own, which does not tell when it asked.
func (s *Store) leasing(ctx context.Context, r *renewal) *clientv3.Client {
	c := clientv3.NewCtxClient(ctx, clientv3.WithZapLogger(s.etcd.GetLogger()))
	c.KV, c.Watcher, c.Lease = s.etcd.KV, s.etcd.Watcher, r
	return c
}

// A renewal keeps one lease alive and knows until when it surely is: from the moment each renewal was asked for.
type renewal struct {
	clientv3.Lease
	ttl   time.Duration
	until atomic.Pointer[time.Time]
	log   *logrus.Entry
	now   func() time.Time
}

// extend notes a renewal that was asked for at that moment. A fifth of the TTL stays for a write that has begun.
func (r *renewal) extend(asked time.Time) {
	until := asked.Add(r.ttl - r.ttl/5)
	r.until.Store(&until)
}

// valid asks both clocks: the monotonic one stands still while the machine sleeps, the wall clock may be set back.
func (r *renewal) valid() bool {
	now, until := r.now(), *r.until.Load()
	return now.Before(until) && now.Round(0).Before(until.Round(0))
}

// KeepAlive renews the lease each third of its TTL. The channel closes when the store says that the lease is gone, or
// with ctx.
func (r *renewal) KeepAlive(ctx context.Context, id clientv3.LeaseID) (<-chan *clientv3.LeaseKeepAliveResponse, error) {
	renewed := make(chan *clientv3.LeaseKeepAliveResponse, 1)
	go func() {
		defer close(renewed)
		tick := time.NewTicker(r.ttl / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := r.renew(ctx, id); errors.Is(err, rpctypes.ErrLeaseNotFound) {
				r.log.WithError(err).Error("node lease lost")
				return
			} else if err != nil && ctx.Err() == nil {
				r.log.WithError(err).Warn("node lease not renewed")
			}
		}
	}()
	return renewed, nil
}

func (r *renewal) renew(ctx context.Context, id clientv3.LeaseID) error {
	ctx, cancel := context.WithTimeout(ctx, r.ttl/3)
	defer cancel()
	asked := r.now()
	resp, err := r.KeepAliveOnce(ctx, id)
	if err != nil {
		return err
	}
	if resp.TTL <= 0 {
		return rpctypes.ErrLeaseNotFound
	}
	r.extend(asked)
	return nil
}
