package cluster

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func join(t *testing.T, s *Store, id string, alone bool) *Node {
	t.Helper()
	n, err := s.Join(t.Context(), JoinOptions{ID: id, Info: NodeInfo{Address: "at " + id}, TTL: 4 * time.Second, Alone: alone, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Leave(context.Background()) })
	return n
}

func TestNodeHoldsItsLeaseUntilItLeaves(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	n := join(t, s, "n1", false)
	watch := time.NewTimer(4500 * time.Millisecond) // longer than the TTL
	defer watch.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for renewing := true; renewing; {
		select {
		case <-n.Lost():
			t.Fatal("lease lost")
		case <-tick.C:
			if !n.LeaseValid() {
				t.Fatal("lease not valid")
			}
		case <-watch.C:
			renewing = false
		}
	}
	if nodes, err := s.Nodes(ctx); err != nil || len(nodes) != 1 || nodes[0].Incarnation != "n1" || nodes[0].Address != "at n1" {
		t.Fatalf("got %v, %v", nodes, err)
	}
	if err := n.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	<-n.Lost()
	if n.LeaseValid() {
		t.Error("valid after leaving")
	}
	if nodes, err := s.Nodes(ctx); err != nil || len(nodes) != 0 {
		t.Errorf("got %v, %v", nodes, err)
	}
}

func TestLostLeaseIsNotValid(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	n := join(t, s, "n1", false)
	if _, err := s.etcd.Revoke(ctx, n.session.Lease()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-n.Lost():
	case <-time.After(10 * time.Second):
		t.Fatal("not told")
	}
	if n.LeaseValid() {
		t.Error("valid after the loss")
	}
}

func TestLeaseEndsBeforeItsTTLByEitherClock(t *testing.T) {
	asked := time.Now()
	var now time.Time
	r := newRenewal(nil, 5*time.Second, quiet())
	r.now = func() time.Time { return now }
	r.extend(asked)
	tests := []struct {
		name string
		now  time.Time
		want bool
	}{
		{"at once", asked, true},
		{"shortly before", asked.Add(3900 * time.Millisecond), true},
		{"past it, before the TTL", asked.Add(4100 * time.Millisecond), false},
		{"wall clock alone ran on", asked.Round(0).Add(time.Hour), false},
	}
	for _, tt := range tests {
		now = tt.now
		if got := r.valid(); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.name, got, tt.want)
		}
	}
}

// slowLease answers a renewal late, as a paused process or network does.
type slowLease struct {
	clientv3.Lease
	clock *atomic.Int64
	took  time.Duration
}

func (l slowLease) KeepAliveOnce(context.Context, clientv3.LeaseID) (*clientv3.LeaseKeepAliveResponse, error) {
	l.clock.Add(int64(l.took))
	return &clientv3.LeaseKeepAliveResponse{TTL: 5}, nil
}

func TestRenewalCountsFromWhenItWasAsked(t *testing.T) {
	var clock atomic.Int64
	began := time.Now()
	r := newRenewal(slowLease{clock: &clock, took: 4500 * time.Millisecond}, 5*time.Second, quiet())
	r.now = func() time.Time { return began.Add(time.Duration(clock.Load())) }
	r.extend(began)
	if err := r.renew(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if r.valid() {
		t.Error("a renewal that took longer than the lease made it valid")
	}
}

func TestOneCoordinatorAtATime(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	a, b := join(t, s, "a", false), join(t, s, "b", false)
	if err := a.Campaign(ctx); err != nil {
		t.Fatal(err)
	}
	elected := make(chan error, 1)
	go func() { elected <- b.Campaign(ctx) }()
	if got, err := s.Coordinator(ctx); err != nil || got != "a" {
		t.Fatalf("got %q, %v, want a", got, err)
	}
	select {
	case err := <-elected:
		t.Fatal("two coordinators", err)
	default:
	}
	if err := a.Resign(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-elected; err != nil {
		t.Fatal(err)
	}
	if got, err := s.Coordinator(ctx); err != nil || got != "b" {
		t.Errorf("got %q, %v, want b", got, err)
	}
}

func TestALoneNodeWaitsForNoDeadOne(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	lease, err := s.etcd.Grant(ctx, 3600)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{liveKey + "dead", electionKey + "/1"} {
		if _, err := s.etcd.Put(ctx, key, "dead", clientv3.WithLease(lease.ID)); err != nil {
			t.Fatal(err)
		}
	}
	n := join(t, s, "n2", true)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := n.Campaign(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAnswersInAnyOrderOnlyProlong(t *testing.T) {
	began := time.Now()
	now := began
	r := newRenewal(nil, 5*time.Second, quiet())
	r.now = func() time.Time { return now }
	r.extend(began)
	r.extend(began.Add(3 * time.Second))
	r.extend(began.Add(time.Second)) // an older attempt is answered late
	now = began.Add(6900 * time.Millisecond)
	if !r.valid() {
		t.Error("an older answer shortened the lease")
	}
	now = began.Add(7100 * time.Millisecond)
	if r.valid() {
		t.Error("valid past the newest answer's time")
	}
}

// The wall clock is set ahead by hours; the lease of a lone node is renewed each few hours only.
func TestAClockSetAheadIsMendedAtOnce(t *testing.T) {
	var ahead atomic.Int64
	r := newRenewal(slowLease{clock: new(atomic.Int64)}, 24*time.Hour, quiet())
	r.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	r.extend(r.now())
	if _, err := r.KeepAlive(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(30 * time.Hour))
	deadline := time.After(5 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); !r.valid(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("not valid again")
		}
	}
}
