package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/messages"
)

const (
	redrawEvery = 500 * time.Millisecond // on a terminal
	reportEvery = 10 * time.Second       // elsewhere
	rateOver    = 2 * time.Second        // rates are those of the last while of at least this
)

// watch shows the progress until it ends, and gives the last one. Transitions are logged by the actors.
func watch(progress <-chan *messages.FeedStatus, screen *screen, log *logrus.Entry) *messages.FeedStatus {
	every := reportEvery
	if screen.isTerm {
		every = redrawEvery
		defer screen.show("")
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	m := &meter{}
	for {
		select {
		case s, ok := <-progress:
			if !ok {
				return m.last
			}
			m.take(time.Now(), s)
		case now := <-tick.C:
			switch {
			case m.last == nil:
			case screen.isTerm:
				screen.show(m.line(now))
			default:
				log.WithFields(fields(m.last)).WithFields(m.rates(now)).Info("progress")
			}
		}
	}
}

// A meter turns counters into rates.
type meter struct {
	last    *messages.FeedStatus
	samples []sample // at least one at or before rateOver ago, as long as there is one
}

type sample struct {
	at          time.Time
	rows, bytes uint64
}

func (m *meter) take(now time.Time, s *messages.FeedStatus) {
	if m.last != nil && s.Rows < m.last.Rows {
		m.samples = nil // an actor started over, and its counters with it
	}
	m.last = s
	m.samples = append(m.samples, sample{now, s.Rows, s.Bytes})
	for len(m.samples) > 1 && now.Sub(m.samples[1].at) >= rateOver {
		m.samples = m.samples[1:]
	}
}

func (m *meter) perSecond(now time.Time) (rows, bytes float64) {
	if len(m.samples) == 0 {
		return 0, 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	seconds := now.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, 0
	}
	return float64(last.rows-first.rows) / seconds, float64(last.bytes-first.bytes) / seconds
}

func (m *meter) rates(now time.Time) logrus.Fields {
	rows, bytes := m.perSecond(now)
	return logrus.Fields{"rows_per_s": int64(rows), "mb_per_s": fmt.Sprintf("%.1f", bytes/1e6)}
}

// line is the live line. What fits into 80 columns comes first: it is cut at the terminal's width. The reason of a warning
// stands in full in the log above it.
func (m *meter) line(now time.Time) string {
	s := m.last
	rows, bytes := m.perSecond(now)
	parts := []string{stateName(s.State)}
	if s.Reason != "" {
		parts = append(parts, s.Reason)
	}
	parts = append(parts,
		grouped(uint64(rows))+" rows/s",
		fmt.Sprintf("%.1f MB/s", bytes/1e6),
		"lag "+lag(s.LagMs),
		"checkpoint "+clockTime(s.Checkpoint, now),
		plural(s.Spans, "span"),
	)
	if s.Barrier != "" {
		parts = append(parts, "barrier "+s.Barrier)
	}
	return strings.Join(parts, "  ")
}

// fields is a status in the log.
func fields(s *messages.FeedStatus) logrus.Fields {
	if s == nil {
		return nil
	}
	f := logrus.Fields{
		"state": stateName(s.State), "rows": s.Rows, "bytes": s.Bytes, "lag": lag(s.LagMs), "checkpoint_ts": s.Checkpoint,
		"checkpoint": wallTime(s.Checkpoint), "spans": s.Spans, "relay_bytes": s.RelayBytes,
	}
	for name, text := range map[string]string{"barrier": s.Barrier, "reason": s.Reason, "position": s.SourcePosition} {
		if text != "" {
			f[name] = text
		}
	}
	return f
}

func stateName(s messages.FeedState) string {
	return strings.ToLower(strings.TrimPrefix(s.String(), "FEED_"))
}

// wallTime gives the wall time of a commit-ts: its upper bits are Unix milliseconds.
func wallTime(commitTs uint64) string {
	if commitTs == 0 {
		return "none"
	}
	return time.UnixMilli(int64(commitTs >> 18)).Format("2006-01-02 15:04:05.000")
}

// clockTime is wallTime without the date, if that is today's.
func clockTime(commitTs uint64, now time.Time) string {
	text := wallTime(commitTs)
	if time, ok := strings.CutPrefix(text, now.Local().Format("2006-01-02 ")); ok {
		return time
	}
	return text
}

func lag(ms int64) string {
	return (time.Duration(max(ms, 0)) * time.Millisecond).Round(10 * time.Millisecond).String()
}

func plural(n uint64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// grouped writes 1234567 as 1,234,567.
func grouped(n uint64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
