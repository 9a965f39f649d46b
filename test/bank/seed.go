package bank

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// Setting reads a whole number from the environment.
func Setting(t testing.TB, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%s: want a positive number", name, text)
	}
	return n
}

// Random gives the test's source of random choices, and says its seed.
func Random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := Setting(t, "WEIR_SEED", int(time.Now().UnixNano()%1e9)+1)
	t.Logf("seed: WEIR_SEED=%d", seed)
	return rand.New(rand.NewPCG(uint64(seed), 0))
}
