package cluster

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// A lease as both sides see it. The store's leader counts the TTL from the moment it handles a renewal, which is after
// it was asked for. A new leader grants every lease its whole TTL again, and one election timeout on top, which is as
// long as a former leader may still believe in itself and answer. So the store never ends a lease before its TTL is
// over since the last answered renewal was asked for, whoever leads; and this side counts less than that.

// leasing is the client with our own renewal in the place of its own, which does not tell when it asked.
func (s *Store) leasing(ctx context.Context, r *renewal) *clientv3.Client {
	c := clientv3.NewCtxClient(ctx, clientv3.WithZapLogger(s.etcd.GetLogger()))
	c.KV, c.Watcher, c.Lease = s.etcd.KV, s.etcd.Watcher, r
	return c
}

// A renewal keeps one lease alive and knows until when it surely is: from the moment each renewal was asked for.
type renewal struct {
	clientv3.Lease
	beat    func(context.Context, clientv3.LeaseID) (ttl int64, err error) // asks the store once
	ttl     time.Duration
	until   atomic.Pointer[time.Time]
	failing atomic.Bool
	early   chan struct{} // asks for a renewal now
	log     *logrus.Entry
	now     func() time.Time
}

func newRenewal(lease clientv3.Lease, ttl time.Duration, log *logrus.Entry) *renewal {
	r := &renewal{Lease: lease, ttl: ttl, early: make(chan struct{}, 1), log: log, now: time.Now}
	r.beat = r.once
	return r
}

// once asks by a stream of its own.
func (r *renewal) once(ctx context.Context, id clientv3.LeaseID) (int64, error) {
	resp, err := r.KeepAliveOnce(ctx, id)
	if err != nil {
		return 0, err
	}
	return resp.TTL, nil
}

// The parts of a TTL. An attempt begins each sixth, also while an earlier one waits for an endpoint that is gone: three
// may fail in a row. The last fifth stays for a write that has begun.
func (r *renewal) period() time.Duration { return r.ttl / 6 }
func (r *renewal) usable() time.Duration { return r.ttl - r.ttl/5 }

// extend notes a renewal that was asked for at that moment. Answers may come in any order.
func (r *renewal) extend(asked time.Time) {
	until := asked.Add(r.usable())
	for {
		old := r.until.Load()
		if old != nil && !until.After(*old) {
			return
		}
		if r.until.CompareAndSwap(old, &until) {
			return
		}
	}
}

// valid asks both clocks: the monotonic one stands still while the machine sleeps, the wall clock may be set back. If
// the wall clock was set ahead, the next renewal makes the lease valid again; it is asked for at once.
func (r *renewal) valid() bool {
	now, until := r.now(), *r.until.Load()
	if now.Before(until) && now.Round(0).Before(until.Round(0)) {
		return true
	}
	select {
	case r.early <- struct{}{}:
	default:
	}
	return false
}

// KeepAlive renews the lease until the store says that it is gone, or ctx ends; then the channel closes.
func (r *renewal) KeepAlive(ctx context.Context, id clientv3.LeaseID) (<-chan *clientv3.LeaseKeepAliveResponse, error) {
	renewed := make(chan *clientv3.LeaseKeepAliveResponse, 1)
	go func() {
		defer close(renewed)
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		tick := time.NewTicker(r.period())
		defer tick.Stop()
		last := r.now()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			case <-r.early:
				if r.now().Sub(last) < min(r.period(), 100*time.Millisecond) {
					continue
				}
			}
			last = r.now()
			go r.attempt(ctx, id, cancel)
		}
	}()
	return renewed, nil
}

// attempt renews once, and ends all of them if the lease is gone.
func (r *renewal) attempt(ctx context.Context, id clientv3.LeaseID, lost context.CancelCauseFunc) {
	switch err := r.renew(ctx, id); {
	case err == nil:
		if r.failing.Swap(false) {
			r.log.Info("node lease renewed again")
		}
	case ctx.Err() != nil:
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		lost(err)
		r.log.WithError(err).Error("node lease lost")
	case !r.failing.Swap(true):
		r.log.WithError(err).Warn("node lease not renewed")
	}
}

func (r *renewal) renew(ctx context.Context, id clientv3.LeaseID) error {
	ctx, cancel := context.WithTimeout(ctx, r.ttl/2)
	defer cancel()
	asked := r.now()
	ttl, err := r.beat(ctx, id)
	if err != nil {
		return err
	}
	if ttl <= 0 {
		return rpctypes.ErrLeaseNotFound
	}
	r.extend(asked)
	return nil
}
