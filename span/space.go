// Package span is the key space of a table: the 64-bit hashes of its rows' handle keys (rows.Hash), and the ranges that it is
// cut into, one for each dispatcher of the table. It is pure: it knows no rows and no dispatchers.
package span

import (
	"fmt"
	"slices"
	"sort"
)

// A Range is the hashes from Start on and below End; an End of 0 is the end of the key space.
type Range struct{ Start, End uint64 }

// Whole tells that the range is the whole key space.
func (r Range) Whole() bool { return r.Start == 0 && r.End == 0 }

// Contains tells that the hash lies in the range.
func (r Range) Contains(hash uint64) bool { return r.Start <= hash && hash <= r.last() }

// String gives "[0x10,0x20)", and "[0x10,)" for a range up to the end of the key space.
func (r Range) String() string {
	if r.End == 0 {
		return fmt.Sprintf("[%#x,)", r.Start)
	}
	return fmt.Sprintf("[%#x,%#x)", r.Start, r.End)
}

// last is the greatest hash in the range: an end of 0 wraps around to it.
func (r Range) last() uint64 { return r.End - 1 }

// Nowhere is the place of a hash that no range holds.
const Nowhere = -1

// A Space finds the range that holds a hash. It does not change, and is safe for concurrent use.
type Space struct {
	cells []cell
	first [256]int32 // by a hash's first byte: the cell of the lowest such hash
	whole bool
}

// A cell is the hashes behind the cell before it, up to last. Cells cover the key space, holes between the ranges too.
type cell struct {
	last  uint64
	place int32
}

// New makes the Space of ranges that are sorted and share no hash. There may be holes between them.
func New(ranges []Range) (*Space, error) {
	s := &Space{whole: len(ranges) == 1 && ranges[0].Whole()}
	next, full := uint64(0), false // the lowest hash that has no cell yet, unless all have
	for i, r := range ranges {
		switch {
		case r.last() < r.Start:
			return nil, fmt.Errorf("the range %s is empty", r)
		case full || r.Start < next:
			return nil, fmt.Errorf("the range %s overlaps the one before it, or is not sorted", r)
		case r.Start > next:
			s.cells = append(s.cells, cell{r.Start - 1, Nowhere})
		}
		s.cells = append(s.cells, cell{r.last(), int32(i)})
		next, full = r.End, r.End == 0
	}
	if !full {
		s.cells = append(s.cells, cell{^uint64(0), Nowhere})
	}
	for b := range s.first {
		s.first[b] = int32(sort.Search(len(s.cells), func(i int) bool { return s.cells[i].last >= uint64(b)<<56 }))
	}
	return s, nil
}

// Whole tells that one range holds all hashes.
func (s *Space) Whole() bool { return s.whole }

// Complete tells that there is no hole: every hash is in a range.
func (s *Space) Complete() bool {
	return !slices.ContainsFunc(s.cells, func(c cell) bool { return c.place == Nowhere })
}

// Place gives the number of the range that holds the hash, in the order given to New, or Nowhere.
func (s *Space) Place(hash uint64) int32 {
	i := s.first[hash>>56]
	for s.cells[i].last < hash {
		i++
	}
	return s.cells[i].place
}
