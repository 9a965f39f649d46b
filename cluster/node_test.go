package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func joinAs(ctx context.Context, s *Store, incarnation, name string) (*Node, error) {
	return s.Join(ctx, JoinOptions{ID: incarnation, Info: NodeInfo{Name: name, Address: "at-" + incarnation}, TTL: 3 * time.Second, Log: quiet()})
}

func TestALivingNameIsTaken(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	first, err := joinAs(ctx, s, "n1-a", "n1")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err = joinAs(ctx, s, "n1-b", "n1")
	if !errors.Is(err, ErrNameTaken) {
		t.Fatalf("got %v, want ErrNameTaken", err)
	}
	for _, part := range []string{"n1-a", "at-n1-a", "--name"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	if took := time.Since(began); took < 3*time.Second {
		t.Errorf("gave up after %v", took)
	}
	if nodes, err := s.Nodes(ctx); err != nil || len(nodes) != 1 || nodes[0].Incarnation != "n1-a" || !first.LeaseValid() {
		t.Errorf("got %+v, %v", nodes, err)
	}
}

// A process that was killed and started again meets the lease of its former life.
func TestARestartedNodeWaitsForItsFormerLease(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	former, err := joinAs(ctx, s, "n1-a", "n1")
	if err != nil {
		t.Fatal(err)
	}
	former.stop() // no renewal follows, as after a kill
	n, err := joinAs(ctx, s, "n1-b", "n1")
	if err != nil {
		t.Fatal(err)
	}
	defer n.Leave(context.Background())
	if nodes, err := s.Nodes(ctx); err != nil || len(nodes) != 1 || nodes[0].Incarnation != "n1-b" || nodes[0].Name != "n1" {
		t.Errorf("got %+v, %v", nodes, err)
	}
	if former.LeaseValid() {
		t.Error("the former lease is valid beside it")
	}
}

// until gives the first list that holds, of those that come.
func until[T any](t *testing.T, from <-chan []T, what string, holds func([]T) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	var last []T
	for {
		select {
		case list, ok := <-from:
			if !ok {
				t.Fatalf("%s: the watch ended, with %+v", what, last)
			}
			if last = list; holds(list) {
				return
			}
		case <-deadline:
			t.Fatalf("%s: not told; the last was %+v", what, last)
		}
	}
}

func TestWatchNodes(t *testing.T) {
	s := testStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	nodes := s.WatchNodes(ctx)
	names := func(want ...string) func([]NodeInfo) bool {
		return func(list []NodeInfo) bool {
			var got []string
			for _, n := range list {
				got = append(got, map[bool]string{true: "-"}[n.Draining]+n.Incarnation)
			}
			return slices.Equal(got, want)
		}
	}
	until(t, nodes, "nobody yet", names())
	a, b := join(t, s, "a", false), join(t, s, "b", false)
	until(t, nodes, "two", names("a", "b"))
	if err := s.SetDraining(ctx, "a", true); err != nil {
		t.Fatal(err)
	}
	until(t, nodes, "a drains", names("-a", "b"))
	if err := a.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, nodes, "a left", names("b"))
	join(t, s, "a", false)
	until(t, nodes, "a is back, and still to be drained", names("-a", "b"))
	if err := s.SetDraining(ctx, "a", false); err != nil {
		t.Fatal(err)
	}
	until(t, nodes, "the mark is gone", names("a", "b"))
	b.stop()
	until(t, nodes, "b is dead", names("a"))
	cancel()
	for range nodes {
	}
}

// While nobody reads, everything changes and the history is compacted away; the reader gets the last state.
func TestWatchSurvivesCompactionAndASlowReader(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	feeds := s.WatchChangefeeds(ctx)
	until(t, feeds, "none", func(list []Changefeed) bool { return len(list) == 0 })
	var revision int64
	for i := range 50 {
		name := fmt.Sprintf("f%02d", i)
		if err := s.Create(ctx, testChangefeed(t, name)); err != nil {
			t.Fatal(err)
		}
		resp, err := s.etcd.Get(ctx, changefeedKey+name)
		if err != nil {
			t.Fatal(err)
		}
		revision = resp.Header.Revision
	}
	if _, err := s.etcd.Compact(ctx, revision, clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.etcd.Put(ctx, changefeedKey+"zz", "{not json"); err != nil {
		t.Fatal(err)
	}
	until(t, feeds, "all", func(list []Changefeed) bool {
		return len(list) == 51 && list[49].Name == "f49" && list[50].Name == "zz" && list[50].State == Failed
	})
}

// A stream that broke behind the compacted part: the watcher lists again.
func TestAWatcherWhoseRevisionIsGoneListsAgain(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	w := &watcher[Changefeed]{etcd: s.etcd, prefix: changefeedKey, decode: decodeChangefeeds, out: make(chan []Changefeed)}
	old, err := w.list(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.told = w.revisions()
	for range 5 {
		if err := s.Create(ctx, testChangefeed(t, "a")); err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(ctx, "a"); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Create(ctx, testChangefeed(t, "b")); err != nil {
		t.Fatal(err)
	}
	resp, err := s.etcd.Get(ctx, root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.etcd.Compact(ctx, resp.Header.Revision); err != nil {
		t.Fatal(err)
	}
	w.stream(ctx, old) // ends by itself
	go w.follow(ctx)
	until(t, w.out, "b", func(list []Changefeed) bool { return len(list) == 1 && list[0].Name == "b" })
}
