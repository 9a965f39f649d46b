package crash

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/bank"
	"github.com/weir-cdc/weir/test/mariadb"
)

// Killed at any moment, in its start, at a DDL, at a syncpoint, the same command goes on, and in the end the files hold
// each row once, in the right version of its table.
func TestKilledAtRandomMoments(t *testing.T) {
	for _, c := range []struct {
		protocol, options string
		settings          []string
		kills             int
	}{
		{"csv", "", nil, bank.Setting(t, "WEIR_KILLS", 200)},
		// Small files, and limits as small as they may be.
		{"canal-json", "&file-size=16KiB&date-separator=none", []string{"--memory", "64MiB", "--relay-size", "256MiB"},
			max(5, bank.Setting(t, "WEIR_KILLS", 200)/6)},
	} {
		t.Run(c.protocol, func(t *testing.T) {
			f := newFixture(t, mariadb.Start(t), c.protocol, c.settings...)
			f.options = c.options
			random := bank.Random(t)
			l := bank.Start(t, f.server, random)
			begin, starts, progress := time.Now(), []time.Duration(nil), []time.Duration(nil)
			for life := range c.kills {
				// A feed that begins in the past begins with today's definitions: they must not change before it has begun.
				if life >= 5 {
					l.Grant(40+random.IntN(60), 1+random.IntN(4))
				}
				if life%20 == 19 {
					progress = append(progress, f.liveAndWrite())
				} else if started := f.liveAndDie(random); started > 0 {
					starts = append(starts, started)
				}
			}
			l.Stop()
			t.Logf("%d kills in %v", c.kills, time.Since(begin).Round(time.Second))
			report(t, "start to activation", starts)
			report(t, "start to the first file of rows", progress)
			f.catchUp()
			l.CheckCuts(f.compare(), f.out)
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

// liveAndWrite starts weir and kills it at the moment at which it has made rows visible. It gives how long that took.
func (f *fixture) liveAndWrite() time.Duration {
	f.t.Helper()
	before := f.ledgerIndexes()
	p := f.follow()
	eventually(f.t, p, "rows are visible", func() bool { return f.ledgerIndexes() != before })
	took := time.Since(p.started)
	p.kill()
	return took
}

// ledgerIndexes reads the indexes of the one table that has rows in every transfer, and no DDL.
func (f *fixture) ledgerIndexes() (all string) {
	f.t.Helper()
	dated, err := filepath.Glob(filepath.Join(f.out, "bank/ledger/*/*/meta/CDC.index"))
	if err != nil {
		f.t.Fatal(err)
	}
	undated, err := filepath.Glob(filepath.Join(f.out, "bank/ledger/*/meta/CDC.index"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, name := range append(dated, undated...) {
		data, err := os.ReadFile(name)
		if err != nil {
			f.t.Fatal(err)
		}
		all += string(data)
	}
	return all
}

func report(t *testing.T, what string, took []time.Duration) {
	t.Helper()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	t.Logf("%s: median %v, slowest %v of %d", what, took[len(took)/2].Round(time.Millisecond),
		took[len(took)-1].Round(time.Millisecond), len(took))
}
