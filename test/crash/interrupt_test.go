package crash

import (
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

// Interrupted at any moment under load, weir ends in order and soon, and goes on when it is started again.
func TestInterruptedAtRandomMoments(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t), "csv")
	random := bank.Random(t)
	l := bank.Start(t, f.server, random)
	f.begin()
	l.Flow(200, 4)
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
	l.Stop()
	t.Logf("slowest end after Ctrl-C: %v", slowest.Round(time.Millisecond))
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
}
