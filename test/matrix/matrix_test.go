package matrix

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A result is how a cell ended; seconds is from the kill until all that was committed was in the files.
type result struct {
	cell
	seconds float64
	err     error
}

// How many cells die together, and how long a sample may take if its last round is as long as the longest.
const (
	together   = 15
	sampleTime = 55 * time.Second
)

// Whatever dies at whatever moment of a DDL: the files hold what the upstream held, at the DDL and at the end.
func TestCrashMatrix(t *testing.T) {
	begin := time.Now()
	random := newRandom(t)
	which := os.Getenv("WEIR_MATRIX")
	w := newWorld(t, random)
	var results []result
	var longest time.Duration
	for _, cells := range rounds(random, which) {
		if which == "" && time.Since(begin)+longest > sampleTime {
			break
		}
		start := time.Now()
		results = append(results, w.run(cells)...)
		longest = max(longest, time.Since(start))
		t.Logf("%v: %d cells so far", time.Since(begin).Round(time.Second), len(results))
	}
	summarise(t, results)
	if which == "all" {
		publish(t, results)
	}
}

// newRandom gives the random choices of a run, by WEIR_SEED if that is set.
func newRandom(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("WEIR_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("WEIR_SEED: %v", err)
		}
	}
	t.Logf("WEIR_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// rounds groups cells by how they die: all, those chosen, or a sample in random order.
func rounds(random *rand.Rand, which string) (list [][]cell) {
	all := cells()
	if which != "" && which != "all" {
		all = slices.DeleteFunc(all, func(c cell) bool { return !c.chosen(which) })
	}
	if which == "" {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		slices.SortStableFunc(all, func(a, b cell) int { return order(a) - order(b) })
	}
	for len(all) > 0 {
		n := 1
		for n < min(together, len(all)) && all[n].stage == all[0].stage && all[n].victim == all[0].victim {
			n++
		}
		list = append(list, all[:n])
		all = all[n:]
	}
	if which == "" {
		random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list
}

func order(c cell) int {
	return slices.Index(stages, c.stage)*len(victims) + slices.Index(victims, c.victim)
}

func summarise(t *testing.T, results []result) {
	failed, slowest := 0, result{}
	for _, r := range results {
		if r.err != nil {
			failed++
		}
		if r.seconds > slowest.seconds {
			slowest = r
		}
	}
	t.Logf("%d cells, %d failed; the slowest took %.1f s: %s", len(results), failed, slowest.seconds, slowest.cell)
}
