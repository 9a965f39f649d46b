package canaljson_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/codec/canaljson"
	"github.com/weir-cdc/weir/codec/codectest"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

func open(t *testing.T, query string) codec.Codec {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	c, err := codec.Open("canal-json", values)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func encode(t *testing.T, c codec.Codec, table *schema.Table, r codec.Row) string {
	t.Helper()
	got, err := c.Table(table).Row([]byte("before|"), &r)
	if err != nil {
		t.Fatal(err)
	}
	line, found := strings.CutPrefix(string(got), "before|")
	if !found {
		t.Fatalf("the encoder overwrote what stood before: %q", got)
	}
	return line
}

func TestTypes(t *testing.T) {
	c := open(t, "")
	for _, tc := range codectest.Cases() {
		got := encode(t, c, tc.Table(), codec.Row{Op: rows.Insert, WallMs: 1, BuildMs: 2, New: []rows.Value{tc.Value}})
		want := fmt.Sprintf(`{"id":0,"database":"shop","table":"t","pkNames":null,"isDdl":false,"type":"INSERT","es":1,"ts":2,"sql":"",`+
			`"sqlType":{"c":%d},"mysqlType":{"c":"%s"},"old":null,"data":[{"c":%s}]}`+"\r\n", tc.Java, tc.MySQL, tc.JSON)
		if got != want {
			t.Errorf("%s:\n got %q\nwant %q", tc.Name, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: %q is no JSON", tc.Name, got)
		}
	}
}

func accounts() *schema.Table {
	return &schema.Table{Schema: `sh"op`, Name: "accounts", Handle: []int{1}, Columns: []schema.Column{
		{Name: "no\nte", Type: schema.VarChar, TypeName: "varchar", Length: 20},
		{Name: "id", Type: schema.Int, TypeName: "int", Length: 10, Unsigned: true, PK: true},
		{Name: "e", Type: schema.Enum, TypeName: "enum", Elems: []string{"it's", "b"}},
	}}
}

func account(note string, id uint64) []rows.Value {
	return []rows.Value{{Kind: rows.Text, Bytes: []byte(note)}, {Kind: rows.Uint, Num: id}, {}}
}

func TestOperations(t *testing.T) {
	head := func(op string) string {
		return `{"id":0,"database":"sh\"op","table":"accounts","pkNames":["id"],"isDdl":false,"type":"` + op +
			`","es":1700000000123,"ts":1700000000456,"sql":"","sqlType":{"no\nte":12,"id":4,"e":4},` +
			`"mysqlType":{"no\nte":"varchar","id":"int unsigned","e":"enum"},`
	}
	const (
		o  = `[{"no\nte":"o","id":"1","e":null}]`
		n  = `[{"no\nte":"n","id":"1","e":null}]`
		by = 449_823_110_400_000_000
	)
	full := strings.NewReplacer(`"varchar"`, `"varchar(20)"`, `"int unsigned"`, `"int(10) unsigned"`, `"enum"`, `"enum('it''s','b')"`)
	for _, tc := range []struct {
		name, query string
		row         codec.Row
		want        string
	}{
		{"insert", "", codec.Row{Op: rows.Insert, New: account("n", 1)}, head("INSERT") + `"old":null,"data":` + n + "}\r\n"},
		{"delete", "", codec.Row{Op: rows.Delete, Old: account("o", 1)}, head("DELETE") + `"old":null,"data":` + o + "}\r\n"},
		{"update", "", codec.Row{Op: rows.Update, Old: account("o", 1), New: account("n", 1)},
			head("UPDATE") + `"old":` + o + `,"data":` + n + "}\r\n"},
		{"changed columns", "only-output-updated-columns=true", codec.Row{Op: rows.Update, Old: account("n", 2), New: account("n", 1)},
			head("UPDATE") + `"old":[{"id":"2"}],"data":` + n + "}\r\n"},
		{"no changed column", "only-output-updated-columns=true", codec.Row{Op: rows.Update, Old: account("n", 1), New: account("n", 1)},
			head("UPDATE") + `"old":[{}],"data":` + n + "}\r\n"},
		{"content-compatible", "content-compatible=true", codec.Row{Op: rows.Update, Old: account("o", 1), New: account("n", 1)},
			full.Replace(head("UPDATE")) + `"old":[{"no\nte":"o"}],"data":` + n + "}\r\n"},
		{"extension", "enable-tidb-extension=true", codec.Row{Op: rows.Insert, CommitTs: by, New: account("n", 1)},
			head("INSERT") + `"old":null,"data":` + n + `,"_tidb":{"commitTs":449823110400000000}}` + "\r\n"},
		{"no terminator", "terminator=", codec.Row{Op: rows.Insert, CommitTs: by, New: account("n", 1)},
			head("INSERT") + `"old":null,"data":` + n + `}`},
	} {
		tc.row.WallMs, tc.row.BuildMs = 1700000000123, 1700000000456
		got := encode(t, open(t, tc.query), accounts(), tc.row)
		if got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", tc.name, got, tc.want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s: %q is no JSON", tc.name, got)
		}
	}
}

func TestFullTypes(t *testing.T) {
	for _, tc := range []struct {
		column schema.Column
		want   string
	}{
		{schema.Column{Type: schema.BigInt, TypeName: "bigint", Length: -1, Unsigned: true, ZeroFill: true}, "bigint unsigned zerofill"},
		{schema.Column{Type: schema.Decimal, TypeName: "decimal", Precision: 12, Scale: 2}, "decimal(12,2)"},
		{schema.Column{Type: schema.DateTime, TypeName: "datetime", Scale: 6}, "datetime(6)"},
		{schema.Column{Type: schema.Timestamp, TypeName: "timestamp"}, "timestamp"},
		{schema.Column{Type: schema.Set, TypeName: "set", Elems: []string{"a", "b"}}, "set('a','b')"},
		{schema.Column{Type: schema.Blob, TypeName: "blob", Length: 65535}, "blob"},
		{schema.Column{Type: schema.Year, TypeName: "year", Length: 4, Unsigned: true, ZeroFill: true}, "year"},
	} {
		tc.column.Name = "c"
		table := &schema.Table{Columns: []schema.Column{tc.column}}
		got := encode(t, open(t, "content-compatible=true"), table, codec.Row{Op: rows.Insert, New: []rows.Value{{}}})
		if want := `"mysqlType":{"c":"` + tc.want + `"}`; !strings.Contains(got, want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

func TestStatements(t *testing.T) {
	m := open(t, "enable-tidb-extension=true").(codec.Messenger)
	old, renamed := &schema.Table{Schema: "shop", Name: "old"}, &schema.Table{Schema: "shop", Name: "new"}
	for _, tc := range []struct {
		ddl  schema.DDL
		want string
	}{
		{schema.DDL{Kind: schema.RenameTable, Query: "RENAME TABLE `old` TO `new`", Changes: []schema.Change{{Before: old, After: renamed}}},
			`"database":"shop","table":"new","pkNames":null,"isDdl":true,"type":"RENAME","es":1,"ts":2,"sql":"RENAME TABLE ` + "`old` TO `new`\""},
		{schema.DDL{Kind: schema.DropTable, Query: "DROP TABLE old", Changes: []schema.Change{{Before: old}}},
			`"database":"shop","table":"old","pkNames":null,"isDdl":true,"type":"ERASE","es":1,"ts":2,"sql":"DROP TABLE old"`},
		{schema.DDL{Kind: schema.CreateSchema, Query: "CREATE DATABASE \"a\"", Schema: "x", Database: "a"},
			`"database":"a","table":"","pkNames":null,"isDdl":true,"type":"QUERY","es":1,"ts":2,"sql":"CREATE DATABASE \"a\""`},
	} {
		tc.ddl.CommitTs = 77
		got := string(m.DDL(nil, &tc.ddl, 1, 2))
		want := `{"id":0,` + tc.want + `,"sqlType":null,"mysqlType":null,"old":null,"data":null,"_tidb":{"commitTs":77}}` + "\r\n"
		if got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
	for kind, want := range map[schema.Kind]string{
		schema.CreateTable: "CREATE", schema.TruncateTable: "TRUNCATE", schema.AddColumn: "ALTER", schema.AddIndex: "CINDEX",
		schema.DropPrimaryKey: "DINDEX", schema.CreateView: "QUERY",
	} {
		if got := string(m.DDL(nil, &schema.DDL{Kind: kind}, 1, 2)); !strings.Contains(got, `"type":"`+want+`"`) {
			t.Errorf("kind %d: got %s, want type %s", kind, got, want)
		}
	}
}

func TestWatermark(t *testing.T) {
	got := string(open(t, "enable-tidb-extension=true").(codec.Messenger).Watermark(nil, 5<<18|3, 9))
	want := `{"id":0,"database":"","table":"","pkNames":null,"isDdl":false,"type":"TIDB_WATERMARK","es":5,"ts":9,"sql":"",` +
		`"sqlType":null,"mysqlType":null,"old":null,"data":null,"_tidb":{"watermarkTs":1310723}}` + "\r\n"
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	if got := open(t, "").(codec.Messenger).Watermark(nil, 5, 9); len(got) != 0 {
		t.Errorf("without the extension: got %s, want nothing", got)
	}
}

func TestHiddenColumnsAreLeftOut(t *testing.T) {
	table := accounts()
	table.Columns[0].Hidden = true
	for query, old := range map[string]string{"": `[{"id":"1","e":null}]`, "only-output-updated-columns=true": `[{}]`} {
		got := encode(t, open(t, query), table, codec.Row{Op: rows.Update, Old: account("o", 1), New: account("n", 1)})
		_, got, _ = strings.Cut(got, `"sqlType":`)
		want := `{"id":4,"e":4},"mysqlType":{"id":"int unsigned","e":"enum"},"old":` + old + `,"data":[{"id":"1","e":null}]}` + "\r\n"
		if got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	encoder := canaljson.New(canaljson.Defaults()).Table(accounts())
	for _, tc := range []struct {
		row  codec.Row
		want string
	}{
		{codec.Row{Op: rows.Insert, New: account("n", 1)[:1]}, "it has 1 values for 3 columns"},
		{codec.Row{Op: rows.Update, Old: nil, New: account("n", 1)}, "it has 0 old values for 3 columns"},
		{codec.Row{Op: 9, New: account("n", 1)}, "unknown operation 9"},
		{codec.Row{Op: rows.Insert, New: []rows.Value{{}, {Kind: 99}, {}}}, "column id has a value of unknown kind 99"},
	} {
		got, err := encoder.Row([]byte("kept"), &tc.row)
		want := `encode a row of sh"op.accounts as canal-json: ` + tc.want
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
		if string(got) != "kept" {
			t.Errorf("with error %q: left %q behind", want, got)
		}
	}
}

// Whatever the bytes, the message is JSON, and what it says is the text, or the bytes as Latin-1 characters.
func FuzzEscapes(f *testing.F) {
	for _, s := range []string{"plain text", "\"\\/\b\f\n\r\t\x00\x1f\x7f", "é中🦆\u2028", "12345678\"", "1234567é2345678", "\xff\xc0\xaf\xed\xa0\x80x", "\xe4\xb8"} {
		f.Add([]byte(s), s)
	}
	c := canaljson.New(canaljson.Defaults())
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		table := &schema.Table{Schema: "s", Name: name, Columns: []schema.Column{{Name: "t"}, {Name: "b"}}}
		values := []rows.Value{{Kind: rows.Text, Bytes: text}, {Kind: rows.Binary, Bytes: text}}
		line := encode(t, c, table, codec.Row{Op: rows.Insert, New: values})
		if !utf8.ValidString(line) {
			t.Fatalf("%q is no UTF-8", line)
		}
		var got struct {
			Table string
			Data  []struct{ T, B string }
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		var latin1 []rune
		for _, b := range text {
			latin1 = append(latin1, rune(b))
		}
		if want := string([]rune(name)); got.Table != want {
			t.Errorf("table %q, want %q", got.Table, want)
		}
		if want := string([]rune(string(text))); got.Data[0].T != want {
			t.Errorf("text %q, want %q", got.Data[0].T, want)
		}
		if want := string(latin1); got.Data[0].B != want {
			t.Errorf("binary %q, want %q", got.Data[0].B, want)
		}
	})
}

func TestTimesChangeBetweenRows(t *testing.T) {
	encoder := canaljson.New(canaljson.Defaults()).Table(accounts())
	for _, times := range [][2]int64{{0, 0}, {1, 2}, {1, 3}, {2, 3}, {2, 3}} {
		got, err := encoder.Row(nil, &codec.Row{Op: rows.Insert, WallMs: times[0], BuildMs: times[1], New: account("n", 1)})
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf(`,"es":%d,"ts":%d,`, times[0], times[1]); !strings.Contains(string(got), want) {
			t.Errorf("got %s, want %s in it", got, want)
		}
	}
}

func BenchmarkRow(b *testing.B) { codectest.Bench(b, canaljson.New(canaljson.Defaults())) }

func TestAllocations(t *testing.T) {
	table, values := codectest.Orders()
	encoder := canaljson.New(canaljson.Defaults()).Table(table)
	row := &codec.Row{Op: rows.Update, Old: values, New: values}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf, _ = encoder.Row(buf[:0], row) }); n != 0 {
		t.Errorf("a row costs %v allocations, want none", n)
	}
}
