package messages

import (
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/weir-cdc/weir/schema"
)

func TestDefinitionsTravel(t *testing.T) {
	text := "x"
	a := &schema.Table{ID: 7, Version: 40, Created: 30, Schema: "s", Name: "a", Handle: []int{0},
		Columns: []schema.Column{{ID: 1, Name: "id", Type: schema.Int, Length: -1, Default: &text}}}
	b := &schema.Table{ID: 8, Version: 41, Schema: "s", Name: "b", View: true}
	define := &Define{Epoch: 3}
	for _, table := range []*schema.Table{a, b} {
		d, err := FromTable(table)
		if err != nil {
			t.Fatal(err)
		}
		define.Definitions = append(define.Definitions, d)
	}
	wire, err := proto.Marshal(define)
	if err != nil {
		t.Fatal(err)
	}
	got, catalog := &Define{}, schema.NewCatalog()
	if err := proto.Unmarshal(wire, got); err != nil {
		t.Fatal(err)
	}
	if err := got.Publish(catalog); err != nil {
		t.Fatal(err)
	}
	for _, want := range []*schema.Table{a, b} {
		if table, ok := catalog.Table(want.ID, want.Version); !ok || !reflect.DeepEqual(table, want) {
			t.Errorf("got %+v, want %+v", table, want)
		}
	}
	held, _ := catalog.Table(7, 40)
	if err := got.Publish(catalog); err != nil {
		t.Fatal(err)
	}
	if again, _ := catalog.Table(7, 40); again != held {
		t.Error("an equal definition took the place of the one that was there")
	}
}

// A definition that can not be read, or is another's, is an error, and nothing of its message counts.
func TestDefinitionsThatAreNone(t *testing.T) {
	good, err := FromTable(&schema.Table{ID: 7, Version: 40})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []*Definition{
		{Id: 8, Version: 40, Table: good.Table}, {Id: 7, Version: 41, Table: good.Table}, {Id: 7, Version: 40, Table: good.Table[1:]}, {},
	} {
		catalog := schema.NewCatalog()
		if err := (&Define{Definitions: []*Definition{good, bad}}).Publish(catalog); err == nil {
			t.Errorf("%v is a definition", bad)
		}
		if _, ok := catalog.Table(7, 40); ok {
			t.Error("half of a message was published")
		}
	}
}
