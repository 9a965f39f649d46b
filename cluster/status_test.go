package cluster

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestErrorsAreKeptInBounds(t *testing.T) {
	var cf Changefeed
	at := time.Unix(1700000000, 0).UTC()
	for i := range 25 {
		cf.Become(Status{State: Warning, Reason: fmt.Sprintf("error %d", i/2), RetryAt: at.Add(time.Hour), At: at})
		at = at.Add(time.Second)
	}
	if len(cf.Errors) != maxErrors {
		t.Fatalf("%d errors", len(cf.Errors))
	}
	if got := cf.Errors[8]; got.Message != "error 11" || got.Count != 2 || got.Last.Sub(got.First) != time.Second {
		t.Errorf("got %+v", got)
	}
	if want := time.Unix(1700000000, 0).UTC(); cf.Since != want || cf.RetryAt.IsZero() {
		t.Errorf("since %v, want %v; retry at %v", cf.Since, want, cf.RetryAt)
	}
	cf.Become(Status{State: Normal, At: at})
	if cf.Reason != "" || !cf.RetryAt.IsZero() || cf.Since != at || len(cf.Errors) != maxErrors {
		t.Errorf("normal again: %+v", cf)
	}
	cf.Become(Status{State: Stopped, Reason: "by an operator", At: at})
	if cf.Errors[maxErrors-1].Message == "by an operator" {
		t.Error("a stop is no error")
	}
}

func TestOnlyTheCoordinatorAssigns(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	if err := s.Create(ctx, testChangefeed(t, "a")); err != nil {
		t.Fatal(err)
	}
	n := join(t, s, "n1", false)
	if _, err := n.Term(); !errors.Is(err, ErrDeposed) {
		t.Fatalf("before the election: got %v, want ErrDeposed", err)
	}
	if err := n.Campaign(ctx); err != nil {
		t.Fatal(err)
	}
	term, err := n.Term()
	if err != nil {
		t.Fatal(err)
	}
	if err := term.SetOwner(ctx, "a", "n2-1"); err != nil {
		t.Fatal(err)
	}
	if err := term.SetOwner(ctx, "gone", "n2-1"); !errors.Is(err, ErrNoChangefeed) {
		t.Errorf("got %v, want ErrNoChangefeed", err)
	}
	if err := term.SetStatus(ctx, "a", Status{State: Warning, Reason: "disk full", RetryAt: time.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Claim(ctx, "a", "n3-1"); !errors.Is(err, ErrNotOwner) {
		t.Errorf("claim by another: got %v, want ErrNotOwner", err)
	}
	if epoch, err := s.Claim(ctx, "a", "n2-1"); err != nil || epoch != 1 {
		t.Errorf("claim: got %d, %v, want 1", epoch, err)
	}
	if err := n.Resign(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Term(); !errors.Is(err, ErrDeposed) {
		t.Errorf("after it: got %v, want ErrDeposed", err)
	}
	for step, err := range map[string]error{
		"assign": term.SetOwner(ctx, "a", "n9-1"),
		"state":  term.SetStatus(ctx, "a", Status{State: Failed}),
	} {
		if !errors.Is(err, ErrDeposed) {
			t.Errorf("%s: got %v, want ErrDeposed", step, err)
		}
	}
	owners, err := s.Owners(ctx)
	if owner, ownerErr := s.Owner(ctx, "a"); err != nil || ownerErr != nil || owner != "n2-1" || len(owners) != 1 || owners["a"] != owner {
		t.Errorf("owner %q, %v, %v, %v", owner, owners, err, ownerErr)
	}
	if cf, err := s.Changefeed(ctx, "a"); err != nil || cf.State != Warning || cf.RetryAt.IsZero() || len(cf.Errors) != 1 {
		t.Errorf("got %+v, %v", cf, err)
	}
}

// A coordinator whose lease the store has ended does not know of it yet.
func TestALostLeaseEndsTheTerm(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	if err := s.Create(ctx, testChangefeed(t, "a")); err != nil {
		t.Fatal(err)
	}
	old, next := join(t, s, "n1", false), join(t, s, "n2", false)
	if err := old.Campaign(ctx); err != nil {
		t.Fatal(err)
	}
	term, err := old.Term()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.etcd.Revoke(ctx, old.session.Lease()); err != nil {
		t.Fatal(err)
	}
	if err := term.SetOwner(ctx, "a", "n1"); !errors.Is(err, ErrDeposed) {
		t.Errorf("got %v, want ErrDeposed", err)
	}
	if err := next.Campaign(ctx); err != nil {
		t.Fatal(err)
	}
	if err := term.SetOwner(ctx, "a", "n1"); !errors.Is(err, ErrDeposed) {
		t.Errorf("under a successor: got %v, want ErrDeposed", err)
	}
}

func TestURIsAreKeptApartAndNeverShown(t *testing.T) {
	s, ctx := testStore(t), t.Context()
	uris := URIs{Source: "mysql://repl:s3cret@db:3306/?server-id=7", Sink: "file:///out?protocol=csv"}
	cf := testChangefeed(t, "a")
	if err := s.CreateWith(ctx, cf, URIs{Source: uris.Source, Sink: "file:///else"}); err == nil {
		t.Error("took URIs of another changefeed")
	}
	if err := s.CreateWith(ctx, cf, uris); err != nil {
		t.Fatal(err)
	}
	if got, err := s.URIs(ctx, "a"); err != nil || got.Source != uris.Source || got.Sink != uris.Sink {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{fmt.Sprint(uris), fmt.Sprintf("%v %+v %#v", uris, uris, &uris), fmt.Sprintf("%s", struct{ U URIs }{uris})} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("shown: %s", text)
		}
	}
	record, err := s.etcd.Get(ctx, changefeedKey+"a")
	if err != nil || strings.Contains(string(record.Kvs[0].Value), "s3cret") {
		t.Errorf("the record shows it, %v", err)
	}
	moved := URIs{Source: "mysql://repl:n3w@db2:3306/", Sink: uris.Sink}
	if err := s.Configure(ctx, "a", 7, nil, &moved); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
	if err := s.Configure(ctx, "a", cf.Version, []byte(`{"tables":["x.*"]}`), &moved); err != nil {
		t.Fatal(err)
	}
	got, err := s.Changefeed(ctx, "a")
	if err != nil || got.Version != cf.Version+1 || !got.SameSource(moved.Source) || string(got.Config) != `{"tables":["x.*"]}` {
		t.Errorf("got %+v, %v", got, err)
	}
	if now, err := s.URIs(ctx, "a"); err != nil || now != moved {
		t.Errorf("got %v, %v", now, err)
	}
	if err := s.Remove(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.URIs(ctx, "a"); !errors.Is(err, ErrNoURIs) {
		t.Errorf("after removal: got %v, want ErrNoURIs", err)
	}
}
