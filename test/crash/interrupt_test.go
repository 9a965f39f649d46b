package crash

import (
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
)

// Interrupted at any moment under load, weir ends in order and soon, and goes on when it is started again.
func TestInterruptedAtRandomMoments(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t), "csv")
	random := newRandom(t)
	l := newLoad(t, f.server, random)
	f.begin()
	l.flow(200, 4)
	var slowest time.Duration
	for range 25 {
		p := f.follow()
		eventually(t, p, "it listens to signals", func() bool { return p.said("msg=starting") })
		select {
		case <-time.After(time.Duration(random.IntN(1_200_000)) * time.Microsecond):
		case <-p.ended:
			t.Fatalf("weir ended by itself; it said:\n%s", p.tail())
		}
		asked := time.Now()
		f.interrupt(p)
		slowest = max(slowest, time.Since(asked))
	}
	l.stop()
	t.Logf("slowest end after Ctrl-C: %v", slowest.Round(time.Millisecond))
	f.catchUp()
	f.checkCuts(f.compare(), l)
}
