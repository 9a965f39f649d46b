package feed

import (
	"slices"

	"github.com/weir-cdc/weir/schema"
)

// Applied is a DDL that the live walk has applied, with the tables whose dispatchers must meet at it.
type Applied struct {
	DDL    *schema.DDL
	Tables []schema.TableID // nil: those in the DDL's Changes
}

// Past is the Definitions of a second walk over what the live walk has passed: it resolves the names of a few
// tables by the versions that are published, and never parses a statement.
type Past struct {
	ids     map[schema.TableID]bool
	names   map[schema.Ref]*schema.Table
	applied []Applied // by commit-ts, ascending
}

var _ Definitions = (*Past)(nil)

// NewPast makes the Past of the tables named by ids as of commit-ts ts. applied holds all DDL above ts that the live walk has
// passed, in order.
func NewPast(catalog *schema.Catalog, ids []schema.TableID, ts uint64, applied []Applied) *Past {
	p := &Past{ids: map[schema.TableID]bool{}, names: map[schema.Ref]*schema.Table{}, applied: applied}
	for _, id := range ids {
		p.ids[id] = true
		if t, ok := catalog.At(id, ts); ok {
			p.names[schema.Ref{Schema: t.Schema, Name: t.Name}] = t
		}
	}
	return p
}

// Extend lets the walk go on over DDL that the live walk has passed since.
func (p *Past) Extend(applied []Applied) { p.applied = applied }

// Table resolves a name; a table that is not among the walk's own is nil.
func (p *Past) Table(ref schema.Ref, _ *schema.Table, _ uint64) (*schema.Table, error) {
	return p.names[ref], nil
}

// Apply finds the statement's DDL among those that the live walk applied.
func (p *Past) Apply(s *schema.Statement) (*schema.DDL, []schema.TableID, error) {
	i, found := slices.BinarySearchFunc(p.applied, s.CommitTs, func(a Applied, ts uint64) int {
		switch {
		case a.DDL.CommitTs < ts:
			return -1
		case a.DDL.CommitTs > ts:
			return 1
		}
		return 0
	})
	if !found {
		return nil, nil, nil
	}
	a := p.applied[i]
	for _, c := range a.DDL.Changes {
		if c.Before != nil && p.ids[c.Before.ID] {
			delete(p.names, schema.Ref{Schema: c.Before.Schema, Name: c.Before.Name})
		}
	}
	for _, c := range a.DDL.Changes {
		if c.After != nil && p.ids[c.After.ID] {
			p.names[schema.Ref{Schema: c.After.Schema, Name: c.After.Name}] = c.After
		}
	}
	return a.DDL, a.Tables, nil
}
