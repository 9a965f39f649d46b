package image

import (
	"encoding/binary"
	"slices"
)

// A stride is a step over an image in which no column is NULL: over neighbours of fixed widths at once, then over one value with
// its length in front, if it ends at one.
type stride struct {
	fixed  int32
	prefix uint8
	mark   int32 // the column that begins here, if Skip reads that, else absent
}

// strides gives the steps over all columns; each column of the handle key begins one.
func strides(extents []extent, handle []int) []stride {
	var steps []stride
	open := false // the last step may go on
	for i, e := range extents {
		key := slices.Contains(handle, i)
		if !open || key {
			steps = append(steps, stride{mark: absent})
			open = true
		}
		s := &steps[len(steps)-1]
		if key {
			s.mark = int32(i)
		}
		if e.prefix == 0 {
			s.fixed += e.width
		} else {
			s.prefix, open = e.prefix, false
		}
	}
	return steps
}

// walk returns where the image ends of which the first value begins at pos, or short, and notes where the marked columns begin.
func walk(steps []stride, body []byte, pos int, starts []int) int {
	for i := range steps {
		s := &steps[i]
		if s.mark >= 0 {
			starts[s.mark] = pos
		}
		pos += int(s.fixed)
		rest := len(body) - pos
		switch s.prefix {
		case 0:
		case 1:
			if rest < 1 {
				return short
			}
			pos += 1 + int(body[pos])
		case 2:
			if rest < 2 {
				return short
			}
			pos += 2 + int(binary.LittleEndian.Uint16(body[pos:]))
		default:
			if rest < int(s.prefix) {
				return short
			}
			pos += int(s.prefix) + int(littleEndian(body[pos:pos+int(s.prefix)]))
		}
	}
	if pos > len(body) {
		return short
	}
	return pos
}
