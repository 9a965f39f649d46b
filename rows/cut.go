package rows

import (
	"fmt"

	"github.com/weir-cdc/weir/span"
)

// A Piece is row images of a body, one after the other, that are one operation in one place of the key space.
type Piece struct {
	Place      int32 // of the Space's ranges, or span.Nowhere
	Op         Op
	Start, End int // body[Start:End] are its images
}

// Cut appends the pieces that a body of the operation falls into, in the body's order and as large as can be, without decoding
// more than keys. An update whose images lie in different places is a delete where the first lies and an insert where
// the second does: it carries both images, so each place has all that it needs. What a delete and an insert mean for keys
// that only the server holds equal is told at Hash.
func Cut(dst []Piece, plan Plan, space *span.Space, op Op, body []byte) ([]Piece, error) {
	if op == Update {
		return cutUpdates(dst, plan, space, body)
	}
	if op != Insert && op != Delete {
		return dst, fmt.Errorf("unknown operation %d", op)
	}
	first := len(dst)
	for at := 0; at < len(body); {
		n, hash, err := plan.Skip(body[at:])
		if err != nil {
			return dst[:first], err
		}
		dst = join(dst, first, Piece{space.Place(hash), op, at, at + n})
		at += n
	}
	return dst, nil
}

func cutUpdates(dst []Piece, plan Plan, space *span.Space, body []byte) ([]Piece, error) {
	first := len(dst)
	for at := 0; at < len(body); {
		n, hash, err := plan.Skip(body[at:])
		if err != nil {
			return dst[:first], err
		}
		before, middle := space.Place(hash), at+n
		if n, hash, err = plan.Skip(body[middle:]); err != nil {
			return dst[:first], err
		}
		after, end := space.Place(hash), middle+n
		if before == after {
			dst = join(dst, first, Piece{before, Update, at, end})
		} else {
			dst = join(dst, first, Piece{before, Delete, at, middle})
			dst = join(dst, first, Piece{after, Insert, middle, end})
		}
		at = end
	}
	return dst, nil
}

// join appends a piece, to the last one if that is of the same kind; dst[first] is the first of the body.
func join(dst []Piece, first int, p Piece) []Piece {
	if n := len(dst); n > first {
		if last := &dst[n-1]; last.Place == p.Place && last.Op == p.Op {
			last.End = p.End
			return dst
		}
	}
	return append(dst, p)
}
