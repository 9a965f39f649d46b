package messages

import (
	"fmt"
	"strings"

	"github.com/weir-cdc/weir/schema"
)

// FromDDL turns a resolved DDL into its message. Its text is UTF-8, as what travels must be: bytes of the statement that are
// none, as in a literal, are replaced; the definitions keep theirs.
func FromDDL(d *schema.DDL) *DDL {
	m := &DDL{
		CommitTs: d.CommitTs, Kind: uint32(d.Kind), Query: strings.ToValidUTF8(d.Query, "\uFFFD"), Schema: d.Schema,
		Influence: uint32(d.Influence), Database: d.Database, Blocks: d.Blocks,
	}
	for _, c := range d.Changes {
		if c.Before == c.After {
			continue // only read: the downstream has nothing to do for it
		}
		m.Changes = append(m.Changes, &TableChange{Before: fromTable(c.Before), After: fromTable(c.After)})
	}
	return m
}

func fromTable(t *schema.Table) *TableRef {
	if t == nil {
		return nil
	}
	return &TableRef{Id: int64(t.ID), Version: t.Version, Schema: t.Schema, Name: t.Name}
}

// ToDDL turns the message back, with the definitions that the catalog holds; a definition that it lacks is an error.
func (x *DDL) ToDDL(catalog *schema.Catalog) (*schema.DDL, error) {
	d := &schema.DDL{
		CommitTs: x.GetCommitTs(), Kind: schema.Kind(x.GetKind()), Query: x.GetQuery(), Schema: x.GetSchema(),
		Influence: schema.Influence(x.GetInfluence()), Database: x.GetDatabase(), Blocks: x.GetBlocks(),
	}
	for _, c := range x.GetChanges() {
		before, err := c.GetBefore().lookup(catalog)
		if err != nil {
			return nil, err
		}
		after, err := c.GetAfter().lookup(catalog)
		if err != nil {
			return nil, err
		}
		d.Changes = append(d.Changes, schema.Change{Before: before, After: after})
	}
	return d, nil
}

func (x *TableRef) lookup(catalog *schema.Catalog) (*schema.Table, error) {
	if x == nil {
		return nil, nil
	}
	t, ok := catalog.Table(schema.TableID(x.GetId()), x.GetVersion())
	if !ok {
		return nil, fmt.Errorf("look up %s.%s: version %d of table %d is not in the catalog",
			x.GetSchema(), x.GetName(), x.GetVersion(), x.GetId())
	}
	return t, nil
}
