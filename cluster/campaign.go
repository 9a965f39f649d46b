package cluster

import (
	"context"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A candidate has a key under its lease among those of the others. The oldest key's holder is in office; each candidate
// waits for the end of the key right ahead of its own.
type candidate struct {
	store    *Store
	key      string
	revision int64 // that made the key
}

const (
	// campaignLook is how often a candidate looks by itself whether it is its turn: a server that stands still keeps the
	// stream open on which a change is awaited.
	campaignLook = time.Second
	// withdrawTimeout bounds how long a candidate tries to take its key away; that ends with its lease at the latest.
	withdrawTimeout = time.Second
)

// stand makes the node a candidate; one that is already keeps its place.
func (n *Node) stand(ctx context.Context) (*candidate, error) {
	c := &candidate{store: n.store, key: fmt.Sprintf("%s/%x", electionKey, n.session.Lease())}
	resp, err := n.store.etcd.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(c.key), "=", 0)).
		Then(clientv3.OpPut(c.key, n.ID(), clientv3.WithLease(n.session.Lease()))).
		Else(clientv3.OpGet(c.key)).
		Commit()
	if err != nil {
		return nil, err
	}
	c.revision = resp.Header.Revision
	if !resp.Succeeded {
		c.revision = resp.Responses[0].GetResponseRange().Kvs[0].CreateRevision
	}
	return c, nil
}

// awaitTurn returns when no candidate is ahead.
func (c *candidate) awaitTurn(ctx context.Context) error {
	for {
		ahead, revision, err := c.ahead(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil: // the next try goes to another server
			pause(ctx, relistPause)
		case ahead == nil:
			return nil
		default:
			c.awaitEnd(ctx, string(ahead.Key), revision)
		}
	}
}

// ahead gives the key right ahead of the own one, nil if there is none, and the revision at which that was so.
func (c *candidate) ahead(ctx context.Context) (*mvccpb.KeyValue, int64, error) {
	ctx, cancel := context.WithTimeout(ctx, campaignLook)
	defer cancel()
	resp, err := c.store.etcd.Get(ctx, electionKey+"/", append(clientv3.WithLastCreate(), clientv3.WithMaxCreateRev(c.revision-1))...)
	if err != nil {
		return nil, 0, err
	}
	if len(resp.Kvs) == 0 {
		return nil, 0, nil
	}
	return resp.Kvs[0], resp.Header.Revision, nil
}

// awaitEnd returns when a key has ended after a revision, or when it is time to look again.
func (c *candidate) awaitEnd(ctx context.Context, key string, revision int64) {
	watching, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), campaignLook)
	defer cancel()
	for change := range c.store.etcd.Watch(watching, key, clientv3.WithRev(revision+1)) {
		if change.Err() != nil {
			break
		}
		for _, e := range change.Events {
			if e.Type == clientv3.EventTypeDelete {
				return
			}
		}
	}
	if watching.Err() == nil {
		pause(ctx, relistPause) // the stream broke
	}
}

// withdraw takes the candidate's key away.
func (c *candidate) withdraw(ctx context.Context) error {
	_, err := c.store.etcd.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(c.key), "=", c.revision)).
		Then(clientv3.OpDelete(c.key)).
		Commit()
	return err
}
