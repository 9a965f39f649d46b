package cluster

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	clientv3 "go.etcd.io/etcd/client/v3"
)

const (
	// recheck is how often a watch reads everything again: a server that stands still keeps its streams open.
	recheck = 2 * time.Second
	// relistPause is the rest after a failure.
	relistPause = 100 * time.Millisecond
	listTimeout = 2 * time.Second
)

// WatchNodes delivers the living nodes, at once and again after each change of them or of their drain marks, until ctx
// ends; then the channel closes. Whoever reads slowly misses lists in between, never the last. The order is by
// incarnation.
func (s *Store) WatchNodes(ctx context.Context) <-chan []NodeInfo {
	return watch(ctx, s.etcd, nodeKey, decodeNodes)
}

// WatchChangefeeds delivers the changefeeds' records, as WatchNodes does the nodes, by name. One that can not be read is
// listed as failed.
func (s *Store) WatchChangefeeds(ctx context.Context) <-chan []Changefeed {
	return watch(ctx, s.etcd, changefeedKey, decodeChangefeeds)
}

// watch follows what is stored under a prefix.
func watch[T any](ctx context.Context, etcd *clientv3.Client, prefix string, decode func([]*mvccpb.KeyValue) []T) <-chan []T {
	w := &watcher[T]{etcd: etcd, prefix: prefix, decode: decode, out: make(chan []T)}
	go func() {
		defer close(w.out)
		for ctx.Err() == nil {
			w.follow(ctx)
		}
	}()
	return w.out
}

// A watcher knows what is stored under a prefix and what it has told of it. Its stream may break at any time: it reads
// everything again then, and tells what is different.
type watcher[T any] struct {
	etcd   *clientv3.Client
	prefix string
	decode func([]*mvccpb.KeyValue) []T
	out    chan []T
	known  map[string]*mvccpb.KeyValue
	told   map[string]int64 // revisions; nil before the first list
}

// follow reads everything and then the changes, until the stream breaks or it is time to read everything again.
func (w *watcher[T]) follow(ctx context.Context) {
	revision, err := w.list(ctx)
	if err != nil {
		pause(ctx, relistPause)
		return
	}
	w.stream(ctx, revision)
}

// stream tells what is known, and what changes after a revision.
func (w *watcher[T]) stream(ctx context.Context, revision int64) {
	ctx, cancel := context.WithTimeout(clientv3.WithRequireLeader(ctx), recheck)
	defer cancel()
	changes := w.etcd.Watch(ctx, w.prefix, clientv3.WithPrefix(), clientv3.WithRev(revision+1))
	for {
		var out chan<- []T
		var list []T
		if !w.upToDate() {
			out, list = w.out, w.all()
		}
		select {
		case out <- list:
			w.told = w.revisions()
		case change, ok := <-changes:
			if !ok || change.Err() != nil {
				pause(ctx, relistPause)
				return
			}
			w.apply(change.Events)
		case <-ctx.Done():
			return
		}
	}
}

func (w *watcher[T]) list(ctx context.Context) (revision int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	resp, err := w.etcd.Get(ctx, w.prefix, clientv3.WithPrefix())
	if err != nil {
		return 0, err
	}
	w.known = make(map[string]*mvccpb.KeyValue, len(resp.Kvs))
	for _, kv := range resp.Kvs {
		w.known[string(kv.Key)] = kv
	}
	return resp.Header.Revision, nil
}

func (w *watcher[T]) apply(events []*clientv3.Event) {
	for _, e := range events {
		if e.Type == clientv3.EventTypeDelete {
			delete(w.known, string(e.Kv.Key))
		} else {
			w.known[string(e.Kv.Key)] = e.Kv
		}
	}
}

func (w *watcher[T]) upToDate() bool { return w.told != nil && maps.Equal(w.told, w.revisions()) }

func (w *watcher[T]) revisions() map[string]int64 {
	all := make(map[string]int64, len(w.known))
	for key, kv := range w.known {
		all[key] = kv.ModRevision
	}
	return all
}

// all makes a list anew each time: whoever gets it may keep it.
func (w *watcher[T]) all() []T {
	kvs := slices.SortedFunc(maps.Values(w.known), func(a, b *mvccpb.KeyValue) int { return bytes.Compare(a.Key, b.Key) })
	return w.decode(kvs)
}
