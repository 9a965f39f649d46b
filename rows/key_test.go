package rows

import (
	"math"
	"testing"
)

func TestAppendKeyIsStable(t *testing.T) {
	text := func(s string) Value { return Value{Kind: Text, Bytes: []byte(s)} }
	decimal := func(s string) Value { return Value{Kind: Decimal, Bytes: []byte(s)} }
	minus := int64(-1)
	for _, c := range []struct {
		a, b  Value
		equal bool
	}{
		{Value{Kind: Int, Num: 7}, Value{Kind: Uint, Num: 7}, true},
		{Value{Kind: Int, Num: uint64(minus)}, Value{Kind: Uint, Num: 1}, false},
		{text("Ab  "), text("aB"), true},
		{text("a b"), text("ab"), false},
		{decimal("1.500"), decimal("1.5"), true},
		{decimal("10"), decimal("1"), false},
		{decimal("10.00"), decimal("10"), true},
		{Value{Kind: Float, Num: uint64(math.Float32bits(0.5))}, Value{Kind: Double, Num: math.Float64bits(0.5)}, true},
		{Value{Kind: Double, Num: math.Float64bits(math.Copysign(0, -1))}, Value{Kind: Double}, true},
		{Value{Kind: Binary, Bytes: []byte("a")}, Value{Kind: Binary, Bytes: []byte("A")}, false},
	} {
		a, b := Hash(AppendKey(nil, &c.a)), Hash(AppendKey(nil, &c.b))
		if (a == b) != c.equal {
			t.Errorf("%v and %v hash to %x and %x", c.a, c.b, a, b)
		}
	}
	// Spans are cut by this hash: it may never change.
	seven := Value{Kind: Int, Num: 7}
	if got, want := Hash(AppendKey(nil, &seven)), uint64(0x876cd406afde455); got != want {
		t.Errorf("Hash(7) = %#x, want %#x", got, want)
	}
}
