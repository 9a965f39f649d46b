package actors

import (
	"strings"
	"testing"
	"time"
)

// A patienceStep is what a changefeed meets, one second after the step before.
type patienceStep struct {
	fails      string
	checkpoint uint64
	caughtUp   bool
	trouble    string // wanted behind it
	over       bool
}

func TestPatience(t *testing.T) {
	for name, steps := range map[string][]patienceStep{
		"nothing moves": {
			{checkpoint: 5},
			{checkpoint: 5, fails: "full", trouble: "full"},
			{checkpoint: 5, fails: "full", trouble: "full"},
			{checkpoint: 5, fails: "fuller", trouble: "fuller"},
			{checkpoint: 5, fails: "fuller", trouble: "fuller", over: true},
		},
		"what works in between, and moves nothing, does not work": {
			{checkpoint: 5, fails: "crashed", trouble: "crashed"},
			{checkpoint: 5, trouble: "crashed"},
			{checkpoint: 5, fails: "crashed", trouble: "crashed"},
			{checkpoint: 5, trouble: "crashed", over: true},
		},
		"the checkpoint moves": {
			{checkpoint: 5, fails: "slow", trouble: "slow"},
			{checkpoint: 5, fails: "slow", trouble: "slow"},
			{checkpoint: 6, fails: "slow", trouble: "slow"},
			{checkpoint: 6, trouble: "slow"},
			{checkpoint: 6, trouble: "slow"},
			{checkpoint: 7},
		},
		"a checkpoint that goes over old ground": {
			{checkpoint: 9},
			{checkpoint: 5, fails: "started over", trouble: "started over"},
			{checkpoint: 7, trouble: "started over"},
			{checkpoint: 9, trouble: "started over"},
			{checkpoint: 9, trouble: "started over", over: true},
			{checkpoint: 10},
		},
		"idle": {
			{checkpoint: 5, caughtUp: true, fails: "read-only", trouble: "read-only"},
			{checkpoint: 5, caughtUp: true, fails: "read-only", trouble: "read-only"},
			{checkpoint: 5, caughtUp: true, fails: "read-only", trouble: "read-only"},
			{checkpoint: 5, caughtUp: true, fails: "read-only", trouble: "read-only"},
			{checkpoint: 5, caughtUp: true},
		},
		"long calm before the trouble": {
			{checkpoint: 5}, {checkpoint: 5}, {checkpoint: 5}, {checkpoint: 5},
			{checkpoint: 5, fails: "away", trouble: "away"},
			{checkpoint: 5, fails: "away", trouble: "away"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := &patience{limit: 3 * time.Second}
			now := time.Unix(1000, 0)
			for i, s := range steps {
				if s.fails != "" {
					p.failed(now, s.checkpoint, s.fails)
				}
				p.seen(now, s.checkpoint, s.caughtUp, s.fails == "")
				if p.trouble != s.trouble || p.over(now) != s.over {
					t.Errorf("step %d: got trouble %q, over %v, want %q, %v", i+1, p.trouble, p.over(now), s.trouble, s.over)
				}
				if err := p.end(); s.over && (!isFatal(err) || !strings.Contains(err.Error(), s.trouble)) {
					t.Errorf("step %d: got %v, want an end with the reason", i+1, err)
				}
				now = now.Add(time.Second)
			}
			p.limit = 0
			if p.over(now.Add(time.Hour)) {
				t.Error("without a limit it gave up")
			}
		})
	}
}
