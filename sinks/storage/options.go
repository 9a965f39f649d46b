package storage

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/codec"
	_ "github.com/weir-cdc/weir/codec/all" // a folder may be written in any protocol
	"github.com/weir-cdc/weir/sinks"
)

func init() { sinks.Register("file", open) }

// Options are what the URI says.
type options struct {
	dir           string
	codec         codec.Codec
	flushInterval time.Duration
	fileSize      int64
	workers       int
	dates         dateFormat
	digits        int
	tableIDPath   bool
	columnID      bool
	expireDays    int
}

// A dateFormat is the time layout of a date directory, "" for none.
type dateFormat string

var dateFormats = map[string]dateFormat{"none": "", "year": "2006", "month": "2006-01", "day": "2006-01-02"}

// of gives the date directory of a commit-ts.
func (f dateFormat) of(commitTs uint64) string {
	if f == "" {
		return ""
	}
	return time.UnixMilli(int64(commitTs >> 18)).UTC().Format(string(f))
}

// is tells whether a directory's name is a date.
func (f dateFormat) is(name string) bool {
	_, err := time.Parse(string(f), name)
	return f != "" && err == nil
}

func open(u *url.URL, env sinks.Env) (*actor.Props, error) {
	o, err := parse(u)
	if err != nil {
		return nil, err
	}
	return props(env, o), nil
}

// parse reads the URI; options that are not the sink's own are the protocol's.
func parse(u *url.URL) (*options, error) {
	if u.Host != "" || !filepath.IsAbs(u.Path) {
		return nil, errors.New("the folder is no absolute path: use file:///path/to/folder")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("read the options: %w: use ?name=value&name=value", err)
	}
	r := reader{query}
	o := &options{dir: filepath.Clean(u.Path)}
	protocol := r.take("protocol", "csv")
	var errs [9]error
	o.flushInterval, errs[0] = r.duration("flush-interval", 5*time.Second)
	o.fileSize, errs[1] = r.size("file-size", 64<<20)
	o.workers, errs[2] = r.number("worker-count", 8, 1, 512)
	o.dates, errs[3] = r.date("date-separator", "day")
	o.digits, errs[4] = r.number("file-index-digit", 20, 6, 20)
	o.tableIDPath, errs[5] = r.bool("use-table-id-as-path")
	o.columnID, errs[6] = r.bool("output-column-id")
	o.expireDays, errs[7] = r.number("file-expiration-days", 0, 0, 1<<20)
	if o.expireDays > 0 && o.dates != dateFormats["day"] {
		errs[8] = errors.New("option file-expiration-days needs date-separator=day")
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	o.codec, err = codec.Open(protocol, r.values)
	return o, err
}

// A reader takes options out of a query.
type reader struct{ values url.Values }

func (r reader) take(name, missing string) string {
	if !r.values.Has(name) {
		return missing
	}
	v := r.values.Get(name)
	r.values.Del(name)
	return v
}

func (r reader) duration(name string, missing time.Duration) (time.Duration, error) {
	s := r.take(name, missing.String())
	d, err := time.ParseDuration(s)
	if err != nil || d < time.Millisecond || d > time.Hour {
		return 0, fmt.Errorf("option %s=%q: use a duration from 1ms to 1h, like 5s", name, s)
	}
	return d, nil
}

func (r reader) size(name string, missing int64) (int64, error) {
	s := r.take(name, strconv.FormatInt(missing, 10))
	digits, shift := s, 0
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if strings.HasSuffix(s, unit) {
			digits, shift = strings.TrimSuffix(s, unit), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("option %s=%q: use a number of bytes, or of KiB, MiB or GiB, like 64MiB", name, s)
	}
	return n << shift, nil
}

func (r reader) number(name string, missing, least, most int) (int, error) {
	s := r.take(name, strconv.Itoa(missing))
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("option %s=%q: use a number from %d to %d", name, s, least, most)
	}
	return n, nil
}

func (r reader) bool(name string) (bool, error) {
	switch s := r.take(name, "false"); s {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, fmt.Errorf("option %s=%q: use true or false", name, s)
	}
}

func (r reader) date(name, missing string) (dateFormat, error) {
	s := r.take(name, missing)
	f, known := dateFormats[s]
	if !known {
		return "", fmt.Errorf("option %s=%q: use none, year, month or day", name, s)
	}
	return f, nil
}
