package sinks

import (
	"fmt"
	"slices"
	"testing"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A periods format has rows of one byte, the end of the row's period; 0 stands for none.
type periods struct{}

func (periods) Compile(*schema.Table, []byte) (rows.Plan, error) { return periods{}, nil }
func (periods) Skip([]byte) (int, uint64, error)                 { return 1, 0, nil }

func (periods) Row(body []byte, dst []rows.Value) (int, error) {
	dst[0] = rows.Value{Kind: rows.Int, Num: uint64(body[0])}
	dst[1] = rows.Value{Kind: rows.Timestamp, Num: uint64(body[0]), Scale: 6}
	if body[0] == 0 {
		dst[1].Num = lastTimestamp
	}
	return 1, nil
}

func TestRowsOfThePast(t *testing.T) {
	columns := []schema.Column{{Name: "n"}, {Name: "row_end", System: "end"}}
	for _, c := range []struct {
		name      string
		versioned bool
		op        rows.Op
		body      string
		want      []string
	}{
		{"insert", true, rows.Insert, "\x00\x05", []string{"1 [] [0]"}},
		{"update, delete, purge of an update, undelete", true, rows.Update, "\x00\x00" + "\x00\x05" + "\x05\x06" + "\x07\x00",
			[]string{"2 [0] [0]", "3 [0] []", "1 [] [0]"}},
		{"delete", true, rows.Delete, "\x05\x00", []string{"3 [0] []"}},
		{"not versioned", false, rows.Insert, "\x00\x05", []string{"1 [] [0]", "1 [] [5]"}},
	} {
		d := NewDecoder(periods{}, &schema.Table{Columns: columns, SystemVersioned: c.versioned})
		var got []string
		err := d.Rows(&messages.Chunk{Op: messages.Op(c.op), Body: []byte(c.body)}, func(op rows.Op, old, new []rows.Value) error {
			got = append(got, fmt.Sprint(op, numbers(old), numbers(new)))
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, %v, want %q", c.name, got, err, c.want)
		}
	}
}

func numbers(row []rows.Value) (n []uint64) {
	for _, v := range row[:min(len(row), 1)] {
		n = append(n, v.Num)
	}
	return n
}
