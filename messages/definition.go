package messages

import (
	"fmt"
	"reflect"

	"github.com/weir-cdc/weir/schema"
)

// FromTable turns a definition into its message.
func FromTable(t *schema.Table) (*Definition, error) {
	b, err := schema.EncodeTable(t)
	if err != nil {
		return nil, err
	}
	return &Definition{Id: int64(t.ID), Version: t.Version, Table: b}, nil
}

// ToTable turns the message back.
func (x *Definition) ToTable() (*schema.Table, error) {
	t, err := schema.DecodeTable(x.GetTable())
	if err != nil {
		return nil, fmt.Errorf("read version %d of table %d: %w", x.GetVersion(), x.GetId(), err)
	}
	if int64(t.ID) != x.GetId() || t.Version != x.GetVersion() {
		return nil, fmt.Errorf("read version %d of table %d: it is version %d of table %d", x.GetVersion(), x.GetId(), t.Version, t.ID)
	}
	return t, nil
}

// Publish adds the definitions to a catalog, all or none. One that the catalog holds already stays the one it is: the catalog may
// be the sender's own, which knows by identity what it has told.
func (x *Define) Publish(c *schema.Catalog) error {
	tables := make([]*schema.Table, 0, len(x.GetDefinitions()))
	for _, d := range x.GetDefinitions() {
		t, err := d.ToTable()
		if err != nil {
			return err
		}
		tables = append(tables, t)
	}
	for _, t := range tables {
		if held, ok := c.Table(t.ID, t.Version); !ok || !reflect.DeepEqual(held, t) {
			c.Publish(t)
		}
	}
	return nil
}
