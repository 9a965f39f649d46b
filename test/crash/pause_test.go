package crash

import (
	"syscall"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

// A process that is stopped, as by a machine that goes to sleep, for longer than any connection or lease may like, goes on.
func TestPaused(t *testing.T) {
	t.Parallel()
	f := newFixture(t, mariadb.Start(t, mariadb.Args("--net-write-timeout=2")), "csv")
	l := bank.Start(t, f.server, bank.Random(t))
	f.begin()
	l.Flow(200, 4)
	p := f.follow()
	f.moves(p)
	p.signal(syscall.SIGSTOP)
	select {
	case <-time.After(15 * time.Second):
	case <-p.ended:
	}
	p.signal(syscall.SIGCONT)
	f.moves(p)
	l.Stop()
	f.interrupt(p)
	f.catchUp()
	l.CheckCuts(f.compare(), f.out)
}
