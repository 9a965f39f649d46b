package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func seconds(s ...float64) []sample {
	all := make([]sample, len(s))
	for i, v := range s {
		all[i] = sample{Wall: time.Duration(v * float64(time.Second)), CPU: time.Second, Peak: 1 << 20}
	}
	return all
}

func TestRatiosCompareWithinARound(t *testing.T) {
	l := loadReport{Load: load{Name: "batches", Rows: 1000}, Bytes: 2e6, Samples: map[string][]sample{
		dump:      seconds(1, 2, 4),
		baseline:  seconds(20, 40, 80),
		tuned:     seconds(10, 20, 40),
		blackhole: seconds(2, 2, 8),
		toCSV:     seconds(4, 8, 16),
		toJSON:    seconds(8, 8, 8),
	}}
	l.summarise(programs{}.contenders())
	want := map[string]float64{toCSV + "/" + dump: 0.25, toCSV + "/" + baseline: 5, blackhole + "/" + dump: 0.5}
	for _, r := range l.Ratios {
		if r.Got != want[r.Of+"/"+r.To] {
			t.Errorf("%s / %s: got %v, want %v", r.Of, r.To, r.Got, want[r.Of+"/"+r.To])
		}
	}
	if m := l.Medians[0]; m.Contender != dump || m.RowsPerSec != 500 || m.MBPerSec != 1 || m.PeakMiB != 1 || m.CPUSeconds != 1 {
		t.Errorf("got %+v", m)
	}
	r := report{Loads: []loadReport{l}, Lag: &lagReport{P99: lagTarget + 1}}
	if got := r.missed(); got != 2 {
		t.Errorf("missed %d targets, want 2", got)
	}
	var out strings.Builder
	r.print(&out)
	for _, part := range []string{"MISSED  weir to csv / mariadb-binlog --raw: 0.25, target 0.30", "reached weir to csv / go-mysql canal, JSON lines: 5.00", "medians of 3 rounds"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("no %q in\n%s", part, out.String())
		}
	}
}

func TestMedian(t *testing.T) {
	same := func(v float64) float64 { return v }
	for _, tt := range []struct {
		of   []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 4}, 4}} {
		if got := median(tt.of, same); got != tt.want {
			t.Errorf("%v: got %v, want %v", tt.of, got, tt.want)
		}
	}
}

func TestSummariseLag(t *testing.T) {
	var lags []time.Duration
	for i := 100; i > 0; i-- {
		lags = append(lags, time.Duration(i)*time.Millisecond)
	}
	got := summariseLag(lags)
	if got.Rows != 100 || got.P50 != 51*time.Millisecond || got.P99 != 99*time.Millisecond || got.Max != 100*time.Millisecond {
		t.Errorf("got %+v", got)
	}
}

func TestLinesAreCountsDataFilesAlone(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "bench/orders/1/CDC000001.json", "a\r\nb\r\n")
	put(t, dir, "bench/orders/1/CDC000002.json", "c\r\n")
	put(t, dir, "bench/orders/1/meta/CDC.json", "x\n")
	put(t, dir, "bench/orders/meta/schema_1_2.json", "x\n")
	put(t, dir, "state.json", "x\n")
	if err := linesAre(3, dir, ".json"); err != nil {
		t.Error(err)
	}
	if err := linesAre(4, dir, ".json"); err == nil || !strings.Contains(err.Error(), "3 rows of 4") {
		t.Errorf("got %v", err)
	}
}

func TestReaderTakesWhatTheIndexNames(t *testing.T) {
	dir := t.TempDir()
	r := &reader{pattern: filepath.Join(dir, "*", "meta", "CDC.index"), read: map[string]int{}, rows: map[int]time.Time{}}
	look := func(want int) {
		t.Helper()
		if err := r.look(); err != nil {
			t.Fatal(err)
		}
		if len(r.rows) != want {
			t.Fatalf("saw %d rows, want %d", len(r.rows), want)
		}
	}
	look(0)
	put(t, dir, "7/CDC000001.csv", "\"I\",\"row-1.\"\r\n")
	put(t, dir, "7/CDC000002.csv", "\"I\",\"row-2.\"\r\n")
	look(0)
	put(t, dir, "7/meta/CDC.index", "CDC000001.csv\n")
	look(1)
	look(1)
	put(t, dir, "7/CDC000003.csv", "\"I\",\"row-1.\"\r\n")
	put(t, dir, "7/meta/CDC.index", "CDC000003.csv\n")
	if err := r.look(); err == nil || !strings.Contains(err.Error(), "again") {
		t.Errorf("a row that came twice: got %v", err)
	}
}

func TestTheSameIdsGiveTheSameRows(t *testing.T) {
	again := insertOrders(5, 10)
	if insertOrders(5, 10) != again || insertOrders(5, 1) == insertOrders(6, 1) {
		t.Error("rows are not a function of their ids")
	}
}

func put(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}
