package crash

import (
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
)

// Killed at any moment, in its start, at a DDL, at a syncpoint, the same command goes on, and in the end the files hold
// each row once, in the right version of its table.
func TestKilledAtRandomMoments(t *testing.T) {
	for _, c := range []struct {
		protocol string
		kills    int
	}{
		{"csv", setting(t, "WEIR_KILLS", 200)},
		{"canal-json", max(5, setting(t, "WEIR_KILLS", 200)/8)},
	} {
		t.Run(c.protocol, func(t *testing.T) {
			f := newFixture(t, mariadb.Start(t), c.protocol)
			random := newRandom(t)
			l := newLoad(t, f.server, random)
			begin, starts := time.Now(), []time.Duration(nil)
			for life := range c.kills {
				// A feed that begins in the past begins with today's definitions: they must not change before it has begun.
				if life >= 5 {
					l.grant(40+random.IntN(60), 1+random.IntN(4))
				}
				if started := f.liveAndDie(random); started > 0 {
					starts = append(starts, started)
				}
			}
			l.stop()
			t.Logf("%d kills in %v", c.kills, time.Since(begin).Round(time.Second))
			reportStarts(t, starts)
			f.catchUp()
			f.checkCuts(f.compare(), l)
		})
	}
}

// liveAndDie starts weir and kills it, once in four times while it starts, else up to 700 ms after it has begun to work.
// It gives how long the start took, 0 if it was not seen to end.
func (f *fixture) liveAndDie(random *rand.Rand) (started time.Duration) {
	f.t.Helper()
	p := f.follow()
	moment := time.Duration(random.IntN(700_000)) * time.Microsecond
	if random.IntN(4) > 0 {
		eventually(f.t, p, "it works", func() bool { return p.said("changefeed activated") })
		started = time.Since(p.started)
	}
	select {
	case <-time.After(moment):
	case <-p.ended:
	}
	if !p.alive() {
		f.t.Fatalf("weir ended by itself; it said:\n%s", p.tail())
	}
	p.signal(os.Kill)
	<-p.ended
	return started
}

func reportStarts(t *testing.T, starts []time.Duration) {
	t.Helper()
	if len(starts) == 0 {
		return
	}
	slices.Sort(starts)
	t.Logf("start to activation: median %v, slowest %v of %d", starts[len(starts)/2].Round(time.Millisecond),
		starts[len(starts)-1].Round(time.Millisecond), len(starts))
}
