package cluster

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/bank"
)

// A cluster follows a bank with DDL while its spans are split, merged and moved, and a nemesis kills, pauses, cuts off and
// slows down its nodes, sets their clocks and fills the disk. In the end, and at every syncpoint, the files equal the
// upstream, and no row is there twice.
//
// WEIR_CHAOS_MINUTES is for how long worlds are made, each with the next seed after WEIR_SEED; without it there is one, and
// a short one.
func TestChaos(t *testing.T) {
	minutes := bank.Setting(t, "WEIR_CHAOS_MINUTES", 0)
	seed := bank.Setting(t, "WEIR_SEED", int(time.Now().UnixNano()%1e9)+1)
	t.Logf("seed: WEIR_SEED=%d", seed)
	nemesisTime := shortTime
	if minutes > 0 {
		nemesisTime = longTime
	}
	binary := SkewedClock(t)
	deadline := time.Now().Add(time.Duration(minutes) * time.Minute)
	for first := true; first || time.Now().Before(deadline); first = false {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t, rand.New(rand.NewPCG(uint64(seed), 0)), binary)
			w.torment(nemesisTime)
			w.calm()
			w.judge()
		})
		seed++
		if t.Failed() {
			return
		}
	}
}

// For how long a world's nemesis works.
const (
	shortTime = 45 * time.Second
	longTime  = 90 * time.Second
)
