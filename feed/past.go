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
	catalog *schema.Catalog
	ids     []schema.TableID
	names   map[schema.Ref]*schema.Table // nil until it is asked for again
	applied []Applied                    // by commit-ts, ascending
}

var _ Definitions = (*Past)(nil)

// NewPast makes the Past of the tables named by ids. applied holds the DDL that the live walk has passed, in order, as far
// as any of these tables has yet to cross it.
func NewPast(catalog *schema.Catalog, ids []schema.TableID, applied []Applied) *Past {
	return &Past{catalog: catalog, ids: ids, applied: applied}
}

// Extend lets the walk go on over DDL that the live walk has passed since.
func (p *Past) Extend(applied []Applied) { p.applied = applied }

// Table resolves a name as of commitTs; a table that is not among the walk's own is nil.
func (p *Past) Table(ref schema.Ref, _ *schema.Table, commitTs uint64) (*schema.Table, error) {
	if p.names == nil {
		p.names = map[schema.Ref]*schema.Table{}
		for _, id := range p.ids {
			// A table that is gone is still published: its name belongs to the one that was made last.
			if t, ok := p.catalog.At(id, commitTs); ok && (p.names[t.Ref()] == nil || p.names[t.Ref()].Version < t.Version) {
				p.names[t.Ref()] = t
			}
		}
	}
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
	p.names = nil
	if !found {
		return nil, nil, nil
	}
	return p.applied[i].DDL, p.applied[i].Tables, nil
}
