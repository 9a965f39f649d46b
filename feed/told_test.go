package feed

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
)

// definitions lists what a Define holds, as "id.version".
func definitions(t *testing.T, d *messages.Define, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if d != nil && len(d.Definitions) == 0 {
		t.Error("a message about nothing")
	}
	var all []string
	for _, d := range d.GetDefinitions() {
		all = append(all, fmt.Sprintf("%d.%d", d.Id, d.Version))
	}
	return strings.Join(all, " ")
}

func publish(c *schema.Catalog, id schema.TableID, version uint64) *schema.Table {
	t := &schema.Table{ID: id, Version: version, Schema: "s", Name: fmt.Sprint("t", id)}
	c.Publish(t)
	return t
}

func rowsOf(id int64, version uint64) *messages.RowBatch {
	return &messages.RowBatch{TableId: id, TableVersion: version}
}

func eventOf(commitTs uint64, changes ...schema.Change) *messages.Event {
	d := &schema.DDL{CommitTs: commitTs, Influence: schema.Normal, Changes: changes}
	return ddlEvent(d, nil, 0)
}

func TestTold(t *testing.T) {
	c := schema.NewCatalog()
	told := NewTold(c)
	a1, b1 := publish(c, 1, 10), publish(c, 2, 10)
	rows := func(id int64, version uint64) string {
		d, err := told.Rows(rowsOf(id, version))
		return definitions(t, d, err)
	}
	event := func(e *messages.Event) string {
		d, err := told.Event(e)
		return definitions(t, d, err)
	}
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: told of %q, want %q", what, got, want)
		}
	}
	expect("first rows", rows(1, 10), "1.10")
	expect("more rows", rows(1, 10), "")
	expect("a syncpoint", event(&messages.Event{Key: keyOf(11, messages.EventKind_EVENT_SYNCPOINT)}), "")
	a2 := publish(c, 1, 20)
	expect("ALTER", event(eventOf(20, schema.Change{Before: a1, After: a2})), "1.20")
	b2 := publish(c, 2, 21)
	expect("ALTER of a table without rows", event(eventOf(21, schema.Change{Before: b1, After: b2})), "2.10 2.21")
	expect("rows of both", rows(1, 20)+rows(2, 21), "")
	fresh := publish(c, 3, 22)
	expect("TRUNCATE", event(eventOf(22, schema.Change{Before: b2, After: fresh})), "3.22")
	expect("DROP", event(eventOf(23, schema.Change{Before: a2})), "")
	expect("CREATE LIKE", event(eventOf(24, schema.Change{Before: fresh, After: fresh}, schema.Change{After: publish(c, 4, 24)})), "4.24")
	adopted := *fresh
	adopted.Columns = []schema.Column{{Name: "a"}}
	c.Publish(&adopted)
	expect("rows by a definition that was mended", rows(3, 22), "3.22")
	if _, err := told.Rows(rowsOf(9, 9)); err == nil || !strings.Contains(err.Error(), "version 9 is not in the catalog") {
		t.Errorf("a table that nobody published: %v", err)
	}
	told.Forget(22)
	if len(told.tables) != 3 { // 2 was dropped; 1 was so above
		t.Errorf("%d tables are kept, want 3", len(told.tables))
	}
	expect("what is still in use", rows(3, 22), "")
	told.Forget(23)
	if len(told.tables) != 2 {
		t.Errorf("%d tables are kept, want 2", len(told.tables))
	}
	expect("what was forgotten", rows(1, 20), "1.20")
}

// What could not be told is not taken for told.
func TestToldOfNothingByAnError(t *testing.T) {
	c := schema.NewCatalog()
	told := NewTold(c)
	gone := &schema.Table{ID: 2, Version: 10}
	if _, err := told.Event(eventOf(20, schema.Change{Before: publish(c, 1, 10)}, schema.Change{Before: gone})); err == nil {
		t.Fatal("no error")
	}
	d, err := told.Rows(rowsOf(1, 10))
	if got := definitions(t, d, err); got != "1.10" {
		t.Errorf("told of %q, want 1.10", got)
	}
}

// A receiver that forgets what lies behind the checkpoint, sooner or later than the sender, finds every definition that it is
// asked for, the newest one published under its version.
func TestToldReceiverLacksNothing(t *testing.T) {
	for seed := range uint64(300) {
		r := newSource(seed)
		sender, receiver := schema.NewCatalog(), schema.NewCatalog()
		told := NewTold(sender)
		var live []*schema.Table
		ts, checkpoint, next := uint64(10), uint64(0), schema.TableID(0)
		receive := func(d *messages.Define, err error, need ...*schema.Table) {
			t.Helper()
			if err == nil {
				err = d.Publish(receiver)
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			for _, want := range need {
				if got, ok := receiver.Table(want.ID, want.Version); !ok || !reflect.DeepEqual(got, want) {
					t.Fatalf("seed %d at %d, checkpoint %d: got %+v, want %+v", seed, ts, checkpoint, got, want)
				}
			}
		}
		for range 200 {
			ts++
			i := r.IntN(len(live) + 1)
			if i == len(live) {
				next++
				made := publish(sender, next, ts)
				d, err := told.Event(eventOf(ts, schema.Change{After: made}))
				receive(d, err, made)
				live = append(live, made)
				continue
			}
			switch old := live[i]; r.IntN(8) {
			case 0:
				live[i] = publish(sender, old.ID, ts)
				d, err := told.Event(eventOf(ts, schema.Change{Before: old, After: live[i]}))
				receive(d, err, old, live[i])
			case 1:
				d, err := told.Event(eventOf(ts, schema.Change{Before: old}))
				receive(d, err, old)
				live = append(live[:i], live[i+1:]...)
			case 2:
				mended := *old
				mended.Charset = fmt.Sprint(ts)
				sender.Publish(&mended)
				live[i] = &mended
			case 3:
				checkpoint = ts - r.Uint64N(ts-checkpoint)
				receiver.Compact(checkpoint)
			case 4:
				sender.Compact(checkpoint)
				told.Forget(checkpoint)
			default:
				// Rows above the checkpoint, of whichever version was valid then.
				if at, ok := sender.At(old.ID, checkpoint+1+r.Uint64N(ts-checkpoint)); ok {
					d, err := told.Rows(rowsOf(int64(at.ID), at.Version))
					receive(d, err, at)
				}
			}
		}
	}
}
