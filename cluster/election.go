package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// ErrDeposed tells that the term in office is over: another node is, or may become, the coordinator.
var ErrDeposed = errors.New("no longer the coordinator")

// A Term is one time in office of a coordinator. Whatever it writes is written in a transaction that compares its
// election key: after its end, by Resign or with the node's lease, it changes nothing and gives ErrDeposed.
type Term struct {
	store    *Store
	node     string
	key      string
	revision int64 // that made the key
}

// Key gives the election key and the revision that made it: as long as both match, the term goes on.
func (t *Term) Key() (key string, revision int64) { return t.key, t.revision }

func (t *Term) goesOn() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(t.key), "=", t.revision)
}

// Campaign waits until this node is the coordinator, or ctx ends. A coordinator remains it until it resigns or leaves,
// or until its lease is lost.
func (n *Node) Campaign(ctx context.Context) error {
	c, err := n.stand(ctx)
	if err == nil {
		err = c.awaitTurn(ctx)
	}
	if err != nil {
		if c != nil {
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), withdrawTimeout)
			defer cancel()
			_ = c.withdraw(ending)
		}
		return fmt.Errorf("campaign for coordinator as %s: %w", n.ID(), err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.term = &Term{store: n.store, node: n.ID(), key: c.key, revision: c.revision}
	return nil
}

// Term gives the term that Campaign won; ErrDeposed if there is none. Whether it still goes on is only known to the
// store, which looks at it with every write.
func (n *Node) Term() (*Term, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.term == nil || !n.LeaseValid() {
		return nil, fmt.Errorf("%w: node %s", ErrDeposed, n.ID())
	}
	return n.term, nil
}

// Resign lets another node be the coordinator.
func (n *Node) Resign(ctx context.Context) error {
	n.mu.Lock()
	t := n.term
	n.term = nil
	n.mu.Unlock()
	if t == nil {
		return nil
	}
	c := candidate{store: t.store, key: t.key, revision: t.revision}
	if err := c.withdraw(ctx); err != nil {
		return fmt.Errorf("resign as coordinator: %w", err)
	}
	return nil
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

// SetOwner assigns a changefeed's maintainer to a node, by its incarnation; to none if that is empty.
func (t *Term) SetOwner(ctx context.Context, changefeed, incarnation string) error {
	op := clientv3.OpPut(ownerKey+changefeed, incarnation)
	if incarnation == "" {
		op = clientv3.OpDelete(ownerKey + changefeed)
	}
	there := clientv3.Compare(clientv3.CreateRevision(changefeedKey+changefeed), ">", 0)
	err := t.commit(ctx, "assign changefeed "+changefeed, op, there)
	if errors.Is(err, errConflict) {
		return fmt.Errorf("%w: %s", ErrNoChangefeed, changefeed)
	}
	return err
}

// SetStatus writes how a changefeed does.
func (t *Term) SetStatus(ctx context.Context, changefeed string, status Status) error {
	for {
		cf, revision, err := t.store.changefeed(ctx, changefeed)
		if err != nil {
			return err
		}
		cf.Become(status)
		value, err := json.Marshal(cf)
		if err != nil {
			return fmt.Errorf("encode changefeed %s: %w", changefeed, err)
		}
		key := changefeedKey + changefeed
		unchanged := clientv3.Compare(clientv3.ModRevision(key), "=", revision)
		err = t.commit(ctx, "write the state of changefeed "+changefeed, clientv3.OpPut(key, string(value)), unchanged)
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}

// commit does op if the term goes on and the condition holds. One that does not is errConflict.
func (t *Term) commit(ctx context.Context, step string, op clientv3.Op, condition clientv3.Cmp) error {
	resp, err := t.store.etcd.Txn(ctx).If(t.goesOn(), condition).Then(op).Else(clientv3.OpGet(t.key)).Commit()
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	if resp.Succeeded {
		return nil
	}
	now := resp.Responses[0].GetResponseRange().Kvs
	if len(now) == 1 && now[0].CreateRevision == t.revision {
		return errConflict
	}
	return fmt.Errorf("%s as %s: %w", step, t.node, ErrDeposed)
}

// Owner gives the incarnation of the node that a changefeed's maintainer is assigned to; empty if to none.
func (s *Store) Owner(ctx context.Context, changefeed string) (string, error) {
	resp, err := s.etcd.Get(ctx, ownerKey+changefeed)
	if err != nil {
		return "", fmt.Errorf("read the owner of changefeed %s: %w", changefeed, err)
	}
	if len(resp.Kvs) == 0 {
		return "", nil
	}
	return string(resp.Kvs[0].Value), nil
}

// Owners gives the owners of all changefeeds that have one.
func (s *Store) Owners(ctx context.Context) (map[string]string, error) {
	resp, err := s.etcd.Get(ctx, ownerKey, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("list the owners: %w", err)
	}
	owners := make(map[string]string, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		owners[string(kv.Key[len(ownerKey):])] = string(kv.Value)
	}
	return owners, nil
}

// decodeChangefeeds reads records. One that can not be read is listed as failed, by its name.
func decodeChangefeeds(kvs []*mvccpb.KeyValue) []Changefeed {
	all := make([]Changefeed, len(kvs))
	for i, kv := range kvs {
		if err := json.Unmarshal(kv.Value, &all[i]); err != nil {
			all[i] = Changefeed{Name: string(kv.Key[len(changefeedKey):]), State: Failed, Reason: "its record can not be read: " + err.Error()}
		}
	}
	return all
}
