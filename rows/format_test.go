package rows

import (
	"testing"
	"time"
)

func TestAppendTime(t *testing.T) {
	for _, c := range []struct {
		micros int64
		scale  uint8
		want   string
	}{
		{0, 0, "00:00:00"}, {-1, 6, "-00:00:00.000001"}, {-500_000, 1, "-00:00:00.5"},
		{838*microsPerHour + 59*microsPerMinute + 59*microsPerSecond + 999_999, 6, "838:59:59.999999"},
		{-(838*microsPerHour + 59*microsPerMinute + 59*microsPerSecond), 0, "-838:59:59"},
		{99*microsPerHour + 1_020_000, 2, "99:00:01.02"}, {100 * microsPerHour, 0, "100:00:00"},
	} {
		if got := string(AppendTime(nil, c.micros, c.scale)); got != c.want {
			t.Errorf("AppendTime(%d, %d) = %s, want %s", c.micros, c.scale, got, c.want)
		}
	}
}

func TestAppendDateTime(t *testing.T) {
	for _, c := range []struct {
		y, m, d int
		micros  uint64
		scale   uint8
		want    string
	}{
		{0, 0, 0, 0, 0, "0000-00-00 00:00:00"}, {0, 0, 0, 0, 3, "0000-00-00 00:00:00.000"},
		{9999, 12, 31, microsPerDay - 1, 6, "9999-12-31 23:59:59.999999"}, {2024, 0, 31, 1, 0, "2024-00-31 00:00:00"},
		{1, 2, 3, 4*microsPerHour + 5*microsPerMinute + 6*microsPerSecond + 78_900, 4, "0001-02-03 04:05:06.0789"},
	} {
		packed := PackDateTime(PackDate(c.y, c.m, c.d), c.micros)
		if got := string(AppendDateTime(nil, packed, c.scale)); got != c.want {
			t.Errorf("AppendDateTime(%v) = %s, want %s", c, got, c.want)
		}
	}
	if got, want := string(AppendDate(nil, PackDate(1970, 0, 7))), "1970-00-07"; got != want {
		t.Errorf("AppendDate = %s, want %s", got, want)
	}
	if got, want := string(AppendYear(AppendYear(nil, 0), 2155)), "00002155"; got != want {
		t.Errorf("AppendYear = %s, want %s", got, want)
	}
}

// Each day of four centuries and more, and a zone with changing offsets, against package time.
func TestAppendTimestamp(t *testing.T) {
	zone, err := time.LoadLocation("America/St_Johns")
	if err != nil {
		t.Fatal(err)
	}
	for _, loc := range []*time.Location{time.UTC, zone} {
		for sec := int64(-3_000_000_000); sec < 12_000_000_000; sec += 86_399 {
			want := time.Unix(sec, 123_456_000).In(loc).Format("2006-01-02 15:04:05.000000")
			if got := string(AppendTimestamp(nil, sec*microsPerSecond+123_456, 6, loc)); got != want {
				t.Fatalf("AppendTimestamp(%d, %s) = %s, want %s", sec, loc, got, want)
			}
		}
	}
	if got, want := string(AppendTimestamp(nil, 0, 2, zone)), "0000-00-00 00:00:00.00"; got != want {
		t.Errorf("AppendTimestamp of zero = %s, want %s", got, want)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 64)
	n := testing.AllocsPerRun(100, func() {
		buf = AppendDateTime(buf[:0], PackDateTime(PackDate(2024, 2, 29), 1), 6)
		buf = AppendDouble(buf[:0], 0x3ff3c0ca428c59fb, NoScale)
		buf = AppendFloat(buf[:0], 0x3ff3c0ca, NoScale)
		buf = AppendTime(buf[:0], -1, 6)
		buf = AppendTimestamp(buf[:0], 1_700_000_000_000_000, 6, time.UTC)
	})
	if n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkAppendDateTime(b *testing.B) {
	var buf []byte
	for b.Loop() {
		buf = AppendDateTime(buf[:0], PackDateTime(PackDate(2024, 2, 29), 12345678), 0)
	}
}

func BenchmarkAppendTimestampLocal(b *testing.B) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	for b.Loop() {
		buf = AppendTimestamp(buf[:0], 1_700_000_000_000_000, 0, zone)
	}
}
