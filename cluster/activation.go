package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// The limits of one transaction, below etcd's own: 128 operations and 1.5 MiB.
const (
	maxTxnOps   = 100
	maxTxnBytes = 1 << 20
	maxValue    = 1<<20 + 1<<18 // a value larger than maxTxnBytes travels alone, up to this
	listPage    = 500
)

// An Activation is what one activation of a changefeed may read and write: its checkpoint, its state and its schema
// history. Every write compares the epoch and gives ErrFenced if a later activation took over.
type Activation struct {
	store      *Store
	changefeed string
	epoch      uint64

	mu       sync.Mutex // one checkpoint at a time
	past     past       // as stored, once recalled
	recalled bool
}

// Epoch gives the epoch that the writes compare.
func (a *Activation) Epoch() uint64 { return a.epoch }

// SetCheckpoint moves the checkpoint. One at or below the stored CommitTs changes nothing, and is no error: the
// checkpoint never moves back. Now and then it also becomes one that ResetCheckpoint can go back to.
func (a *Activation) SetCheckpoint(ctx context.Context, c Checkpoint) error {
	if c.Wall.IsZero() {
		c.Wall = time.Now()
	}
	value, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode the checkpoint of changefeed %s: %w", a.changefeed, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for {
		err := a.moveCheckpoint(ctx, c, string(value))
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}

func (a *Activation) moveCheckpoint(ctx context.Context, c Checkpoint, value string) error {
	stored, revision, err := a.store.checkpoint(ctx, a.changefeed)
	if err != nil && !errors.Is(err, ErrNoCheckpoint) {
		return err
	}
	key := checkpointKey + a.changefeed
	if revision != 0 && c.CommitTs <= stored.CommitTs {
		return a.commit(ctx, "check the epoch", nil)
	}
	if err := a.recall(ctx); err != nil {
		return err
	}
	ops, past := a.remember(c, value)
	unchanged := clientv3.Compare(clientv3.ModRevision(key), "=", revision)
	err = a.commit(ctx, "write the checkpoint", append(ops, clientv3.OpPut(key, value)), unchanged)
	if err != nil {
		a.recalled = false // it may be written nevertheless
		return err
	}
	a.past = past
	return nil
}

// SetState changes the state of the changefeed and its reason.
func (a *Activation) SetState(ctx context.Context, state State, reason string) error {
	for {
		cf, revision, err := a.store.changefeed(ctx, a.changefeed)
		if err != nil {
			return err
		}
		cf.Become(Status{State: state, Reason: reason})
		value, err := json.Marshal(cf)
		if err != nil {
			return fmt.Errorf("encode changefeed %s: %w", a.changefeed, err)
		}
		key := changefeedKey + a.changefeed
		unchanged := clientv3.Compare(clientv3.ModRevision(key), "=", revision)
		err = a.commit(ctx, "write the state", []clientv3.Op{clientv3.OpPut(key, string(value))}, unchanged)
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}

// Put writes entries of the schema history, in the order of their keys. Many of them take several transactions: after
// an error a prefix of them may be written.
func (a *Activation) Put(ctx context.Context, entries map[string][]byte) error {
	var batch []clientv3.Op
	size := 0
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		err := a.commit(ctx, "write the schema history", batch)
		batch, size = nil, 0
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		value := entries[key]
		if len(value) > maxValue {
			return fmt.Errorf("write the schema history of changefeed %s: entry %s has %d bytes, the store takes %d", a.changefeed, key, len(value), maxValue)
		}
		cost := len(schemaKey) + len(a.changefeed) + len(key) + len(value)
		if len(batch) == maxTxnOps || size+cost > maxTxnBytes {
			if err := flush(); err != nil {
				return err
			}
		}
		batch = append(batch, clientv3.OpPut(a.key(key), string(value)))
		size += cost
	}
	return flush()
}

// Delete removes entries of the schema history; missing ones are no error.
func (a *Activation) Delete(ctx context.Context, keys ...string) error {
	for chunk := range slices.Chunk(keys, maxTxnOps) {
		ops := make([]clientv3.Op, len(chunk))
		for i, key := range chunk {
			ops[i] = clientv3.OpDelete(a.key(key))
		}
		if err := a.commit(ctx, "compact the schema history", ops); err != nil {
			return err
		}
	}
	return nil
}

// List calls each for the entries of the schema history whose key begins with prefix, in the order of the keys, as of
// one moment. An error of each ends the walk and is returned.
func (a *Activation) List(ctx context.Context, prefix string, each func(key string, value []byte) error) error {
	from, end := a.key(prefix), clientv3.GetPrefixRangeEnd(a.key(prefix))
	var revision int64
	for {
		resp, err := a.store.etcd.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(listPage), clientv3.WithRev(revision))
		if err != nil {
			return fmt.Errorf("read the schema history of changefeed %s: %w", a.changefeed, err)
		}
		for _, kv := range resp.Kvs {
			if err := each(strings.TrimPrefix(string(kv.Key), a.key("")), kv.Value); err != nil {
				return err
			}
		}
		if !resp.More {
			return nil
		}
		if revision == 0 {
			revision = resp.Header.Revision
		}
		from = string(resp.Kvs[len(resp.Kvs)-1].Key) + "\x00"
	}
}

func (a *Activation) key(key string) string { return schemaKey + a.changefeed + "/" + key }

// commit does ops if the epoch is still ours and all conditions hold. A condition that does not is errConflict.
func (a *Activation) commit(ctx context.Context, step string, ops []clientv3.Op, conditions ...clientv3.Cmp) error {
	epoch := epochKey + a.changefeed
	conditions = append(conditions, clientv3.Compare(clientv3.Value(epoch), "=", formatEpoch(a.epoch)))
	resp, err := a.store.etcd.Txn(ctx).If(conditions...).Then(ops...).Else(clientv3.OpGet(epoch)).Commit()
	if err != nil {
		return fmt.Errorf("%s of changefeed %s: %w", step, a.changefeed, err)
	}
	if resp.Succeeded {
		return nil
	}
	now := resp.Responses[0].GetResponseRange().Kvs
	if len(now) == 1 && string(now[0].Value) == formatEpoch(a.epoch) {
		return errConflict
	}
	return fmt.Errorf("%s of changefeed %s under epoch %d: %w", step, a.changefeed, a.epoch, ErrFenced)
}
