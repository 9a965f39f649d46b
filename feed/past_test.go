package feed

import (
	"testing"

	"github.com/weir-cdc/weir/schema"
)

// A walk over the past knows a table's name and version at each of its rows, also where the DDL that made it is not among
// those that are still kept.
func TestPastResolvesByPublishedVersions(t *testing.T) {
	c := schema.NewCatalog()
	publish := func(id schema.TableID, version uint64, name string) *schema.Table {
		table := &schema.Table{ID: id, Version: version, Schema: "s", Name: name}
		c.Publish(table)
		return table
	}
	publish(1, 10, "a")
	publish(1, 20, "b") // renamed
	publish(2, 20, "a") // made in its place
	publish(3, 5, "other")
	p := NewPast(c, []schema.TableID{1, 2}, nil)
	for _, step := range []struct {
		ts      uint64
		name    string
		id      schema.TableID
		version uint64
	}{
		{11, "a", 1, 10}, {15, "a", 1, 10}, {15, "other", 0, 0},
		{21, "a", 2, 20}, {21, "b", 1, 20},
	} {
		if step.ts == 21 {
			if d, _, err := p.Apply(&schema.Statement{CommitTs: 20}); d != nil || err != nil {
				t.Fatalf("apply: %v, %v", d, err)
			}
		}
		got, err := p.Table(schema.Ref{Schema: "s", Name: step.name}, nil, step.ts)
		if err != nil {
			t.Fatal(err)
		}
		if step.id == 0 {
			if got != nil {
				t.Errorf("%s at %d: got table %d", step.name, step.ts, got.ID)
			}
			continue
		}
		if got == nil || got.ID != step.id || got.Version != step.version {
			t.Errorf("%s at %d: got %+v, want table %d version %d", step.name, step.ts, got, step.id, step.version)
		}
	}
}

// The name of a table that is gone belongs to the one that was made under it since, whichever of them the walk is told of first,
// and a table that is split is named once for each of its spans.
func TestPastResolvesANameThatWasGivenAgain(t *testing.T) {
	c := schema.NewCatalog()
	c.Publish(&schema.Table{ID: 1, Version: 10, Schema: "s", Name: "a"})
	c.Publish(&schema.Table{ID: 2, Version: 20, Schema: "s", Name: "a"})
	for _, ids := range [][]schema.TableID{{1, 2}, {2, 1}, {2, 2, 1, 1, 2}} {
		for ts, want := range map[uint64]schema.TableID{15: 1, 25: 2} {
			got, err := NewPast(c, ids, nil).Table(schema.Ref{Schema: "s", Name: "a"}, nil, ts)
			if err != nil || got.ID != want {
				t.Errorf("tables %v at %d: got %+v, %v, want %d", ids, ts, got, err, want)
			}
		}
	}
}
