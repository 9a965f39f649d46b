package actors

import (
	"fmt"
	"time"

	"github.com/weir-cdc/weir/sources"
)

// patience knows whether a changefeed gets on, and for how long it has not. It reads no clock.
//
// What fails each time that it is given the same work seems to work in between. So a trouble is over only when nothing fails
// and the checkpoint has moved since, or there is nothing left to do.
type patience struct {
	limit    time.Duration // 0: as long as it takes
	trouble  string        // the reason of the last failure, "" while all goes well
	failedAt uint64        // the furthest checkpoint as of that failure
	furthest uint64        // checkpoint seen
	since    time.Time     // when the trouble began, or the checkpoint moved last
}

// failed notes that something does not work, for this reason.
func (p *patience) failed(now time.Time, checkpoint uint64, reason string) {
	if p.trouble == "" {
		p.since = now
	}
	p.trouble, p.failedAt = reason, max(p.furthest, checkpoint)
}

// seen notes how far the changefeed is. caughtUp: the upstream answers, and all that it has is downstream. well: nothing fails
// at present.
func (p *patience) seen(now time.Time, checkpoint uint64, caughtUp, well bool) {
	if checkpoint > p.furthest || caughtUp {
		p.furthest, p.since = max(p.furthest, checkpoint), now
	}
	if well && (caughtUp || p.furthest > p.failedAt) {
		p.trouble = ""
	}
}

// over tells that the trouble has lasted too long.
func (p *patience) over(now time.Time) bool {
	return p.limit > 0 && p.trouble != "" && now.Sub(p.since) >= p.limit
}

// end is the error of a changefeed that gives up.
func (p *patience) end() error {
	return &sources.Fatal{Kind: "gave-up", Err: fmt.Errorf("gave up after %v in which the checkpoint did not move; the last reason: %s; "+
		"mend that and give the same command: it goes on where it was, and nothing is lost (--give-up-after says how long to try)",
		p.limit, p.trouble)}
}
