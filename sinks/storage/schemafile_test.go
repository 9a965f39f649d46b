package storage

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/schema"
)

// The checksums were made by TiCDC from the same definitions.
func TestChecksum(t *testing.T) {
	if got, want := databaseSchema("schema1").Checksum(), uint32(3233644819); got != want {
		t.Errorf("the database's checksum is %d, want %d", got, want)
	}
	table := &schema.Table{Schema: "schema1", Name: "table1", Version: 100, Columns: []schema.Column{
		{Name: "Id", Type: schema.Int, Length: -1, PK: true},
		{Name: "LastName", Type: schema.VarChar, Length: 128},
		{Name: "FirstName", Type: schema.VarChar, Length: 64, Nullable: true},
		{Name: "Birthday", Type: schema.DateTime, Length: -1, Nullable: true},
	}}
	f := tableSchema(table, false)
	if got, want := f.name(), "schema_100_0785427252.json"; got != want {
		t.Errorf("the table's schema file is %s, want %s", got, want)
	}
}

func TestSchemaColumn(t *testing.T) {
	def := "7"
	tests := []struct {
		column schema.Column
		want   string
	}{
		{schema.Column{Type: schema.Time, Scale: 5}, `"ColumnType":"TIME","ColumnScale":"5"`},
		{schema.Column{Type: schema.Int, Unsigned: true, Length: 5}, `"ColumnType":"INT UNSIGNED","ColumnPrecision":"5"`},
		{schema.Column{Type: schema.Int, Length: -1, Default: &def}, `"ColumnType":"INT","ColumnDefault":"7","ColumnPrecision":"11"`},
		{schema.Column{Type: schema.BigInt, Length: -1}, `"ColumnType":"BIGINT","ColumnPrecision":"20"`},
		{schema.Column{Type: schema.Float, Length: 12, Scale: 3}, `"ColumnType":"FLOAT","ColumnPrecision":"12","ColumnScale":"3"`},
		{schema.Column{Type: schema.Double, Length: -1, Scale: -1}, `"ColumnType":"DOUBLE","ColumnPrecision":"22"`},
		{schema.Column{Type: schema.Decimal, Precision: 10, Scale: 0}, `"ColumnType":"DECIMAL","ColumnPrecision":"10","ColumnScale":"0"`},
		{schema.Column{Type: schema.Bit, Length: 5}, `"ColumnType":"BIT","ColumnPrecision":"5"`},
		{schema.Column{Type: schema.Text, Length: 100}, `"ColumnType":"TEXT","ColumnPrecision":"100"`},
		{schema.Column{Type: schema.Blob, Length: -1}, `"ColumnType":"BLOB","ColumnPrecision":"65535"`},
		{schema.Column{Type: schema.Set, Elems: []string{"a", "b"}}, `"ColumnType":"SET","ColumnElems":["a","b"]`},
		{schema.Column{Type: schema.Date}, `"ColumnType":"DATE"`},
		{schema.Column{Type: schema.Timestamp}, `"ColumnType":"TIMESTAMP"`},
		{schema.Column{Type: schema.Year, Length: 4}, `"ColumnType":"YEAR","ColumnPrecision":"4"`},
		{schema.Column{Type: schema.JSON, Length: -1}, `"ColumnType":"JSON"`},
		{schema.Column{Type: schema.Geometry, TypeName: "point"}, `"ColumnType":"POINT"`},
	}
	for _, test := range tests {
		test.column.Name, test.column.Nullable = "c", true
		got, err := json.Marshal(schemaColumn(&test.column, false))
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"ColumnName":"c",` + test.want + `}`; string(got) != want {
			t.Errorf("%+v:\n%s, want\n%s", test.column, got, want)
		}
	}
	key := schema.Column{ID: 9, Name: "id", Type: schema.TinyInt, Length: -1, PK: true}
	got, err := json.Marshal(schemaColumn(&key, true))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"ColumnId":"9","ColumnName":"id","ColumnType":"TINYINT","ColumnPrecision":"4","ColumnNullable":"false","ColumnIsPk":"true"}`
	if string(got) != want {
		t.Errorf("the key is %s, want %s", got, want)
	}
}

func TestEscape(t *testing.T) {
	tests := map[string]string{
		"plain_1$": "plain_1$", "äpfel": "äpfel", "a b": "a b", `a"b`: `a"b`, "a/b": "a%2Fb", "..": "%2E.", ".weir.json": "%2Eweir.json",
		"100%": "100%25", "nul\x00": "nul%00", "": "%", "a\nb": "a%0Ab",
	}
	for name, want := range tests {
		if got := Escape(name); got != want {
			t.Errorf("Escape(%q) = %q, want %q", name, got, want)
		}
	}
	long := strings.Repeat("𝄞", 64) // 256 bytes
	other := strings.Repeat("𝄞", 63) + "𝄢"
	for _, name := range []string{long, other, strings.Repeat("/", 64)} {
		if got := Escape(name); len(got) > 255 || strings.Contains(got, "/") {
			t.Errorf("Escape(%q) = %q", name, got)
		}
	}
	if Escape(long) == Escape(other) {
		t.Error("two long names make one path element")
	}
}

func TestLayout(t *testing.T) {
	l := layout{root: "/out", extension: ".csv", dates: dateFormats["day"], digits: 6}
	byID := l
	byID.tableIDPath = true
	table := func(database, name string) *schema.Table {
		return &schema.Table{ID: 7, Version: 42, Schema: database, Name: name}
	}
	tests := []struct{ got, want string }{
		{l.version(table("shop", "orders")), "/out/shop/orders/42"},
		{l.version(table("syncpoints", "meta")), "/out/%73yncpoints/%6Deta/42"},
		{l.version(table("metadata", "../x")), "/out/%6Detadata/%2E.%2Fx/42"},
		{l.database("123"), "/out/123"},
		{byID.database("123"), "/out/%3123"},
		{byID.version(table("shop", "orders")), "/out/7/42"},
	}
	whole := series{layout: l, dir: "/out/shop/orders/42"}
	part := whole
	part.span.Start, part.span.End = 1<<63, 0
	tests = append(tests, []struct{ got, want string }{
		{whole.data("2023-11-14", 3), "/out/shop/orders/42/2023-11-14/CDC000003.csv"},
		{whole.index("2023-11-14"), "/out/shop/orders/42/2023-11-14/meta/CDC.index"},
		{whole.record(), "/out/shop/orders/42/meta/CDC.json"},
		{part.data("", 3), "/out/shop/orders/42/CDC_80000000000000000000000000000000_000003.csv"},
		{part.index(""), "/out/shop/orders/42/meta/CDC_80000000000000000000000000000000.index"},
		{l.dates.of(1_700_000_000_000 << 18), "2023-11-14"},
	}...)
	for _, test := range tests {
		if filepath.Clean(test.got) != test.want {
			t.Errorf("got %s, want %s", test.got, test.want)
		}
	}
	for name, want := range map[string]uint64{"CDC000012.csv": 12, "CDC.index": 0, "CDC_80000000000000000000000000000000_000003.csv": 0, "CDC1.json": 0} {
		if got, _ := whole.number(name); got != want {
			t.Errorf("%s is file %d of the whole table's, want %d", name, got, want)
		}
	}
	if got, _ := part.number("CDC_80000000000000000000000000000000_000003.csv"); got != 3 {
		t.Errorf("the part's file has number %d", got)
	}
}
