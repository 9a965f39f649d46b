package rows

import (
	"math"
	"testing"
)

// The wanted texts are what MariaDB 10.11 answers to a SELECT of the value.
func TestAppendFloat(t *testing.T) {
	for _, c := range []struct {
		value float32
		scale uint8
		want  string
	}{
		{1e14, NoScale, "100000000000000"}, {1e15, NoScale, "1e15"}, {1e16, NoScale, "1e16"},
		{123456.789, NoScale, "123457"}, {0.1, NoScale, "0.1"}, {1.5e-14, NoScale, "0.000000000000015"},
		{1.5e-15, NoScale, "0.0000000000000015"}, {1.234567e-10, NoScale, "0.000000000123457"},
		{3.4028234e38, NoScale, "3.40282e38"}, {1e-45, NoScale, "1.4013e-45"}, {16777216, NoScale, "16777200"},
		{float32(math.Copysign(0, -1)), NoScale, "0"}, {9999999, NoScale, "10000000"}, {999999.5, NoScale, "1000000"},
		{2147483647, NoScale, "2147480000"}, {1e-5, NoScale, "0.00001"}, {1e-16, NoScale, "1e-16"}, {-0.0004, NoScale, "-0.0004"},
		{123456789012345.6, NoScale, "123457000000000"}, {1.23456, 3, "1.235"}, {1234567.891, 3, "1234567.875"},
		{float32(math.Copysign(0, -1)), 3, "0.000"}, {1e15, 0, "999999986991104"},
	} {
		if got := string(AppendFloat(nil, uint64(math.Float32bits(c.value)), c.scale)); got != c.want {
			t.Errorf("AppendFloat(%g, %d) = %s, want %s", c.value, c.scale, got, c.want)
		}
	}
}

func TestAppendFloatExact(t *testing.T) {
	for value, want := range map[float32]string{16777216: "16777216", 123456.789: "123456.79", 1e-45: "1e-45", 0.1: "0.1", 3.4028234e38: "3.4028235e38"} {
		if got := string(AppendFloatExact(nil, uint64(math.Float32bits(value)), NoScale)); got != want {
			t.Errorf("AppendFloatExact(%g) = %s, want %s", value, got, want)
		}
	}
}

// The wanted texts are what MariaDB 10.11 answers to a SELECT of the value.
func TestAppendDouble(t *testing.T) {
	for _, c := range []struct {
		value float64
		scale uint8
		want  string
	}{
		{1e14, NoScale, "100000000000000"}, {1e15, NoScale, "1e15"}, {123456.789, NoScale, "123456.789"},
		{1.234567891234567e-10, NoScale, "0.0000000001234567891234567"}, {math.MaxFloat64, NoScale, "1.7976931348623157e308"},
		{5e-324, NoScale, "5e-324"}, {123456789012345678, NoScale, "1.2345678901234568e17"}, {99999999999999999, NoScale, "1e17"},
		{999999999999999.5, NoScale, "999999999999999.5"}, {9007199254740993, NoScale, "9.007199254740992e15"},
		{1.1234e-14, NoScale, "0.000000000000011234"}, {1e-15, NoScale, "0.000000000000001"}, {1e-16, NoScale, "1e-16"},
		{1234567890123456.5, NoScale, "1234567890123456.5"}, {12345678901234567.5, NoScale, "1.2345678901234568e16"},
		{1.2345678901234567, NoScale, "1.2345678901234567"}, {-42, NoScale, "-42"}, {0, NoScale, "0"},
		{1.23456, 4, "1.2346"}, {1e15, 4, "1000000000000000.0000"},
	} {
		if got := string(AppendDouble(nil, math.Float64bits(c.value), c.scale)); got != c.want {
			t.Errorf("AppendDouble(%g, %d) = %s, want %s", c.value, c.scale, got, c.want)
		}
	}
}

func BenchmarkAppendDouble(b *testing.B) {
	var buf []byte
	for b.Loop() {
		buf = AppendDouble(buf[:0], math.Float64bits(123456.789), NoScale)
	}
}
