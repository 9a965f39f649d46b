package sinks

import (
	"math"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A system-versioned table keeps its past in itself: an update of a row inserts the old one with the end of its period,
// and a delete sets that end. Its stream has all of them. What goes downstream is the table of the present, what a plain
// SELECT shows: an update is an update, a delete a delete, and rows of the past are none.

// The ends of the periods of rows that are there, in microseconds: the last that a TIMESTAMP holds, since MariaDB 11.5 in
// 32 bits without a sign.
const (
	lastTimestamp = (math.MaxInt32+1)*1_000_000 - 1
	lastUnsigned  = (math.MaxUint32+1)*1_000_000 - 1
)

// periodEnd gives the offset of the column ROW END, -1 if the table is not system-versioned.
func periodEnd(t *schema.Table) int {
	if t.SystemVersioned {
		for i := range t.Columns {
			if t.Columns[i].System == "end" {
				return i
			}
		}
	}
	return -1
}

// current gives what a row event means for the table of the present; the operation is 0 if that is nothing.
func (d *Decoder) current(op rows.Op, old, new []rows.Value) (rows.Op, []rows.Value, []rows.Value) {
	if d.end < 0 {
		return op, old, new
	}
	was := op != rows.Insert && endless(&old[d.end])
	is := op != rows.Delete && endless(&new[d.end])
	switch {
	case was && is:
		return rows.Update, old, new
	case was:
		return rows.Delete, old, nil
	case is:
		return rows.Insert, nil, new
	}
	return 0, nil, nil
}

// endless tells that a period has not ended. Of one that is counted in transactions the end is the highest number.
func endless(end *rows.Value) bool {
	if end.Kind == rows.Uint {
		return end.Num == math.MaxUint64
	}
	return end.Num == lastTimestamp || end.Num == lastUnsigned
}
