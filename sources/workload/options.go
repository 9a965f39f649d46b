package workload

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options are what the URI says: equal options give equal transactions.
type Options struct {
	Seed         uint64
	Tables       int           // branches
	Rows         int           // accounts that a branch begins with
	Rate         int           // transactions a second; 0: as fast as they can be made
	Transactions uint64        // after which nothing comes; 0: no end
	DDL          time.Duration // of event time between reorganisations; 0: none
	Start        time.Time     // event time of position 0
	Live         bool          // Start was given: transaction n cannot be had before its event time
}

const (
	nominalRate = 1000 // that event times go by, where Rate is 0
	mostRate    = 10_000_000
	mostTables  = 100_000
	mostRows    = 1_000_000
)

// Defaults are the options of the URI workload://bank.
func Defaults() Options {
	return Options{Seed: 1, Tables: 8, Rows: 100, Rate: 1000, DDL: 30 * time.Second,
		Start: time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)}
}

// ParseURI reads workload://bank?seed=1&tables=8&rows=100&rate=1000&transactions=0&ddl=30s&start=2024-01-01T00:00:00Z.
func ParseURI(uri string) (Options, error) {
	o := Defaults()
	u, err := url.Parse(uri)
	if err != nil {
		return o, fmt.Errorf("read the source URI: it is no URI: use one like workload://%s?seed=1", Database)
	}
	if u.Scheme != "workload" || u.Host != Database || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return o, fmt.Errorf("source URI %q: the only workload is workload://%s", u.Redacted(), Database)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return o, fmt.Errorf("read the options of the source URI: %w", err)
	}
	for _, name := range slices.Sorted(keys(query)) {
		if len(query[name]) != 1 {
			return o, fmt.Errorf("source workload: option %s is given %d times; give it once", name, len(query[name]))
		}
		if err := o.set(name, query[name][0]); err != nil {
			return o, err
		}
	}
	return o, nil
}

func keys(query url.Values) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for name := range query {
			if !yield(name) {
				return
			}
		}
	}
}

func (o *Options) set(name, value string) (err error) {
	fix := ""
	number := func(least, most int) int {
		n, e := strconv.Atoi(value)
		if e != nil || n < least || n > most {
			fix = fmt.Sprintf("use a whole number from %d to %d", least, most)
		}
		return n
	}
	switch name {
	case "seed":
		if o.Seed, err = strconv.ParseUint(value, 10, 64); err != nil {
			fix = "use a whole number from 0 on"
		}
	case "tables":
		o.Tables = number(1, mostTables)
	case "rows":
		o.Rows = number(1, mostRows)
	case "rate":
		o.Rate = number(0, mostRate)
	case "transactions":
		if o.Transactions, err = strconv.ParseUint(value, 10, 64); err != nil {
			fix = "use a whole number, 0 for no end"
		}
	case "ddl":
		if o.DDL, err = time.ParseDuration(value); err != nil || o.DDL < 0 {
			fix = "use a duration such as 30s, 0 for none"
		}
	case "start":
		o.Live = true
		if o.Start, err = time.Parse(time.RFC3339, value); err != nil || o.Start.Before(time.Unix(1, 0)) {
			fix = "use a time such as 2024-01-01T00:00:00Z, from 1970 on"
		}
	default:
		return fmt.Errorf("source workload: unknown option %q: known are ddl, rate, rows, seed, start, tables, transactions", name)
	}
	if fix != "" {
		return fmt.Errorf("source workload: option %s=%q: %s", name, value, fix)
	}
	return nil
}

func (o *Options) eventRate() uint64 {
	if o.Rate == 0 {
		return nominalRate
	}
	return uint64(o.Rate)
}

// wallMs is transaction n's event time.
func (o *Options) wallMs(n uint64) int64 {
	rate := o.eventRate()
	return o.Start.UnixMilli() + int64(n/rate*1000+n%rate*1000/rate)
}

// commitTs is transaction n's commit-ts: the recurrence that all sources share, begun at Start and solved for n, which
// it can be because event times grow evenly.
func (o *Options) commitTs(n uint64) uint64 {
	rate := o.eventRate()
	ms := n/rate*1000 + n%rate*1000/rate
	first := ms/1000*rate + (ms%1000*rate+999)/1000 // the first transaction in that millisecond
	return uint64(o.Start.UnixMilli()+int64(ms))<<18 + n - first
}

// ddlEvery is how many transactions lie between reorganisations; 0: there are none.
func (o *Options) ddlEvery() uint64 {
	if o.DDL == 0 {
		return 0
	}
	return max(1, uint64(o.DDL.Seconds()*float64(o.eventRate())))
}
