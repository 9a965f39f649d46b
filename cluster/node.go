package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
)

// ErrNameTaken tells that a living process has the name of this node.
var ErrNameTaken = errors.New("node name taken")

const (
	// DefaultTTL is how long a cluster waits for a silent node.
	DefaultTTL = 3 * time.Second
	// nameGrace is how much longer than its TTL a dead process's lease may last: a new leader of the store grants every
	// lease its whole TTL again, and needs a while to be elected.
	nameGrace = 3 * time.Second
	namePoll  = 100 * time.Millisecond
)

// A NodeInfo is what the cluster knows of a living node.
type NodeInfo struct {
	Incarnation string            `json:"incarnation"` // new for each start of the process
	Name        string            `json:"name"`        // stable, and unique among living nodes
	Address     string            `json:"address,omitempty"`
	APIAddress  string            `json:"api_address,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Version     string            `json:"version,omitempty"`
	ProtocolMin int               `json:"protocol_min,omitempty"` // the lowest that it speaks
	ProtocolMax int               `json:"protocol_max,omitempty"`
	Started     time.Time         `json:"started,omitzero"`
	Draining    bool              `json:"-"` // a mark on the name, by SetDraining
}

// JoinOptions say how a node joins the cluster.
type JoinOptions struct {
	ID    string        // the incarnation: new for each start of the process
	Info  NodeInfo      // Incarnation is the ID; Name too, if empty
	TTL   time.Duration // how long the cluster waits for a silent node; whole seconds, at least 2; DefaultTTL if zero
	Alone bool          // the store is a lone embedded one: whoever else holds a lease is dead, as we hold the data directory
	Log   *logrus.Entry
}

// A Node is this process as a member of the cluster: a lease in the store, kept alive until Leave. Once the lease is
// lost it stays lost; the process joins anew under a new id, or ends.
type Node struct {
	info    NodeInfo
	store   *Store
	session *concurrency.Session
	renewal *renewal
	stop    context.CancelFunc

	mu   sync.Mutex
	term *Term // while in office
}

// Join takes a lease and announces the node under it. A process that was started again meets the lease of its former
// life, and waits until that ends; if the name's holder lives on, the error is ErrNameTaken.
func (s *Store) Join(ctx context.Context, o JoinOptions) (*Node, error) {
	o.Info.Incarnation = o.ID
	if o.Info.Name == "" {
		o.Info.Name = o.ID
	}
	if o.TTL == 0 {
		o.TTL = DefaultTTL
	}
	if err := errors.Join(checkName("node", o.Info.Name), checkName("node incarnation", o.ID)); err != nil {
		return nil, err
	}
	if o.Alone {
		if err := s.buryNodes(ctx); err != nil {
			return nil, err
		}
	}
	began := time.Now()
	for {
		n, err := s.announce(ctx, o)
		if !errors.Is(err, ErrNameTaken) || time.Since(began) > o.TTL+nameGrace {
			return n, err
		}
		if waitErr := pause(ctx, namePoll); waitErr != nil {
			return nil, errors.Join(err, waitErr)
		}
	}
}

// announce tries once. Nobody is granted a lease while the name is held, so that trying costs little.
func (s *Store) announce(ctx context.Context, o JoinOptions) (*Node, error) {
	if err := s.nameFree(ctx, o.Info.Name); err != nil {
		return nil, err
	}
	value, err := json.Marshal(o.Info)
	if err != nil {
		return nil, fmt.Errorf("encode the record of node %s: %w", o.ID, err)
	}
	asked := time.Now()
	lease, err := s.etcd.Grant(ctx, max(2, int64(o.TTL/time.Second)))
	if err != nil {
		return nil, fmt.Errorf("join the cluster as %s: take a lease: %w", o.ID, err)
	}
	live, name := liveKey+o.ID, nameKey+o.Info.Name
	resp, err := s.etcd.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(live), "=", 0), clientv3.Compare(clientv3.CreateRevision(name), "=", 0)).
		Then(clientv3.OpPut(live, string(value), clientv3.WithLease(lease.ID)), clientv3.OpPut(name, o.ID, clientv3.WithLease(lease.ID))).
		Commit()
	if err == nil && !resp.Succeeded {
		err = fmt.Errorf("%w: another process joined as %s at the same time", ErrNameTaken, o.Info.Name)
	}
	if err != nil {
		s.etcd.Revoke(context.WithoutCancel(ctx), lease.ID) // it ends by itself else
		return nil, fmt.Errorf("join the cluster as %s: %w", o.ID, err)
	}
	return s.keep(ctx, o, lease, asked)
}

// keep starts the renewal of a lease that was just granted.
func (s *Store) keep(ctx context.Context, o JoinOptions, lease *clientv3.LeaseGrantResponse, asked time.Time) (*Node, error) {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	r := newRenewal(s.etcd.Lease, time.Duration(lease.TTL)*time.Second, o.Log)
	if conn := s.etcd.ActiveConnection(); conn != nil {
		r.beat = newBeats(life, conn).renew
	}
	r.extend(asked)
	session, err := concurrency.NewSession(s.leasing(life, r), concurrency.WithLease(lease.ID), concurrency.WithContext(life))
	if err != nil {
		stop()
		return nil, fmt.Errorf("join the cluster as %s: %w", o.ID, err)
	}
	return &Node{info: o.Info, store: s, session: session, renewal: r, stop: stop}, nil
}

// nameFree tells who holds a name, if anybody does.
func (s *Store) nameFree(ctx context.Context, name string) error {
	resp, err := s.etcd.Get(ctx, nameKey+name)
	if err != nil {
		return fmt.Errorf("join the cluster as %s: %w", name, err)
	}
	if len(resp.Kvs) == 0 {
		return nil
	}
	holder := NodeInfo{Incarnation: string(resp.Kvs[0].Value)}
	if _, err := s.read(ctx, liveKey+holder.Incarnation, &holder); err != nil {
		return fmt.Errorf("join the cluster as %s: %w", name, err)
	}
	return fmt.Errorf("%w: %s is alive as %s at %s: stop that process, or give this one another --name", ErrNameTaken, name, holder.Incarnation, either(holder.Address, "an unknown address"))
}

// ID gives the incarnation that the node joined as.
func (n *Node) ID() string { return n.info.Incarnation }

// Info gives the node's record.
func (n *Node) Info() NodeInfo { return n.info }

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

// Leave gives the lease back, so that nobody waits for it to end.
func (n *Node) Leave(ctx context.Context) error {
	defer n.stop()
	n.session.Orphan() // ends the renewal first, else it would find the lease gone
	if _, err := n.renewal.Revoke(ctx, n.session.Lease()); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return fmt.Errorf("leave the cluster: %w", err)
	}
	return nil
}

// Nodes lists the living nodes, by incarnation.
func (s *Store) Nodes(ctx context.Context) ([]NodeInfo, error) {
	resp, err := s.etcd.Get(ctx, nodeKey, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	return decodeNodes(resp.Kvs), nil
}

// SetDraining marks a node's name, or takes the mark away: nothing is placed on a draining node, and what it has moves
// elsewhere. The mark outlives the process; whoever ends a drain takes it away.
func (s *Store) SetDraining(ctx context.Context, name string, draining bool) error {
	if err := checkName("node", name); err != nil {
		return err
	}
	op := clientv3.OpDelete(drainKey + name)
	if draining {
		op = clientv3.OpPut(drainKey+name, "")
	}
	if _, err := s.etcd.Do(ctx, op); err != nil {
		return fmt.Errorf("mark node %s: %w", name, err)
	}
	return nil
}

// decodeNodes joins records and marks. A record that can not be read is listed with its incarnation alone.
func decodeNodes(kvs []*mvccpb.KeyValue) []NodeInfo {
	draining := map[string]bool{}
	for _, kv := range kvs {
		if name, is := strings.CutPrefix(string(kv.Key), drainKey); is {
			draining[name] = true
		}
	}
	var nodes []NodeInfo
	for _, kv := range kvs {
		incarnation, is := strings.CutPrefix(string(kv.Key), liveKey)
		if !is {
			continue
		}
		var n NodeInfo
		if err := json.Unmarshal(kv.Value, &n); err != nil {
			n = NodeInfo{}
		}
		n.Incarnation, n.Draining = incarnation, draining[n.Name]
		nodes = append(nodes, n)
	}
	return nodes
}

// buryNodes ends the leases of nodes that a crash left behind.
func (s *Store) buryNodes(ctx context.Context) error {
	resp, err := s.etcd.Get(ctx, nodeKey, clientv3.WithPrefix())
	if err != nil {
		return fmt.Errorf("list the nodes: %w", err)
	}
	buried := map[int64]bool{0: true} // marks have no lease
	for _, kv := range resp.Kvs {
		if buried[kv.Lease] {
			continue
		}
		buried[kv.Lease] = true
		_, err := s.etcd.Revoke(ctx, clientv3.LeaseID(kv.Lease))
		if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return fmt.Errorf("end the lease of the dead node %s: %w", kv.Key, err)
		}
	}
	return nil
}
