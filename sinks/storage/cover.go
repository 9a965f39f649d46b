package storage

import (
	"fmt"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/sinks"
)

// uncovered gives the rows of a chunk that no neighbouring series holds, in order. It is needed only while a span that
// was split or merged replays what its predecessors had written.
func (s *stream) uncovered(c *messages.Chunk) ([]*messages.Chunk, error) {
	at := sinks.PositionOf(c)
	held := make([]sinks.SpanKey, 0, len(s.partly))
	for _, p := range s.partly {
		if at.Compare(p.upTo) <= 0 {
			held = append(held, p.span)
		}
	}
	if len(held) == 0 {
		return []*messages.Chunk{c}, nil
	}
	plan, err := s.decoder.Plan(c)
	if err != nil {
		return nil, err
	}
	cut := cutter{chunk: c}
	for body := c.Body; len(body) > 0; {
		n, covered, err := skip(plan, body, held)
		if err != nil {
			return nil, s.undecodable(err)
		}
		if c.Op != messages.Op_OP_UPDATE {
			cut.keep(c.Op, body[:n], !covered)
			body = body[n:]
			continue
		}
		m, afterCovered, err := skip(plan, body[n:], held)
		if err != nil {
			return nil, s.undecodable(err)
		}
		cut.update(body[:n], body[n:n+m], covered, afterCovered)
		body = body[n+m:]
	}
	return cut.kept, nil
}

func skip(plan rows.Plan, body []byte, held []sinks.SpanKey) (n int, covered bool, err error) {
	n, hash, err := plan.Skip(body)
	for _, span := range held {
		covered = covered || span.Contains(hash)
	}
	return n, covered, err
}

func (s *stream) undecodable(err error) error {
	return &sinks.Fatal{Err: fmt.Errorf("read the key of a row of table %s.%s (version %d): %w",
		s.table.Schema, s.table.Name, s.table.Version, err)}
}

// A cutter collects the kept rows of a chunk into chunks of one operation each.
type cutter struct {
	chunk *messages.Chunk
	kept  []*messages.Chunk
}

// update keeps an update's pair; where the two images lie in different ranges it was written as a delete and an
// insert, and the half that is missing is kept.
func (c *cutter) update(before, after []byte, beforeCovered, afterCovered bool) {
	switch {
	case !beforeCovered && !afterCovered:
		c.keep(messages.Op_OP_UPDATE, before, true)
		c.keep(messages.Op_OP_UPDATE, after, true)
	case !beforeCovered:
		c.keep(messages.Op_OP_DELETE, before, true)
	case !afterCovered:
		c.keep(messages.Op_OP_INSERT, after, true)
	}
}

func (c *cutter) keep(op messages.Op, body []byte, keep bool) {
	if !keep {
		return
	}
	if n := len(c.kept); n > 0 && c.kept[n-1].Op == op {
		c.kept[n-1].Body = append(c.kept[n-1].Body, body...)
		return
	}
	c.kept = append(c.kept, &messages.Chunk{CommitTs: c.chunk.CommitTs, Ordinal: c.chunk.Ordinal, Op: op,
		Layout: c.chunk.Layout, Body: append([]byte(nil), body...)})
}
