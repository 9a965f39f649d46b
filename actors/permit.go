package actors

import (
	"errors"
	"sync/atomic"
	"time"
)

// A permit says until when a group's sink may commit. Its sink asks before each visible step; the group extends it
// by what its maintainer grants. It is safe for concurrent use, and goes by the process's own monotonic clock.
type permit struct {
	lease func() bool // the node's lease holds
	grant time.Duration
	base  time.Time
	until atomic.Int64 // nanoseconds since base
}

// GrantTime is how long a group may commit after the heartbeat that its maintainer answered last. Whoever gives a
// silent group's spans away waits GrantTime and GrantMargin first.
const (
	GrantTime   = 3 * time.Second
	GrantMargin = 500 * time.Millisecond
)

var (
	errNoLease = errors.New("the node's lease is not valid: it renews it, or starts over")
	errNoGrant = errors.New("the changefeed's maintainer is silent: it answers again, or another takes over")
)

func newPermit(lease func() bool) *permit {
	return &permit{lease: lease, grant: GrantTime, base: time.Now()}
}

// now is the clock that heartbeats carry.
func (p *permit) now() int64 { return int64(time.Since(p.base)) }

// extend takes the answer to the heartbeat sent at the time given.
func (p *permit) extend(sent int64) {
	p.until.Store(max(p.until.Load(), sent+int64(p.grant)))
}

// revoke ends what was granted.
func (p *permit) revoke() { p.until.Store(0) }

// check gives nil if the sink may commit now, else why not.
func (p *permit) check() error {
	if !p.lease() {
		return errNoLease
	}
	if p.now() >= p.until.Load() {
		return errNoGrant
	}
	return nil
}
