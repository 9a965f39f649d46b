package feed

import (
	"context"
	"errors"
	"fmt"

	"github.com/weir-cdc/weir/schema"
)

// ErrMismatch tells that the definitions and the stream contradict each other: rows can not be read safely.
var ErrMismatch = errors.New("definitions do not match the stream")

// A Journal keeps what DDL did, durably, so that a restart knows the definitions as of its checkpoint.
type Journal interface {
	Append(ctx context.Context, t *schema.Tracker, commitTs uint64) error
}

// Live is the Definitions of the live walk: it applies each DDL to the tracker, reads back from the upstream what it can
// not parse, records the outcome and publishes it, before anybody hears of the event.
type Live struct {
	ctx     context.Context // of the walk: reading back and recording block
	tracker *schema.Tracker
	catalog *schema.Catalog
	reader  schema.Reader
	journal Journal
	applied []Applied
	warn    func(text string)
	checked map[*schema.Table]*schema.Table // table -> the description that it was found to match
}

var _ Definitions = (*Live)(nil)

// NewLive makes the Definitions of a walk that begins where the tracker stands, and publishes what the tracker holds. ctx ends
// the walk's blocking calls. warn is told what an operator must know.
func NewLive(ctx context.Context, t *schema.Tracker, c *schema.Catalog, r schema.Reader, j Journal, warn func(string)) *Live {
	for _, table := range t.Tables() {
		c.Publish(table)
	}
	return &Live{ctx: ctx, tracker: t, catalog: c, reader: r, journal: j, warn: warn, checked: map[*schema.Table]*schema.Table{}}
}

// Tables lists the replicated tables as of now.
func (l *Live) Tables() []*schema.Table { return l.tracker.Tables() }

// TakeApplied gives the DDL applied since the last call.
func (l *Live) TakeApplied() []Applied {
	a := l.applied
	l.applied = nil
	return a
}

// Table resolves a name, and checks the definition against what the stream says of the table. A definition that is not
// sure is made from the description.
func (l *Live) Table(ref schema.Ref, described *schema.Table, commitTs uint64) (*schema.Table, error) {
	t := l.tracker.Lookup(ref)
	if t == nil || !l.tracker.Replicates(t) {
		return nil, nil
	}
	if described == nil || l.checked[t] == described {
		return t, nil
	}
	if t.Unsure {
		adopted, err := l.adopt(t, described, commitTs)
		if err != nil || adopted != nil {
			return adopted, err
		}
	}
	if err := schema.Check(t, described); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMismatch, err)
	}
	l.checked[t] = described
	return t, nil
}

// adopt makes an unsure definition from the stream's own description, nil if that does not suffice.
func (l *Live) adopt(t, described *schema.Table, commitTs uint64) (*schema.Table, error) {
	adopted := l.tracker.Adopt(t.Ref(), described, commitTs)
	if adopted == nil {
		return nil, nil
	}
	if err := l.journal.Append(l.ctx, l.tracker, commitTs); err != nil {
		return nil, fmt.Errorf("record the definition of %s: %w", t.Ref(), err)
	}
	l.catalog.Publish(adopted)
	l.checked[adopted] = described
	return adopted, nil
}

// Apply moves the definitions over a statement.
func (l *Live) Apply(s *schema.Statement) (*schema.DDL, []schema.TableID, error) {
	d, err := schema.ApplyOrRead(l.ctx, l.tracker, l.reader, *s)
	if err != nil {
		return nil, nil, err
	}
	clear(l.checked)
	if err := l.journal.Append(l.ctx, l.tracker, s.CommitTs); err != nil {
		return nil, nil, fmt.Errorf("record the definitions: %w", err)
	}
	if d == nil {
		return nil, nil, nil
	}
	if d.Warning != "" {
		l.warn(d.Warning)
	}
	for _, c := range d.Changes {
		if c.After != nil {
			l.catalog.Publish(c.After)
		}
	}
	tables := l.meeting(d)
	l.applied = append(l.applied, Applied{DDL: d, Tables: tables})
	return d, tables, nil
}

// meeting gives the tables whose dispatchers must meet at a DDL that names a database, nil where its Changes tell.
func (l *Live) meeting(d *schema.DDL) []schema.TableID {
	if d.Influence != schema.DatabaseWide {
		return nil
	}
	ids := influenced(d)
	known := map[schema.TableID]bool{}
	for _, id := range ids {
		known[id] = true
	}
	for _, t := range l.tracker.Tables() {
		if t.Schema == d.Database && !known[t.ID] {
			ids = append(ids, t.ID)
		}
	}
	return ids
}
