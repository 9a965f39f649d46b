package actors

import (
	"errors"
	"testing"
	"time"
)

// A permit lasts for as long as both the lease and the last grant do, and a grant counts from when it was asked for.
func TestPermit(t *testing.T) {
	lease := true
	p := newPermit(func() bool { return lease })
	at := func(d time.Duration) { p.base = time.Now().Add(-d) } // d has passed since the permit was made
	want := func(what string, want error) {
		t.Helper()
		if err := p.check(); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	at(time.Minute)
	want("before any grant", errNoGrant)
	p.extend(int64(time.Minute))
	want("after a grant", nil)
	p.extend(int64(30 * time.Second))
	want("after an answer that overtook a later one", nil)
	at(time.Minute + GrantTime - time.Second)
	want("within the grant", nil)
	lease = false
	want("without a lease", errNoLease)
	lease = true
	at(time.Minute + GrantTime)
	want("at the end of the grant", errNoGrant)
	p.extend(int64(time.Minute + time.Second))
	want("after a late answer to a later heartbeat", nil)
	p.revoke()
	want("under a new maintainer", errNoGrant)
}
