package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/weir-cdc/weir/relay"
)

var (
	// ErrFenced tells that a later activation of the changefeed has taken over.
	ErrFenced = errors.New("fenced: a later activation has taken the changefeed over")
	// ErrNoChangefeed tells that there is no changefeed of that name.
	ErrNoChangefeed = errors.New("no such changefeed")
	// ErrExists tells that there is a changefeed of that name already.
	ErrExists = errors.New("changefeed exists")
	// ErrNoCheckpoint tells that the changefeed has no checkpoint yet.
	ErrNoCheckpoint = errors.New("no checkpoint yet")
	// ErrNotOwner tells that a changefeed is assigned to another node.
	ErrNotOwner = errors.New("changefeed is assigned to another node")
	errUnowned  = errors.New("not assigned")
	// errConflict tells that a record changed under a read-modify-write; it is tried again.
	errConflict = errors.New("changed by another")
)

// The keys of the store, below root. The epoch of a changefeed outlives its removal, so that a straggler of the old
// one is fenced from a new one of the same name.
const (
	root          = "/weir/v1/"
	changefeedKey = root + "changefeed/" // + name
	epochKey      = root + "epoch/"      // + name
	checkpointKey = root + "checkpoint/" // + name
	schemaKey     = root + "schema/"     // + name + "/" + the caller's key
	pastKey       = root + "past/"       // + name + "/" + commit-ts of an earlier checkpoint
	urisKey       = root + "uris/"       // + name; the only key with secrets
	ownerKey      = root + "owner/"      // + name
	nodeKey       = root + "node/"       // of all that is known of nodes
	liveKey       = nodeKey + "live/"    // + incarnation, under its lease
	nameKey       = nodeKey + "name/"    // + node name, under the same lease
	drainKey      = nodeKey + "drain/"   // + node name
	electionKey   = root + "coordinator" // + "/" + lease, of each candidate
)

// A Store is the metadata of the cluster. It is safe for concurrent use; every call is a round trip, so actors leave
// it to a child.
type Store struct{ etcd *clientv3.Client }

// NewStore makes the store over an etcd client, which stays the caller's to close.
func NewStore(client *clientv3.Client) *Store { return &Store{etcd: client} }

// Close ends the connection of a store that Dial made.
func (s *Store) Close() error {
	if err := s.etcd.Close(); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("close the connection to the metadata store: %w", err)
	}
	return nil
}

// A Checkpoint is where a changefeed goes on after a restart: everything at or below CommitTs is downstream.
type Checkpoint struct {
	CommitTs uint64     `json:"commit_ts"`
	Mark     relay.Mark `json:"mark"` // of the last transaction at or below CommitTs
	Wall     time.Time  `json:"wall"` // when it was taken
}

// Create adds a changefeed; ErrExists if the name is taken.
func (s *Store) Create(ctx context.Context, cf Changefeed) error { return s.create(ctx, cf) }

func (s *Store) create(ctx context.Context, cf Changefeed, more ...clientv3.Op) error {
	if err := checkName("changefeed", cf.Name); err != nil {
		return err
	}
	value, err := json.Marshal(cf)
	if err != nil {
		return fmt.Errorf("encode changefeed %s: %w", cf.Name, err)
	}
	key := changefeedKey + cf.Name
	resp, err := s.etcd.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(key), "=", 0)).
		Then(append(more, clientv3.OpPut(key, string(value)))...).
		Commit()
	if err != nil {
		return fmt.Errorf("create changefeed %s: %w", cf.Name, err)
	}
	if !resp.Succeeded {
		return fmt.Errorf("%w: %s", ErrExists, cf.Name)
	}
	return nil
}

// Changefeed reads one record; ErrNoChangefeed if there is none.
func (s *Store) Changefeed(ctx context.Context, name string) (Changefeed, error) {
	cf, _, err := s.changefeed(ctx, name)
	return cf, err
}

// Changefeeds reads all records, by name.
func (s *Store) Changefeeds(ctx context.Context) ([]Changefeed, error) {
	resp, err := s.etcd.Get(ctx, changefeedKey, clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("list changefeeds: %w", err)
	}
	all := make([]Changefeed, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		if err := json.Unmarshal(kv.Value, &all[i]); err != nil {
			return nil, fmt.Errorf("decode %s: %w", kv.Key, err)
		}
	}
	return all, nil
}

// Update changes a record by edit, which may be called several times and must not block. Name and UUID stay.
func (s *Store) Update(ctx context.Context, name string, edit func(*Changefeed) error) error {
	for {
		err := s.update(ctx, name, edit)
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}

// SetState changes the state of a changefeed and its reason.
func (s *Store) SetState(ctx context.Context, name string, state State, reason string) error {
	return s.Update(ctx, name, func(cf *Changefeed) error {
		cf.Become(Status{State: state, Reason: reason})
		return nil
	})
}

// Remove deletes a changefeed with its checkpoints, URIs and schema history, and fences whoever still works on it.
func (s *Store) Remove(ctx context.Context, name string) error {
	if _, err := s.Changefeed(ctx, name); err != nil {
		return err
	}
	if _, err := s.NextEpoch(ctx, name); err != nil {
		return err
	}
	_, err := s.etcd.Txn(ctx).Then(
		clientv3.OpDelete(changefeedKey+name),
		clientv3.OpDelete(checkpointKey+name),
		clientv3.OpDelete(pastPrefix(name), clientv3.WithPrefix()),
		clientv3.OpDelete(urisKey+name),
		clientv3.OpDelete(ownerKey+name),
		clientv3.OpDelete(schemaKey+name+"/", clientv3.WithPrefix()),
	).Commit()
	if err != nil {
		return fmt.Errorf("remove changefeed %s: %w", name, err)
	}
	return nil
}

// NextEpoch raises the epoch of a changefeed and gives it: strictly higher than any before, each activation takes one.
func (s *Store) NextEpoch(ctx context.Context, changefeed string) (uint64, error) {
	if err := checkName("changefeed", changefeed); err != nil {
		return 0, err
	}
	return s.nextEpoch(ctx, changefeed)
}

// Claim raises the epoch as NextEpoch does, for a node that was told to run the changefeed's maintainer: if the
// changefeed is assigned to another by now, nothing changes and the error is ErrNotOwner.
func (s *Store) Claim(ctx context.Context, changefeed, incarnation string) (uint64, error) {
	epoch, err := s.nextEpoch(ctx, changefeed, clientv3.Compare(clientv3.Value(ownerKey+changefeed), "=", incarnation))
	if errors.Is(err, errUnowned) {
		return 0, fmt.Errorf("%w: changefeed %s as %s", ErrNotOwner, changefeed, incarnation)
	}
	return epoch, err
}

func (s *Store) nextEpoch(ctx context.Context, changefeed string, conditions ...clientv3.Cmp) (uint64, error) {
	for {
		epoch, err := s.raiseEpoch(ctx, changefeed, conditions...)
		if errors.Is(err, errConflict) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("take the next epoch of changefeed %s: %w", changefeed, err)
		}
		return epoch, nil
	}
}

// Checkpoint reads the checkpoint of a changefeed; ErrNoCheckpoint if it has none.
func (s *Store) Checkpoint(ctx context.Context, changefeed string) (Checkpoint, error) {
	c, _, err := s.checkpoint(ctx, changefeed)
	return c, err
}

// Activation gives the part of the store that one activation of a changefeed may write, under its epoch.
func (s *Store) Activation(changefeed string, epoch uint64) *Activation {
	return &Activation{store: s, changefeed: changefeed, epoch: epoch}
}

func (s *Store) changefeed(ctx context.Context, name string) (cf Changefeed, revision int64, err error) {
	if revision, err = s.read(ctx, changefeedKey+name, &cf); err != nil {
		return cf, 0, fmt.Errorf("read changefeed %s: %w", name, err)
	}
	if revision == 0 {
		return cf, 0, fmt.Errorf("%w: %s", ErrNoChangefeed, name)
	}
	return cf, revision, nil
}

func (s *Store) checkpoint(ctx context.Context, changefeed string) (c Checkpoint, revision int64, err error) {
	if revision, err = s.read(ctx, checkpointKey+changefeed, &c); err != nil {
		return c, 0, fmt.Errorf("read the checkpoint of changefeed %s: %w", changefeed, err)
	}
	if revision == 0 {
		return c, 0, fmt.Errorf("%w: changefeed %s", ErrNoCheckpoint, changefeed)
	}
	return c, revision, nil
}

// read decodes the value of a key and gives its revision, 0 if there is no such key.
func (s *Store) read(ctx context.Context, key string, into any) (revision int64, err error) {
	resp, err := s.etcd.Get(ctx, key)
	if err != nil {
		return 0, err
	}
	if len(resp.Kvs) == 0 {
		return 0, nil
	}
	return resp.Kvs[0].ModRevision, json.Unmarshal(resp.Kvs[0].Value, into)
}

func (s *Store) update(ctx context.Context, name string, edit func(*Changefeed) error) error {
	cf, revision, err := s.changefeed(ctx, name)
	if err != nil {
		return err
	}
	uuid := cf.UUID
	if err := edit(&cf); err != nil {
		return err
	}
	cf.Name, cf.UUID = name, uuid
	return s.replace(ctx, cf, revision)
}

// replace writes a record over the one of that revision; errConflict if there is another by now.
func (s *Store) replace(ctx context.Context, cf Changefeed, revision int64, more ...clientv3.Op) error {
	value, err := json.Marshal(cf)
	if err != nil {
		return fmt.Errorf("encode changefeed %s: %w", cf.Name, err)
	}
	key := changefeedKey + cf.Name
	resp, err := s.etcd.Txn(ctx).
		If(clientv3.Compare(clientv3.ModRevision(key), "=", revision)).
		Then(append(more, clientv3.OpPut(key, string(value)))...).
		Commit()
	if err != nil {
		return fmt.Errorf("update changefeed %s: %w", cf.Name, err)
	}
	if !resp.Succeeded {
		return errConflict
	}
	return nil
}

// raiseEpoch is errUnowned if a condition does not hold, errConflict if the epoch rose meanwhile.
func (s *Store) raiseEpoch(ctx context.Context, changefeed string, conditions ...clientv3.Cmp) (uint64, error) {
	key := epochKey + changefeed
	var epoch uint64
	revision, err := s.read(ctx, key, &epoch)
	if err != nil {
		return 0, err
	}
	epoch++
	resp, err := s.etcd.Txn(ctx).
		If(append(conditions, clientv3.Compare(clientv3.ModRevision(key), "=", revision))...).
		Then(clientv3.OpPut(key, formatEpoch(epoch))).
		Else(clientv3.OpGet(key)).
		Commit()
	if err != nil {
		return 0, err
	}
	if resp.Succeeded {
		return epoch, nil
	}
	now := resp.Responses[0].GetResponseRange().Kvs
	if len(now) == 0 && revision == 0 || len(now) == 1 && now[0].ModRevision == revision {
		return 0, errUnowned
	}
	return 0, errConflict
}

func formatEpoch(epoch uint64) string { return strconv.FormatUint(epoch, 10) }
