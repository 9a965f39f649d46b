package barrier

import (
	"slices"
	"testing"
)

// At one commit-ts the order is: before the DDL, after it, after the syncpoint.
func TestPositionsAreOrdered(t *testing.T) {
	ddl, sync := Key{42, DDL}, Key{42, Syncpoint}
	order := []Position{At(41), ddl.Before(), ddl.After(), sync.After(), Key{43, DDL}.Before()}
	for i := range order[1:] {
		if order[i].Compare(order[i+1]) >= 0 {
			t.Errorf("%s is not below %s", order[i], order[i+1])
		}
	}
	if ddl.After() != sync.Before() {
		t.Errorf("after %s is %s, before %s is %s", ddl, ddl.After(), sync, sync.Before())
	}
	if ddl.Compare(sync) >= 0 {
		t.Errorf("%s is not below %s", ddl, sync)
	}
}

func TestPositionTs(t *testing.T) {
	for _, c := range []struct {
		position           Position
		checkpoint, schema uint64
	}{
		{Key{42, DDL}.Before(), 41, 41},
		{Key{42, DDL}.After(), 41, 42},
		{At(42), 42, 42},
		{Position{}, 0, 0},
	} {
		if got := c.position.CheckpointTs(); got != c.checkpoint {
			t.Errorf("%s: checkpoint %d, want %d", c.position, got, c.checkpoint)
		}
		if got := c.position.SchemaTs(); got != c.schema {
			t.Errorf("%s: schema as of %d, want %d", c.position, got, c.schema)
		}
	}
}

func TestSpans(t *testing.T) {
	whole, low, high, middle := Whole(1), Span{1, 0, 100}, Span{1, 100, 0}, Span{1, 50, 150}
	for _, c := range []struct {
		a, b               Span
		covers, intersects bool
	}{
		{whole, low, true, true},
		{low, whole, false, true},
		{low, high, false, false},
		{low, middle, false, true},
		{whole, Whole(2), false, false},
		{high, high, true, true},
	} {
		if got := c.a.Covers(c.b); got != c.covers {
			t.Errorf("%s covers %s: %v", c.a, c.b, got)
		}
		if got := c.a.Intersects(c.b); got != c.intersects {
			t.Errorf("%s intersects %s: %v", c.a, c.b, got)
		}
	}
}

func TestGaps(t *testing.T) {
	for _, c := range []struct{ have, want []Span }{
		{nil, []Span{Whole(1)}},
		{[]Span{Whole(1)}, nil},
		{[]Span{{1, 10, 20}, {1, 30, 0}}, []Span{{1, 0, 10}, {1, 20, 30}}},
		{[]Span{{1, 0, 20}}, []Span{{1, 20, 0}}},
	} {
		if got := gaps(Whole(1), c.have); !slices.Equal(got, c.want) {
			t.Errorf("gaps of %v: %v, want %v", c.have, got, c.want)
		}
	}
}

// A change of spans that loses or doubles keys, or that takes a dispatcher's span, is refused and changes nothing.
func TestReshapeRefuses(t *testing.T) {
	b, _ := NewBootstrap(1, 1, nil).Finish([]Table{{ID: 1}, {ID: 2}})
	if _, err := b.Create(Whole(2), "t2"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new []Span }{
		{[]Span{Whole(1)}, []Span{{1, 0, 100}}},
		{[]Span{Whole(1)}, []Span{{1, 0, 100}, {1, 99, 0}}},
		{[]Span{Whole(1)}, []Span{{1, 0, 100}, {1, 101, 0}}},
		{[]Span{Whole(1)}, []Span{Whole(3)}},
		{[]Span{Whole(1)}, nil},
		{nil, nil},
		{[]Span{Whole(2)}, []Span{{2, 0, 100}, {2, 100, 0}}},
		{[]Span{TriggerSpan}, []Span{TriggerSpan}},
	} {
		if err := b.Reshape(c.old, c.new); err == nil {
			t.Errorf("%v became %v", c.old, c.new)
		}
	}
	if got := len(b.Absent()); got != 2 {
		t.Errorf("%d absent spans, want the trigger and table 1", got)
	}
	if _, err := b.Create(Whole(1), "t2"); err == nil {
		t.Error("an id was used twice")
	}
}
