package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/weir-cdc/weir/sinks"
)

// errFenced tells that a later dispatcher has claimed the span, or a part of it.
var errFenced = errors.New("a later dispatcher has the span")

// claimed takes the span for the series' dispatcher and recovers it, in one turn: from here on no dispatcher with a lower
// token commits rows of any part of the span, and what such ones have committed is counted.
func (s series) claimed(env *sinks.Env) (recovered, error) {
	t, err := takeTurn(filepath.Join(s.dir, metaDir))
	if err != nil {
		return recovered{}, err
	}
	defer t.end()
	all, err := s.neighbours()
	if err != nil {
		return recovered{}, err
	}
	if err := s.stands(all); err != nil {
		return recovered{}, err
	}
	if err := env.Permitted(); err != nil {
		return recovered{}, err
	}
	mine := record{Span: rangeOf(s.span)}
	for _, n := range all {
		if n.span == s.span {
			mine = n.record
		}
	}
	if mine.Claim != s.claim {
		mine.Claim = s.claim
		if err := putDurable(s.record(), mine.line()); err != nil {
			return recovered{}, err
		}
	}
	if err := s.sweep(func(other series) bool { return other.claim.Compare(s.claim) < 0 && other.span.Overlaps(s.span) }); err != nil {
		return recovered{}, err
	}
	return s.recover(all)
}

// stands tells whether the claim is the highest of all that overlap; the caller has the turn.
func (s series) stands(all []neighbour) error {
	for _, n := range all {
		if n.claim.Compare(s.claim) > 0 {
			return fmt.Errorf("%w: %s by dispatcher %s, after %s", errFenced, n.record.Span, n.claim, s.claim)
		}
	}
	return nil
}

// sweep removes data files in the making whose writers are fenced.
func (s series) sweep(fenced func(series) bool) error {
	meta := filepath.Join(s.dir, metaDir)
	entries, err := os.ReadDir(meta)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), temporary) {
			continue
		}
		if other, ok := s.written(e.Name()); ok && fenced(other) {
			if err := os.Remove(filepath.Join(meta, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// abandon removes what a series that was fenced has in the making.
func (s series) abandon() error {
	return s.sweep(func(other series) bool { return other.claim == s.claim && other.span == s.span })
}
