package types_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the zones are the same on every machine

	"github.com/weir-cdc/weir/test/replay"
)

// moments lie around the changes of clocks, and at the ends of what a TIMESTAMP holds.
var moments = []string{
	"1970-01-01 00:00:01", "1970-01-01 00:00:01.000001", "1999-12-31 23:59:59.999999",
	"2024-03-31 00:59:59.999999", "2024-03-31 01:00:00", "2024-10-27 00:30:00", "2024-10-27 01:30:00", "2024-02-29 12:34:56.789",
	"2024-03-10 06:59:59", "2024-03-10 07:00:00", "2024-11-03 05:30:00", "2024-11-03 06:30:00", "1986-01-01 18:29:59", "2038-01-19 03:14:07.999999",
}

// A TIMESTAMP is written as clocks in --time-zone show it; a DATETIME, and the zero date, are the same everywhere.
func TestTimeZone(t *testing.T) {
	s := connect(t)
	began := s.position()
	s.exec("CREATE DATABASE zones", "CREATE TABLE zones.t (n INT PRIMARY KEY, a TIMESTAMP(6) NULL, b TIMESTAMP NULL, c DATETIME(6), d TIMESTAMP(3) NULL)")
	var rows []string
	for i, m := range moments {
		rows = append(rows, fmt.Sprintf("(%d, '%[2]s', '%[2]s', '%[2]s', '%[2]s')", i, m))
	}
	s.exec("INSERT INTO zones.t VALUES (-1, 0, 0, 0, 0), (-2, NULL, NULL, NULL, NULL), " + strings.Join(rows, ", "))

	// Fixed offsets by the server itself; zones with rules, which its tables may lack, by this program.
	zones := map[string]func(protocol string) map[string]int{}
	for zone, offset := range map[string]string{"Etc/GMT-5": "+05:00", "Etc/GMT+12": "-12:00"} {
		s.exec("SET time_zone = '" + offset + "'")
		want := map[string]map[string]int{}
		for _, p := range protocols {
			want[p] = map[string]int{}
			for _, values := range s.contents("zones", "t", p) {
				want[p][event(replay.Insert, values, nil)]++
			}
		}
		zones[zone] = func(protocol string) map[string]int { return want[protocol] }
	}
	s.exec("SET time_zone = '+00:00'")
	utc := s.contents("zones", "t", "csv")
	for _, zone := range []string{"Europe/Prague", "Australia/Lord_Howe", "Africa/Monrovia"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int{}
		for _, values := range utc {
			want[event(replay.Insert, moved(t, values, location), nil)]++
		}
		zones[zone] = func(string) map[string]int { return want }
	}
	r := s.record("zones", "t", true)
	t.Parallel()
	for zone, want := range zones {
		t.Run(strings.ReplaceAll(zone, "/", " "), func(t *testing.T) {
			t.Parallel()
			protocol := protocols[len(zone)%2]
			r := *r
			r.want = map[string]map[string]int{protocol: want(protocol)}
			checkAll(t, protocol, followFrom(t, protocol, began, "zones.*", "--time-zone", zone), []*recorder{&r})
		})
	}
}

// moved gives the row with its TIMESTAMPs, shown in UTC, as clocks in another place show them.
func moved(t *testing.T, values []replay.Value, to *time.Location) []replay.Value {
	t.Helper()
	row := append([]replay.Value(nil), values...)
	for i, layout := range map[int]string{1: "2006-01-02 15:04:05.000000", 2: "2006-01-02 15:04:05", 4: "2006-01-02 15:04:05.000"} {
		if v := &row[i]; !v.Null && !strings.HasPrefix(v.Text, "0000") {
			at, err := time.Parse(layout, v.Text)
			if err != nil {
				t.Fatal(err)
			}
			v.Text = at.In(to).Format(layout)
		}
	}
	return row
}
