package feed

import (
	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

// A Segment is what one read of the relay log holds.
type Segment struct {
	Items []Item
	// Resolved is the commit-ts of the last transaction that ended in the segment, 0 if none did.
	Resolved uint64
	// Rows and bytes of events walked over, also those that nobody replicates.
	Walked int
}

// An Item is either a batch of rows or an event, or, with both nil, a mere watermark.
type Item struct {
	Batch *messages.RowBatch
	Event *messages.Event
	// DDL is the statement of a DDL event.
	DDL *schema.DDL
}

// Resolves an Event's key for comparisons.
func keyOf(commitTs uint64, kind messages.EventKind) *messages.Key {
	return &messages.Key{CommitTs: commitTs, Kind: kind}
}

// ddlEvent describes a DDL to the parties of its barrier. tables are those that a DATABASE or NORMAL event influences.
func ddlEvent(d *schema.DDL, tables []schema.TableID, wallMs int64) *messages.Event {
	info := &messages.EventInfo{Influence: uint32(d.Influence), Database: d.Database, NeedsTrigger: d.NeedsTrigger()}
	for _, id := range tables {
		info.Tables = append(info.Tables, int64(id))
	}
	for _, c := range d.Changes {
		switch {
		case c.Before == c.After: // only read
		case c.Before == nil:
			info.Adds = append(info.Adds, added(c.After))
		case c.After == nil:
			info.Drops = append(info.Drops, int64(c.Before.ID))
		case c.Before.ID != c.After.ID:
			info.Drops = append(info.Drops, int64(c.Before.ID))
			info.Adds = append(info.Adds, added(c.After))
		case c.Before.Schema != c.After.Schema:
			info.Moves = append(info.Moves, &messages.MovedTable{Id: int64(c.After.ID), Database: c.After.Schema})
		}
	}
	return &messages.Event{
		Key: keyOf(d.CommitTs, messages.EventKind_EVENT_DDL), Info: info, Blocks: d.Blocks,
		Ddl: messages.FromDDL(d), WallMs: wallMs,
	}
}

func added(t *schema.Table) *messages.AddedTable {
	return &messages.AddedTable{Id: int64(t.ID), Database: t.Schema}
}

// influenced gives the tables that must meet at the DDL, in order, each once.
func influenced(d *schema.DDL) []schema.TableID {
	var ids []schema.TableID
	seen := map[schema.TableID]bool{}
	for _, c := range d.Changes {
		if c.Before != nil && !c.Before.View && !seen[c.Before.ID] {
			seen[c.Before.ID] = true
			ids = append(ids, c.Before.ID)
		}
	}
	return ids
}
