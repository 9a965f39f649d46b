package image

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// An update's event holds pairs of images, before and after; many rows follow one another.
func TestUpdatesAgainstServer(t *testing.T) {
	run(t, "CREATE DATABASE IF NOT EXISTS t; USE t; SET NAMES utf8mb4; SET sql_mode=''; DROP TABLE IF EXISTS u; "+
		"CREATE TABLE u(a INT, b VARCHAR(5) CHARACTER SET latin1, c DECIMAL(5,2) INVISIBLE DEFAULT 1, d INT AS (a * 2) VIRTUAL, e INT AS (a * 3) STORED, PRIMARY KEY(a))")
	events := capture(t, func() {
		run(t, "INSERT INTO u(a, b) VALUES (1, 'é'), (2, NULL)")
		run(t, "UPDATE u SET b = CONCAT('x', b), c = NULL")
		run(t, "DELETE FROM u WHERE a = 2")
	})
	got := decode(t, define(t, "u"), events)
	want := [][]string{
		{"1", "é", "1.00", "2", "3"}, {"2", "NULL", "1.00", "4", "6"},
		{"1", "é", "1.00", "2", "3"}, {"1", "xé", "NULL", "2", "3"}, {"2", "NULL", "1.00", "4", "6"}, {"2", "NULL", "NULL", "4", "6"},
		{"2", "NULL", "NULL", "4", "6"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if len(events) != 3 || events[0].update || !events[1].update {
		t.Errorf("%d events", len(events))
	}
}

// The count of columns takes three bytes from 251 on.
func TestWideTableAgainstServer(t *testing.T) {
	var columns, values []string
	for i := range 300 {
		columns = append(columns, fmt.Sprintf("c%d VARCHAR(3) CHARACTER SET ascii", i))
		values = append(values, []string{"NULL", fmt.Sprintf("'%d'", i)}[i%2])
	}
	run(t, "CREATE DATABASE IF NOT EXISTS t; USE t; DROP TABLE IF EXISTS wide; CREATE TABLE wide("+strings.Join(columns, ", ")+")")
	events := capture(t, func() { run(t, "INSERT INTO wide VALUES ("+strings.Join(values, ", ")+")") })
	got := decode(t, define(t, "wide"), events)
	for i := range values {
		if want := strings.Trim(values[i], "'"); got[0][i] != want {
			t.Errorf("column %d: got %s, want %s", i, got[0][i], want)
		}
	}
}

// A key hashes alike before and after an ALTER that moves, adds and widens columns.
func TestHashOutlivesAlter(t *testing.T) {
	hashes := func(key ...string) (all []uint64) {
		event := capture(t, func() { run(t, "INSERT INTO h(k, l) VALUES (-1, 'é'), (2, 'b')") })[0]
		table := define(t, "h")
		table.Handle = nil
		for _, name := range key {
			table.Handle = append(table.Handle, slices.IndexFunc(table.Columns, func(c schema.Column) bool { return c.Name == name }))
		}
		plan := compiled(t, table, event.layout)
		for body := event.body; len(body) > 0; {
			n, hash, err := plan.Skip(body)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, hash)
			body = body[n:]
		}
		return all
	}
	run(t, "CREATE DATABASE IF NOT EXISTS t; USE t; DROP TABLE IF EXISTS h; SET NAMES utf8mb4; "+
		"CREATE TABLE h(k INT, l VARCHAR(9) CHARACTER SET latin1, x INT, PRIMARY KEY(k, l))")
	before := hashes("k", "l")
	run(t, "TRUNCATE h; ALTER TABLE h ADD y TEXT AFTER k, MODIFY k BIGINT, MODIFY l VARCHAR(99) CHARACTER SET utf8mb4 FIRST")
	after := hashes("k", "l")
	if !slices.Equal(before, after) || len(after) != 2 || after[0] == after[1] {
		t.Errorf("hashes %x before, %x after", before, after)
	}
}

// TIMESTAMPs are instants: the session's zone shifts what is written, not what is read.
func TestTimestampIsAnInstant(t *testing.T) {
	run(t, "CREATE DATABASE IF NOT EXISTS t; USE t; DROP TABLE IF EXISTS z; CREATE TABLE z(at TIMESTAMP(3) NULL)")
	events := capture(t, func() {
		run(t, "SET time_zone = '+05:30'; INSERT INTO z VALUES ('2024-02-29 05:30:00.250'); SET time_zone = '+00:00'")
	})
	plan := compiled(t, define(t, "z"), events[0].layout)
	var values [1]rows.Value
	if _, err := plan.Row(events[0].body, values[:]); err != nil {
		t.Fatal(err)
	}
	want := time.Date(2024, 2, 29, 0, 0, 0, 250_000_000, time.UTC).UnixMicro()
	if got := int64(values[0].Num); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

// MySQL has a type number for VECTOR, MariaDB writes it as a VARBINARY: either is its bytes.
func TestVector(t *testing.T) {
	table := &schema.Table{Columns: []schema.Column{{Type: schema.Vector}}}
	for name, c := range map[string]struct {
		layout []byte
		image  []byte
	}{
		"mysql":   {Layout([]byte{byte(wireVector)}, []byte{4}), []byte{0xFE, 4, 0, 0, 0, 0, 0, 0x80, 0x3F}},
		"mariadb": {Layout([]byte{byte(wireVarChar)}, []byte{4, 0}), []byte{0xFE, 4, 0, 0, 0x80, 0x3F}},
	} {
		var values [1]rows.Value
		n, err := compiled(t, table, c.layout).Row(c.image, values[:])
		if err != nil || n != len(c.image) || values[0].Kind != rows.Binary || string(values[0].Bytes) != "\x00\x00\x80\x3F" {
			t.Errorf("%s: Row = %d, %v: %x", name, n, err, values[0].Bytes)
		}
	}
}

// Damaged compressed values are refused, however much they claim to be.
func TestDamagedCompression(t *testing.T) {
	table := &schema.Table{Schema: "s", Name: "t", Columns: []schema.Column{{Name: "c", Type: schema.LongBlob}}}
	plan := compiled(t, table, Layout([]byte{byte(wireBlobCompressed)}, []byte{4}))
	deflated := []byte{0x58, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x57, 0xC8, 0x18, 0x25, 0x47, 0x49, 0xAA, 0x92, 0x00}[1:]
	for name, value := range map[string][]byte{
		"another method": {0x10, 1, 2, 3},
		"no length":      {0x88},
		"longer claim":   append([]byte{0x8C, 0xFF, 0xFF, 0xFF, 0xFF}, deflated...),
		"shorter claim":  append([]byte{0x89, 5}, deflated...),
		"no deflate":     {0x8A, 2, 0x58, 0xFF, 0xFF, 0xFF},
		"no zlib":        {0x82, 2, 0x58, 0xFF, 0xFF, 0xFF},
	} {
		image := append([]byte{0xFE, byte(len(value)), 0, 0, 0}, value...)
		var values [1]rows.Value
		if _, err := plan.Row(image, values[:]); err == nil || !strings.Contains(err.Error(), "s.t: column c at byte 1: it ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
