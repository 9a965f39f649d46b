package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var (
	// ErrNoSuchCheckpoint tells that no checkpoint of that age or position is kept.
	ErrNoSuchCheckpoint = errors.New("no such checkpoint is kept")
	// ErrNotResting tells that a changefeed would have to be paused first.
	ErrNotResting = errors.New("changefeed is at work")
)

// What is kept of a changefeed's past checkpoints: those of the last day, at most a hundred. They lie a minute apart for
// the last minutes, and further apart the older they are, up to some hours. The definitions of the tables are kept back
// to the oldest of them.
const (
	pastAge     = 24 * time.Hour
	pastEntries = 100
	pastSpacing = time.Minute
	// pastShare is how many times its distance from its neighbours an entry may be old.
	pastShare = 8
)

// A past is a changefeed's earlier checkpoints, the oldest first.
type past []Checkpoint

// add gives the past with c, if it is time for another entry, and the entries that are to be forgotten.
func (p past) add(c Checkpoint) (next, gone past, added bool) {
	if n := len(p); n > 0 {
		apart := c.Wall.Sub(p[n-1].Wall)
		if c.CommitTs <= p[n-1].CommitTs || apart > -pastSpacing && apart < pastSpacing {
			return p, nil, false
		}
	}
	all := append(slices.Clone(p), c)
	for i, e := range all {
		age := c.Wall.Sub(e.Wall)
		expired := age > pastAge || len(all)-i > pastEntries
		inner := len(next) > 0 && i < len(all)-1
		dense := inner && all[i+1].Wall.Sub(next[len(next)-1].Wall) <= max(pastSpacing, age/pastShare)
		if expired || dense {
			gone = append(gone, e)
		} else {
			next = append(next, e)
		}
	}
	return next, gone, true
}

// find gives the newest checkpoint at or below a commit-ts, or the one at a position of the source.
func (p past) find(at string) (Checkpoint, bool) {
	ts, err := strconv.ParseUint(at, 10, 64)
	for _, c := range slices.Backward(p) {
		if err == nil && c.CommitTs <= ts || c.Mark.Position == at {
			return c, true
		}
	}
	return Checkpoint{}, false
}

// String lists the checkpoints, the newest first; of many, the newest and the oldest.
func (p past) String() string {
	const shown = 20
	var list []string
	for i, c := range slices.Backward(p) {
		if len(p) > shown && i > 0 && i < len(p)-shown+1 {
			continue
		}
		list = append(list, fmt.Sprintf("%d (%s, taken %s)", c.CommitTs, c.Mark.Position, c.Wall.UTC().Format(time.RFC3339)))
	}
	if len(p) > shown {
		list = slices.Insert(list, len(list)-1, fmt.Sprintf("%d between", len(p)-shown))
	}
	return strings.Join(list, ", ")
}

func pastPrefix(changefeed string) string { return pastKey + changefeed + "/" }

func pastEntry(changefeed string, ts uint64) string {
	return fmt.Sprintf("%s%020d", pastPrefix(changefeed), ts)
}

func (s *Store) past(ctx context.Context, changefeed string) (past, error) {
	resp, err := s.etcd.Get(ctx, pastPrefix(changefeed), clientv3.WithPrefix())
	if err != nil {
		return nil, fmt.Errorf("list the checkpoints of changefeed %s: %w", changefeed, err)
	}
	p := make(past, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		if err := json.Unmarshal(kv.Value, &p[i]); err != nil {
			return nil, fmt.Errorf("decode %s: %w", kv.Key, err)
		}
	}
	return p, nil
}

// Checkpoints lists the checkpoints that ResetCheckpoint can go back to, the oldest first, the present one last.
func (s *Store) Checkpoints(ctx context.Context, changefeed string) ([]Checkpoint, error) {
	p, _, err := s.checkpoints(ctx, changefeed)
	return p, err
}

// checkpoints also gives the revision of the present checkpoint, with which the past changes too.
func (s *Store) checkpoints(ctx context.Context, changefeed string) (past, int64, error) {
	now, revision, err := s.checkpoint(ctx, changefeed)
	if err != nil {
		return nil, 0, err
	}
	p, err := s.past(ctx, changefeed)
	if err != nil {
		return nil, 0, err
	}
	if len(p) == 0 || p[len(p)-1].CommitTs < now.CommitTs {
		p = append(p, now)
	}
	return p, revision, nil
}

// ResetCheckpoint takes a changefeed that is stopped, failed or finished back to an earlier checkpoint: the newest that
// is kept at or below a commit-ts, or the one at a position of the source. It gives the checkpoint from which a resumed
// changefeed goes on. Later ones are forgotten, and whoever may still work on the changefeed is fenced.
func (s *Store) ResetCheckpoint(ctx context.Context, name, at string) (Checkpoint, error) {
	for {
		c, err := s.resetCheckpoint(ctx, name, at)
		if !errors.Is(err, errConflict) {
			return c, err
		}
	}
}

func (s *Store) resetCheckpoint(ctx context.Context, name, at string) (Checkpoint, error) {
	cf, record, err := s.changefeed(ctx, name)
	if err != nil {
		return Checkpoint{}, err
	}
	if !cf.State.Resting() {
		return Checkpoint{}, fmt.Errorf("%w: %s is in state %s: pause it first", ErrNotResting, name, cf.State)
	}
	var epoch uint64
	epochRevision, err := s.read(ctx, epochKey+name, &epoch)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("read the epoch of changefeed %s: %w", name, err)
	}
	kept, present, err := s.checkpoints(ctx, name)
	if err != nil {
		return Checkpoint{}, err
	}
	to, err := kept.choose(name, at)
	if err != nil {
		return Checkpoint{}, err
	}
	value, err := json.Marshal(to)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("encode the checkpoint of changefeed %s: %w", name, err)
	}
	later := clientv3.OpDelete(pastEntry(name, to.CommitTs+1), clientv3.WithRange(clientv3.GetPrefixRangeEnd(pastPrefix(name))))
	resp, err := s.etcd.Txn(ctx).If(
		clientv3.Compare(clientv3.ModRevision(changefeedKey+name), "=", record),
		clientv3.Compare(clientv3.ModRevision(epochKey+name), "=", epochRevision),
		clientv3.Compare(clientv3.ModRevision(checkpointKey+name), "=", present),
	).Then(
		clientv3.OpPut(epochKey+name, formatEpoch(epoch+1)),
		clientv3.OpPut(checkpointKey+name, string(value)),
		later,
	).Commit()
	if err != nil {
		return Checkpoint{}, fmt.Errorf("reset the checkpoint of changefeed %s: %w", name, err)
	}
	if !resp.Succeeded {
		return Checkpoint{}, errConflict
	}
	return to, nil
}

// choose finds a checkpoint, or says what there is. There is no way forward: what lies between would be lost.
func (p past) choose(changefeed, at string) (Checkpoint, error) {
	now := p[len(p)-1]
	if ts, err := strconv.ParseUint(at, 10, 64); err == nil && ts > now.CommitTs {
		return Checkpoint{}, fmt.Errorf("%w: changefeed %s has come to %d only, %s lies ahead: there are %s", ErrNoSuchCheckpoint, changefeed, now.CommitTs, at, p)
	}
	c, ok := p.find(at)
	if !ok {
		return Checkpoint{}, fmt.Errorf("%w: %s of changefeed %s: there are %s", ErrNoSuchCheckpoint, at, changefeed, p)
	}
	return c, nil
}

// OldestCheckpoint gives the commit-ts from which on definitions must be kept: that of the oldest checkpoint that the
// changefeed can go back to.
func (a *Activation) OldestCheckpoint(ctx context.Context) (uint64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.recall(ctx); err != nil {
		return 0, err
	}
	if len(a.past) > 0 {
		return a.past[0].CommitTs, nil
	}
	c, err := a.store.Checkpoint(ctx, a.changefeed)
	return c.CommitTs, err
}

// recall reads the past once: whoever else changes it, by ResetCheckpoint, fences this activation.
func (a *Activation) recall(ctx context.Context) (err error) {
	if !a.recalled {
		if a.past, err = a.store.past(ctx, a.changefeed); err != nil {
			return err
		}
		a.recalled = true
	}
	return nil
}

// remember gives what to write so that the past has c, and the past then.
func (a *Activation) remember(c Checkpoint, value string) ([]clientv3.Op, past) {
	next, gone, added := a.past.add(c)
	if !added {
		return nil, next
	}
	ops := []clientv3.Op{clientv3.OpPut(pastEntry(a.changefeed, c.CommitTs), value)}
	for _, g := range gone {
		ops = append(ops, clientv3.OpDelete(pastEntry(a.changefeed, g.CommitTs)))
	}
	return ops, next
}
