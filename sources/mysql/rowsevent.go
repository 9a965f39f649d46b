package mysql

import (
	"encoding/binary"

	"github.com/weir-cdc/weir/rows"
)

// A rowsHeader is what a rows event says before the row images.
type rowsHeader struct {
	table uint64
	op    rows.Op
	full  bool // all columns are present
	at    int  // of the row images, in the event
}

const rowsFixed = headerSize + 8 // table id in 6 bytes, flags in 2

// rowsBody reads the header of a rows event of the type kind.
func rowsBody(e []byte, kind byte) (h rowsHeader, ok bool) {
	if len(e) < rowsFixed+2 {
		return h, false
	}
	h.table = tableID(e)
	h.at = rowsFixed
	base := kind - writeRowsV1
	if kind >= writeRowsV2 {
		base = kind - writeRowsV2
		extra := int(binary.LittleEndian.Uint16(e[rowsFixed:])) // its own two bytes included
		if extra < 2 || len(e) < rowsFixed+extra+1 {
			return h, false
		}
		h.at += extra
	}
	switch base {
	case 0:
		h.op = rows.Insert
	case 1:
		h.op = rows.Update
	case 2:
		h.op = rows.Delete
	}
	columns, n := lenenc(e[h.at:])
	if n == 0 || columns > 1<<16 {
		return h, false
	}
	h.at += n
	bitmaps := 1
	if h.op == rows.Update {
		bitmaps = 2
	}
	size := (int(columns) + 7) / 8
	if len(e) < h.at+bitmaps*size {
		return h, false
	}
	h.full = true
	for range bitmaps {
		h.full = h.full && allOnes(e[h.at:h.at+size], int(columns))
		h.at += size
	}
	return h, true
}

// tableID reads the table id of a table map or rows event.
func tableID(e []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(e[headerSize:])) | uint64(binary.LittleEndian.Uint16(e[headerSize+4:]))<<32
}

// allOnes tells whether the first n bits are all set.
func allOnes(bitmap []byte, n int) bool {
	for i, b := range bitmap {
		want := byte(0xff)
		if rest := n - 8*i; rest < 8 {
			want = 1<<rest - 1
		}
		if b&want != want {
			return false
		}
	}
	return true
}
