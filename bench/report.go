package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// A report is all that a run measured.
type report struct {
	Loads []loadReport `json:"loads"`
	Lag   *lagReport   `json:"lag,omitempty"`
}

// A loadReport is one load, read by all contenders in turn, several times.
type loadReport struct {
	Load    load                `json:"load"`
	Bytes   int64               `json:"binlog_bytes"`
	Samples map[string][]sample `json:"samples"` // by contender, in the order of the rounds
	Medians []medians           `json:"medians"`
	Ratios  []ratio             `json:"ratios"`
}

// medians are a contender's numbers.
type medians struct {
	Contender    string  `json:"contender"`
	RowsPerSec   float64 `json:"rows_per_second"`
	MBPerSec     float64 `json:"mb_per_second"` // of binlog
	CPUSeconds   float64 `json:"cpu_seconds"`
	PeakMiB      float64 `json:"peak_mib"`
	OfTheDump    float64 `json:"of_the_dump"`
	OfTheBase    float64 `json:"of_the_baseline"`
	WallSeconds  float64 `json:"wall_seconds"`
	RowsPerCPUms float64 `json:"rows_per_cpu_ms"`
}

// A ratio is a target: how fast one contender is beside another in the same round, the median of all rounds.
type ratio struct {
	Of     string  `json:"of"`
	To     string  `json:"to"`
	Target float64 `json:"target"`
	Got    float64 `json:"got"`
}

// targets by load.
var targets = map[string][]ratio{
	"batches": {
		{Of: toCSV, To: dump, Target: 0.3},
		{Of: toCSV, To: baseline, Target: 4},
		{Of: blackhole, To: dump, Target: 0.5},
	},
	"singles": {
		{Of: toCSV, To: baseline, Target: 1.5},
	},
}

// summarise computes medians and ratios from the samples.
func (l *loadReport) summarise(contenders []contender) {
	l.Medians, l.Ratios = nil, nil
	for _, c := range contenders {
		samples := l.Samples[c.name]
		wall := median(samples, func(s sample) float64 { return s.Wall.Seconds() })
		cpu := median(samples, func(s sample) float64 { return s.CPU.Seconds() })
		l.Medians = append(l.Medians, medians{
			Contender:    c.name,
			RowsPerSec:   float64(l.Load.Rows) / wall,
			MBPerSec:     float64(l.Bytes) / wall / 1e6,
			CPUSeconds:   cpu,
			PeakMiB:      median(samples, func(s sample) float64 { return float64(s.Peak) / (1 << 20) }),
			OfTheDump:    l.speed(c.name, dump),
			OfTheBase:    l.speed(c.name, baseline),
			WallSeconds:  wall,
			RowsPerCPUms: float64(l.Load.Rows) / cpu / 1e3,
		})
	}
	for _, r := range targets[l.Load.Name] {
		r.Got = l.speed(r.Of, r.To)
		l.Ratios = append(l.Ratios, r)
	}
}

// speed is the median, over the rounds, of how many times as fast one was as the other.
func (l *loadReport) speed(of, to string) float64 {
	a, b := l.Samples[of], l.Samples[to]
	rounds := make([]int, min(len(a), len(b)))
	for i := range rounds {
		rounds[i] = i
	}
	return median(rounds, func(i int) float64 { return b[i].Wall.Seconds() / a[i].Wall.Seconds() })
}

func median[T any](of []T, value func(T) float64) float64 {
	if len(of) == 0 {
		return 0
	}
	values := make([]float64, len(of))
	for i, v := range of {
		values[i] = value(v)
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// missed counts the targets that were not reached.
func (r *report) missed() int {
	n := 0
	for _, l := range r.Loads {
		for _, t := range l.Ratios {
			if t.Got < t.Target {
				n++
			}
		}
	}
	if r.Lag != nil && r.Lag.P99 > lagTarget {
		n++
	}
	return n
}

func (r *report) print(w io.Writer) {
	for _, l := range r.Loads {
		fmt.Fprintf(w, "\n%s: %d rows, %d a transaction, %.0f MB of binlog, %.0f bytes a row; medians of %d rounds\n\n",
			l.Load.Name, l.Load.Rows, l.Load.PerTxn, float64(l.Bytes)/1e6, float64(l.Bytes)/float64(l.Load.Rows), len(l.Samples[dump]))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "\trows/s\tMB/s\tCPU s\trows/CPU ms\tpeak MiB\tof dump\tof baseline\t")
		for _, m := range l.Medians {
			fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.2f\t%.0f\t%.0f\t%.2f\t%.2f\t\n",
				m.Contender, m.RowsPerSec, m.MBPerSec, m.CPUSeconds, m.RowsPerCPUms, m.PeakMiB, m.OfTheDump, m.OfTheBase)
		}
		t.Flush()
		fmt.Fprintln(w)
		for _, x := range l.Ratios {
			fmt.Fprintf(w, "  %-7s %s / %s: %.2f, target %.2f\n", verdict(x.Got >= x.Target), x.Of, x.To, x.Got, x.Target)
		}
	}
	if r.Lag != nil {
		fmt.Fprintf(w, "\nidle lag, commit to durable file with a %v flush, %d rows: p50 %v, p99 %v, max %v\n\n  %-7s p99 below %v\n",
			lagFlush, r.Lag.Rows, r.Lag.P50.Round(time.Millisecond), r.Lag.P99.Round(time.Millisecond), r.Lag.Max.Round(time.Millisecond),
			verdict(r.Lag.P99 <= lagTarget), lagTarget)
	}
}

func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "MISSED"
}
