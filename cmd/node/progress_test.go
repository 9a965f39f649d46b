package main

import (
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/messages"
)

func TestMeterRates(t *testing.T) {
	start := time.Unix(1000, 0)
	m := &meter{}
	for i := range 11 {
		m.take(start.Add(time.Duration(i)*500*time.Millisecond), &messages.FeedStatus{Rows: uint64(i * 1000), Bytes: uint64(i * 5e5)})
	}
	rows, bytes := m.perSecond(start.Add(5 * time.Second))
	if rows != 2000 || bytes != 1e6 {
		t.Errorf("got %v rows/s, %v B/s, want 2000, 1e6", rows, bytes)
	}
	// Nothing new for a while: the rate goes down, it does not freeze.
	if rows, _ = m.perSecond(start.Add(13 * time.Second)); rows >= 1000 {
		t.Errorf("after a silence: got %v rows/s, want fewer than 1000", rows)
	}
	// A counter that starts over is no negative rate.
	m.take(start.Add(14*time.Second), &messages.FeedStatus{Rows: 5})
	if rows, _ = m.perSecond(start.Add(15 * time.Second)); rows != 0 {
		t.Errorf("after a restart: got %v rows/s, want 0", rows)
	}
}

func TestLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.Local)
	m := &meter{}
	m.take(at, &messages.FeedStatus{
		State: messages.FeedState_FEED_WARNING, Reason: "disk full", Checkpoint: uint64(at.UnixMilli()) << 18, Spans: 1234,
		LagMs: 230, Barrier: "ddl@5 waiting",
	})
	want := "warning  disk full  0 rows/s  0.0 MB/s  lag 230ms  checkpoint 03:04:05.678  1,234 spans  barrier ddl@5 waiting"
	if got := m.line(at); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := m.line(at.AddDate(0, 0, 1)); !strings.Contains(got, "checkpoint 2026-01-02 03:04:05.678") {
		t.Errorf("on the next day: got %q, want the date too", got)
	}
	m.take(at, &messages.FeedStatus{Spans: 1})
	if got := m.line(at); !strings.HasPrefix(got, "starting") || !strings.Contains(got, "checkpoint none") || !strings.Contains(got, "1 span") {
		t.Errorf("got %q", got)
	}
}

func TestScreen(t *testing.T) {
	var to strings.Builder
	s := &screen{to: &to, width: func() int { return 6 }, isTerm: true}
	s.show("1234567890")
	if got, want := to.String(), clearLine+"12345"; got != want {
		t.Errorf("a long line: got %q, want %q", got, want)
	}
	to.Reset()
	if _, err := s.Write([]byte("log\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := to.String(), clearLine+"log\n12345"; got != want {
		t.Errorf("a log line above the live line: got %q, want %q", got, want)
	}
	to.Reset()
	s.show("")
	if _, err := s.Write([]byte("end\n")); err != nil {
		t.Fatal(err)
	}
	if got, want := to.String(), clearLine+"end\n"; got != want {
		t.Errorf("after the live line: got %q, want %q", got, want)
	}
}
