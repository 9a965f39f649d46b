package feed

import (
	"fmt"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

// A Told is what a receiver of rows and events has been told of the tables' definitions, so that it is told each once, before the
// first message that needs it. There is one for each receiver and each session with it: who starts over knows nothing.
//
// A batch needs the version that its rows were written under. A DDL needs what it makes of each table, and what there was
// before: whoever executes it may ask for either, and each who meets it may be the one. A syncpoint needs nothing.
type Told struct {
	catalog *schema.Catalog
	tables  map[schema.TableID]*toldTable
}

// toldTable is what was told of one table: the definitions themselves, for one that was read back from the upstream may be
// published again under its version (schema.Tracker.Adopt), and is then not what was told.
type toldTable struct {
	versions map[uint64]*schema.Table
	dropped  uint64 // commit-ts of the DDL that dropped the table, as far as the receiver has met it
}

// NewTold makes a Told of a receiver that knows nothing. Definitions are looked up in the catalog.
func NewTold(c *schema.Catalog) *Told {
	return &Told{catalog: c, tables: map[schema.TableID]*toldTable{}}
}

// Need tells whether the receiver has yet to be told of this definition, and takes it for told from here on.
func (t *Told) Need(table *schema.Table) bool {
	known := t.tables[table.ID]
	if known == nil {
		known = &toldTable{versions: map[uint64]*schema.Table{}}
		t.tables[table.ID] = known
	}
	if known.versions[table.Version] == table {
		return false
	}
	known.versions[table.Version] = table
	return true
}

// Rows gives what the receiver must be told before the batch, nil if that is nothing. The epoch is for the caller to set.
func (t *Told) Rows(b *messages.RowBatch) (*messages.Define, error) {
	return t.define([]*messages.TableRef{{Id: b.TableId, Version: b.TableVersion}})
}

// Event gives what the receiver must be told before the event, nil if that is nothing.
func (t *Told) Event(e *messages.Event) (*messages.Define, error) {
	var refs []*messages.TableRef
	for _, c := range e.GetDdl().GetChanges() {
		if c.Before != nil {
			refs = append(refs, c.Before)
		}
		if c.After != nil {
			refs = append(refs, c.After)
		}
	}
	define, err := t.define(refs)
	if err != nil {
		return nil, err
	}
	for _, c := range e.GetDdl().GetChanges() {
		if c.Before != nil && c.GetAfter().GetId() != c.Before.Id {
			t.tables[schema.TableID(c.Before.Id)].dropped = e.Key.CommitTs
		}
	}
	return define, nil
}

// define encodes those of the definitions that the receiver needs. An error leaves it as told of none of them.
func (t *Told) define(refs []*messages.TableRef) (*messages.Define, error) {
	var define *messages.Define
	for _, ref := range refs {
		table, ok := t.catalog.Table(schema.TableID(ref.Id), ref.Version)
		if !ok {
			t.untell(define)
			return nil, fmt.Errorf("tell of table %d: version %d is not in the catalog; restart the changefeed from its checkpoint", ref.Id, ref.Version)
		}
		if !t.Need(table) {
			continue
		}
		d, err := messages.FromTable(table)
		if define == nil {
			define = &messages.Define{}
		}
		if err != nil {
			delete(t.tables[table.ID].versions, table.Version)
			t.untell(define)
			return nil, err
		}
		define.Definitions = append(define.Definitions, d)
	}
	return define, nil
}

func (t *Told) untell(define *messages.Define) {
	for _, d := range define.GetDefinitions() {
		delete(t.tables[schema.TableID(d.Id)].versions, d.Version)
	}
}

// Forget drops what no message above ts can need, as schema.Catalog.Compact does, and the tables that a DDL at or below ts has
// dropped. A receiver that forgets at the same checkpoint, or earlier ones, lacks nothing: should it be asked for something older
// after all, it is told again.
func (t *Told) Forget(ts uint64) {
	for id, known := range t.tables {
		if known.dropped > 0 && known.dropped <= ts {
			delete(t.tables, id)
			continue
		}
		newest := uint64(0)
		for version := range known.versions {
			if version <= ts {
				newest = max(newest, version)
			}
		}
		for version := range known.versions {
			if version < newest {
				delete(known.versions, version)
			}
		}
	}
}
