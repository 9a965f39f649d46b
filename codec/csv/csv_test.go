package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/codec/codectest"
	"github.com/weir-cdc/weir/codec/csv"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

func open(t *testing.T, query string) codec.Codec {
	t.Helper()
	values, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	c, err := codec.Open("csv", values)
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
		got := encode(t, c, tc.Table(), codec.Row{Op: rows.Insert, New: []rows.Value{tc.Value}})
		if want := `"I","t","shop",` + tc.CSV + "\r\n"; got != want {
			t.Errorf("%s:\n got %q\nwant %q", tc.Name, got, want)
		}
	}
}

// accounts has its key in the second column.
func accounts() *schema.Table {
	return &schema.Table{Schema: `sh"op`, Name: "accounts", Handle: []int{1}, Columns: []schema.Column{
		{Name: "note", Type: schema.Text},
		{Name: "id", Type: schema.Int, PK: true},
	}}
}

func account(note string, id uint64) []rows.Value {
	return []rows.Value{{Kind: rows.Text, Bytes: []byte(note)}, {Kind: rows.Int, Num: id}}
}

func TestOperations(t *testing.T) {
	keyless := accounts()
	keyless.Handle = nil
	for _, tc := range []struct {
		name, query string
		table       *schema.Table
		row         codec.Row
		want        string
	}{
		{"insert", "", accounts(), codec.Row{Op: rows.Insert, CommitTs: 9, New: account("n", 1)},
			`"I","accounts","sh""op","n",1` + "\r\n"},
		{"delete", "", accounts(), codec.Row{Op: rows.Delete, CommitTs: 9, Old: account("o", 1)},
			`"D","accounts","sh""op","o",1` + "\r\n"},
		{"update", "", accounts(), codec.Row{Op: rows.Update, CommitTs: 9, Old: account("o", 1), New: account("n", 1)},
			`"U","accounts","sh""op","n",1` + "\r\n"},
		{"update of the key", "", accounts(), codec.Row{Op: rows.Update, CommitTs: 9, Old: account("o", 1), New: account("n", 2)},
			`"D","accounts","sh""op","o",1` + "\r\n" + `"I","accounts","sh""op","n",2` + "\r\n"},
		{"update without a key", "", keyless, codec.Row{Op: rows.Update, CommitTs: 9, Old: account("o", 1), New: account("n", 1)},
			`"D","accounts","sh""op","o",1` + "\r\n" + `"I","accounts","sh""op","n",1` + "\r\n"},
		{"commit-ts", "include-commit-ts=true", accounts(), codec.Row{Op: rows.Insert, CommitTs: 9, New: account("n", 1)},
			`"I","accounts","sh""op",9,"n",1` + "\r\n"},
		{"old value of an insert", "output-old-value=true", accounts(), codec.Row{Op: rows.Insert, CommitTs: 9, New: account("n", 1)},
			`"I","accounts","sh""op",false,"n",1` + "\r\n"},
		{"old value of an update", "output-old-value=true&include-commit-ts=true", accounts(),
			codec.Row{Op: rows.Update, CommitTs: 9, Old: account("o", 1), New: account("n", 1)},
			`"D","accounts","sh""op",9,true,"o",1` + "\r\n" + `"I","accounts","sh""op",9,true,"n",1` + "\r\n"},
		{"terminator", "terminator=%0A", accounts(), codec.Row{Op: rows.Delete, Old: account("o", 1)},
			`"D","accounts","sh""op","o",1` + "\n"},
		{"no quote", "quote=", accounts(), codec.Row{Op: rows.Insert, New: account("a,\"b\\c\r\nd", 1)},
			`I,accounts,sh"op,a\,"b\\c\r\nd,1` + "\r\n"},
		{"no quote, long delimiter", "quote=&delimiter=%7C%7C%7C", accounts(), codec.Row{Op: rows.Insert, New: account("a|||b|c||", 1)},
			`I|||accounts|||sh"op|||a\|\|\|b|c\|\||||1` + "\r\n"},
		{"other quote and delimiter", "quote=%27&delimiter=%7C&null=nil", accounts(),
			codec.Row{Op: rows.Insert, New: []rows.Value{{Kind: rows.Text, Bytes: []byte(`it's|"`)}, {}}},
			`'I'|'accounts'|'sh"op'|'it''s|"'|nil` + "\r\n"},
	} {
		if got := encode(t, open(t, tc.query), tc.table, tc.row); got != tc.want {
			t.Errorf("%s:\n got %q\nwant %q", tc.name, got, tc.want)
		}
	}
}

func TestOptionsOfTypes(t *testing.T) {
	cases := map[string]codectest.Case{}
	for _, tc := range codectest.Cases() {
		cases[tc.Name] = tc
	}
	for _, tc := range []struct{ name, query, want string }{
		{"timestamp", "timezone=Asia/Kolkata", `"2020-09-13 17:56:40.5"`},
		{"timestamp zero", "timezone=Asia/Kolkata", `"0000-00-00 00:00:00"`},
		{"datetime", "timezone=Asia/Kolkata", `"2000-01-02 23:59:58"`},
		{"binary", "binary-encoding-method=hex", `"68656c6c6f20776f726c64"`},
		{"null", "null=", ``},
		{"set", "quote=", `a"\,d`},
		{"enum", "quote=", `a\,"`},
		{"decimal", "quote=", `-129012.1230000`},
		{"date", "quote=", `2000-01-02`},
		{"datetime", "quote=&delimiter=:", `2000-01-02 23\:59\:58`},
		{"binary", "quote=a", `aaaGVsbG8gd29ybGQ=a`},
		{"time", "quote=:", `:23::59::58:`},
	} {
		c := cases[tc.name]
		got := encode(t, open(t, tc.query), c.Table(), codec.Row{Op: rows.Insert, New: []rows.Value{c.Value}})
		if !strings.HasSuffix(got, tc.want+"\r\n") {
			t.Errorf("%s with %s:\n got %q\nwant it to end in %q", tc.name, tc.query, got, tc.want)
		}
	}
}

func TestHiddenColumnsAreLeftOut(t *testing.T) {
	table := accounts()
	table.Columns[0].Hidden = true
	got := encode(t, open(t, ""), table, codec.Row{Op: rows.Insert, New: account("n", 1)})
	if want := `"I","accounts","sh""op",1` + "\r\n"; got != want {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
}

func TestErrors(t *testing.T) {
	table := &schema.Table{Schema: "shop", Name: "t", Columns: []schema.Column{
		{Name: "e", Type: schema.Enum, Elems: []string{"a"}},
		{Name: "s", Type: schema.Set, Elems: []string{"a"}},
	}}
	encoder := csv.New(csv.Defaults()).Table(table)
	fine := []rows.Value{{Kind: rows.Enum, Num: 1}, {Kind: rows.Set, Num: 1}}
	for _, tc := range []struct {
		row  codec.Row
		want string
	}{
		{codec.Row{Op: rows.Insert, New: fine[:1]}, "it has 1 values for 2 columns"},
		{codec.Row{Op: 7, New: fine}, "unknown operation 7"},
		{codec.Row{Op: rows.Insert, New: []rows.Value{{Kind: rows.Enum, Num: 2}, fine[1]}}, "column e has no label for its number: its definition here differs from the upstream's"},
		{codec.Row{Op: rows.Insert, New: []rows.Value{fine[0], {Kind: rows.Set, Num: 2}}}, "column s has no label for its number: its definition here differs from the upstream's"},
		{codec.Row{Op: rows.Update, Old: fine, New: []rows.Value{fine[0], {Kind: 99}}}, "column s has a value of unknown kind 99"},
	} {
		got, err := encoder.Row([]byte("kept"), &tc.row)
		want := "encode a row of shop.t as csv: " + tc.want
		if err == nil || err.Error() != want {
			t.Errorf("got error %v, want %s", err, want)
		}
		if string(got) != "kept" {
			t.Errorf("with error %q: left %q behind", want, got)
		}
	}
}

// The standard library's reader gives back what was written. (It drops the carriage return of a CRLF within quotes.)
func FuzzQuotes(f *testing.F) {
	f.Add("plain", "a,\"b\"\"\n", `\N`)
	f.Add("", `"`, "é\x00\xff")
	c := csv.New(csv.Defaults())
	f.Fuzz(func(t *testing.T, a, b, name string) {
		if strings.Contains(a+b+name, "\r") {
			return
		}
		table := &schema.Table{Schema: "s", Name: name, Columns: make([]schema.Column, 2)}
		values := []rows.Value{{Kind: rows.Text, Bytes: []byte(a)}, {Kind: rows.JSON, Bytes: []byte(b)}}
		line := encode(t, c, table, codec.Row{Op: rows.Insert, New: values})
		records, err := stdcsv.NewReader(strings.NewReader(line)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"I", name, "s", a, b}; len(records) != 1 || !slices.Equal(records[0], want) {
			t.Fatalf("read back %q, want %q", records, want)
		}
	})
}

// unescape reads a line of the form without quotes.
func unescape(line []byte, delimiter string) [][]byte {
	fields := [][]byte{nil}
	for len(line) > 0 {
		last := &fields[len(fields)-1]
		switch {
		case line[0] == '\\':
			c := line[1]
			switch c {
			case 'r':
				c = '\r'
			case 'n':
				c = '\n'
			}
			*last = append(*last, c)
			line = line[2:]
		case bytes.HasPrefix(line, []byte(delimiter)):
			fields = append(fields, nil)
			line = line[len(delimiter):]
		default:
			*last = append(*last, line[0])
			line = line[1:]
		}
	}
	return fields
}

func FuzzEscapes(f *testing.F) {
	f.Add("plain", "a||b|\\", "||")
	f.Add("\r\n", "|", "|")
	f.Add("x;", ";;;", ";;x")
	f.Fuzz(func(t *testing.T, a, b, delimiter string) {
		opened, err := codec.Open("csv", url.Values{"quote": {""}, "delimiter": {delimiter}})
		if err != nil {
			return
		}
		table := &schema.Table{Schema: "s", Name: "t", Columns: make([]schema.Column, 2)}
		values := []rows.Value{{Kind: rows.Text, Bytes: []byte(a)}, {Kind: rows.Text, Bytes: []byte(b)}}
		line := encode(t, opened, table, codec.Row{Op: rows.Insert, New: values})
		got := unescape([]byte(strings.TrimSuffix(line, "\r\n")), delimiter)
		want := [][]byte{[]byte("I"), []byte("t"), []byte("s"), []byte(a), []byte(b)}
		if !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%q read back %q, want %q", line, got, want)
		}
	})
}

func BenchmarkRow(b *testing.B) {
	o := csv.Defaults()
	o.IncludeCommitTs = true
	codectest.Bench(b, csv.New(o))
}

func TestAllocations(t *testing.T) {
	table, values := codectest.Orders()
	encoder := csv.New(csv.Defaults()).Table(table)
	row := &codec.Row{Op: rows.Update, Old: values, New: values}
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf, _ = encoder.Row(buf[:0], row) }); n != 0 {
		t.Errorf("a row costs %v allocations, want none", n)
	}
}
