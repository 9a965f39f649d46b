package span

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naive looks at each range.
func naive(ranges []Range, hash uint64) int32 {
	for i, r := range ranges {
		if hash >= r.Start && (r.End == 0 || hash < r.End) {
			return int32(i)
		}
	}
	return Nowhere
}

// Every hash at and beside a bound, and many others, is found where a look at each range finds it, with holes and without.
func TestPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var cuts []uint64
		for range r.IntN(20) {
			cuts = append(cuts, r.Uint64()>>r.IntN(64))
		}
		cuts = append(cuts, 0)
		slices.Sort(cuts)
		cuts = slices.Compact(cuts)
		var ranges []Range
		for i, c := range cuts {
			end := uint64(0)
			if i+1 < len(cuts) {
				end = cuts[i+1]
			}
			if r.IntN(4) > 0 {
				ranges = append(ranges, Range{c, end})
			}
		}
		s, err := New(ranges)
		if err != nil {
			t.Fatal(err)
		}
		check := func(hash uint64) {
			if got, want := s.Place(hash), naive(ranges, hash); got != want {
				t.Fatalf("%v: %#x is in %d, want %d", ranges, hash, got, want)
			}
			if i := naive(ranges, hash); i != Nowhere && !ranges[i].Contains(hash) {
				t.Fatalf("%s does not contain %#x", ranges[i], hash)
			}
		}
		for _, c := range cuts {
			check(c - 1)
			check(c)
			check(c + 1)
			check(r.Uint64())
		}
	}
}

func TestWholeAndComplete(t *testing.T) {
	for _, c := range []struct {
		ranges         []Range
		want, complete bool
	}{
		{[]Range{{}}, true, true},
		{nil, false, false},
		{[]Range{{0, 5}}, false, false},
		{[]Range{{5, 0}}, false, false},
		{[]Range{{0, 5}, {6, 0}}, false, false},
		{[]Range{{0, 5}, {5, 0}}, false, true},
	} {
		s, err := New(c.ranges)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Whole(); got != c.want {
			t.Errorf("%v: whole is %v, want %v", c.ranges, got, c.want)
		}
		if got := s.Complete(); got != c.complete {
			t.Errorf("%v: complete is %v, want %v", c.ranges, got, c.complete)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		ranges []Range
		want   string
	}{
		{[]Range{{5, 5}}, "[0x5,0x5) is empty"},
		{[]Range{{6, 5}}, "[0x6,0x5) is empty"},
		{[]Range{{0, 5}, {4, 0}}, "[0x4,) overlaps"},
		{[]Range{{5, 0}, {0, 5}}, "[0x0,0x5) overlaps"},
		{[]Range{{}, {}}, "[0x0,) overlaps"},
	} {
		if _, err := New(c.ranges); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v, want %s", c.ranges, err, c.want)
		}
	}
}
