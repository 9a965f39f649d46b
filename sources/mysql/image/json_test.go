package image

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A member is a name and value of an object, which the server sorts by the name's length, then its bytes.
type member struct {
	name  string
	value any
}

// An opaque is a value of an SQL type, and its text.
type opaque struct {
	sqlType wire
	data    []byte
	text    string
}

// encodeJSON gives a value's kind and bytes in MySQL's binary form.
func encodeJSON(v any) (kind byte, data []byte) {
	le := binary.LittleEndian
	switch v := v.(type) {
	case nil:
		return jsonLiteral, []byte{0}
	case bool:
		if v {
			return jsonLiteral, []byte{1}
		}
		return jsonLiteral, []byte{2}
	case int16:
		return jsonInt16, le.AppendUint16(nil, uint16(v))
	case uint16:
		return jsonUint16, le.AppendUint16(nil, v)
	case int32:
		return jsonInt32, le.AppendUint32(nil, uint32(v))
	case uint32:
		return jsonUint32, le.AppendUint32(nil, v)
	case int64:
		return jsonInt64, le.AppendUint64(nil, uint64(v))
	case uint64:
		return jsonUint64, le.AppendUint64(nil, v)
	case float64:
		return jsonDouble, le.AppendUint64(nil, math.Float64bits(v))
	case string:
		return jsonString, append(binary.AppendUvarint(nil, uint64(len(v))), v...)
	case opaque:
		return jsonOpaque, append(binary.AppendUvarint([]byte{byte(v.sqlType)}, uint64(len(v.data))), v.data...)
	case []any:
		if data, ok := encodeContainer(nil, v, 2); ok {
			return jsonSmallArray, data
		}
		data, _ := encodeContainer(nil, v, 4)
		return jsonLargeArray, data
	case []member:
		var names []string
		var values []any
		for _, m := range v {
			names, values = append(names, m.name), append(values, m.value)
		}
		if data, ok := encodeContainer(names, values, 2); ok {
			return jsonSmallObject, data
		}
		data, _ := encodeContainer(names, values, 4)
		return jsonLargeObject, data
	}
	panic(fmt.Sprintf("%T", v))
}

// encodeContainer tells whether numbers of width bytes are enough.
func encodeContainer(names []string, values []any, width int) ([]byte, bool) {
	number := func(dst []byte, n int) []byte {
		return append(dst, binary.LittleEndian.AppendUint32(nil, uint32(n))[:width]...)
	}
	head := 2*width + len(names)*(width+2) + len(values)*(width+1)
	var entries, tail []byte
	for _, name := range names {
		entries = binary.LittleEndian.AppendUint16(number(entries, head+len(tail)), uint16(len(name)))
		tail = append(tail, name...)
	}
	for _, v := range values {
		kind, data := encodeJSON(v)
		entries = append(entries, kind)
		inline := kind >= jsonLiteral && kind <= jsonUint16 || width == 4 && (kind == jsonInt32 || kind == jsonUint32)
		if inline {
			entries = append(entries, append(data, 0, 0, 0)[:width]...)
			continue
		}
		entries = number(entries, head+len(tail))
		tail = append(tail, data...)
	}
	size := head + len(tail)
	out := number(number(nil, len(values)), size)
	return append(append(out, entries...), tail...), width == 4 || size < 1<<16
}

// textJSON is how the server prints the value.
func textJSON(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return quoteJSON(v)
	case opaque:
		return v.text
	case float64:
		text := string(rows.AppendDouble(nil, math.Float64bits(v), rows.NoScale))
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	case []any:
		var items []string
		for _, item := range v {
			items = append(items, textJSON(item))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case []member:
		var items []string
		for _, m := range v {
			items = append(items, quoteJSON(m.name)+": "+textJSON(m.value))
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func quoteJSON(s string) string {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s)
	return strings.TrimSpace(out.String())
}

func document(v any) []byte {
	kind, data := encodeJSON(v)
	return append([]byte{kind}, data...)
}

func decodeJSON(doc []byte) (string, error) {
	c := column{kind: rows.JSON}
	var v rows.Value
	if !jsonText(&c, doc, &v) {
		return "", fmt.Errorf("corrupt: %s", c.fault)
	}
	return string(v.Bytes), nil
}

func packedTime(days, clock, micros int64) []byte {
	return binary.LittleEndian.AppendUint64(nil, uint64((days<<17|clock)<<24+micros))
}

func TestJSON(t *testing.T) {
	long := strings.Repeat("0123456789", 20)
	for _, c := range []struct {
		value any
		want  string
	}{
		{[]member{{"a", int16(1)}, {"b", []any{int16(1), 2.5, "x"}}}, `{"a": 1, "b": [1, 2.5, "x"]}`},
		{nil, "null"}, {true, "true"}, {false, "false"}, {int16(-5), "-5"}, {uint16(65535), "65535"},
		{int32(math.MinInt32), "-2147483648"}, {uint32(math.MaxUint32), "4294967295"},
		{int64(math.MinInt64), "-9223372036854775808"}, {uint64(math.MaxUint64), "18446744073709551615"},
		{1.0, "1.0"}, {1e20, "1e20"}, {1e-7, "0.0000001"}, {math.Copysign(0, -1), "-0.0"}, {0.1, "0.1"}, {1e14, "100000000000000.0"},
		{"", `""`}, {"žluť \U0001F600", "\"žluť \U0001F600\""}, {"\"\\\b\f\n\r\t\x01\x1f/", `"\"\\\b\f\n\r\t\u0001\u001f/"`},
		{long, `"` + long + `"`},
		{[]any{}, "[]"}, {[]member{}, "{}"}, {[]any{[]any{[]member{{"", nil}}}}, `[[{"": null}]]`},
		{opaque{wireNewDecimal, []byte{5, 2, 0x80, 0x7B, 45}, ""}, "123.45"},
		{opaque{wireNewDecimal, []byte{5, 2, 0x7F, 0xFE, 0xFE}, ""}, "-1.01"},
		{opaque{wireDate, packedTime((2024*13+2)<<5|29, 0, 0), ""}, `"2024-02-29"`},
		{opaque{wireDateTime, packedTime((2024*13+2)<<5|29, 23<<12|59<<6|58, 7), ""}, `"2024-02-29 23:59:58.000007"`},
		{opaque{wireTimestamp, packedTime((2024*13+2)<<5|29, 1, 0), ""}, `"2024-02-29 00:00:01.000000"`},
		{opaque{wireTime, packedTime(0, 12<<12|34<<6|56, 500000), ""}, `"12:34:56.500000"`},
		{opaque{wireTime, packedTime(0, -(838<<12 | 59<<6 | 59), 0), ""}, `"-838:59:59.000000"`},
		{opaque{wireVarChar, []byte{1}, ""}, `"base64:type15:AQ=="`},
		{opaque{wireBlob, bytes.Repeat([]byte{0}, 57), ""}, `"base64:type252:` + strings.Repeat("A", 76) + `"`},
		{opaque{wireBlob, bytes.Repeat([]byte{0}, 58), ""}, `"base64:type252:` + strings.Repeat("A", 76) + `\nAA=="`},
	} {
		got, err := decodeJSON(document(c.value))
		if err != nil || got != c.want {
			t.Errorf("%v:\n got %s, %v\nwant %s", c.value, got, err, c.want)
		}
	}
	if got, err := decodeJSON(nil); got != "null" || err != nil {
		t.Errorf("no document = %s, %v", got, err)
	}
	large := make([]any, 40_000)
	for i := range large {
		large[i] = int32(100_000 + i)
	}
	if got, err := decodeJSON(document(large)); err != nil || got != textJSON(large) {
		t.Errorf("a large array: %.100s, %v", got, err)
	}
}

func TestJSONRefusesDamage(t *testing.T) {
	doc := document([]member{{"a", int32(1)}, {"bb", []any{"x", int64(5), 1.5}}})
	for n := 1; n < len(doc); n++ {
		if got, err := decodeJSON(doc[:n]); err == nil {
			t.Errorf("%d bytes read as %s", n, got)
		}
	}
	deep := any(nil)
	for range jsonDepth + 1 {
		deep = []any{deep}
	}
	if _, err := decodeJSON(document(deep)); err == nil {
		t.Error("nesting without end is read")
	}
	// An array all of whose entries point to the rest of it, again and again.
	loop := []byte{jsonSmallArray, 200, 0, 0, 4}
	for range 200 {
		loop = append(loop, jsonSmallArray, 0, 0)
	}
	loop = append(loop, make([]byte, 1024)...)
	if _, err := decodeJSON(loop); err == nil {
		t.Error("an array that holds itself is read")
	}
}

// randomJSON makes a value nested at most depth deep.
func randomJSON(r *rand.Rand, depth int) any {
	n := 12
	if depth > 0 {
		n = 15
	}
	switch r.IntN(n) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 0
	case 2:
		return int16(r.Uint32())
	case 3:
		return uint16(r.Uint32())
	case 4:
		return int32(r.Uint32())
	case 5:
		return r.Uint32()
	case 6:
		return int64(r.Uint64())
	case 7:
		return r.Uint64()
	case 8:
		return (r.Float64() - 0.5) * math.Pow10(r.IntN(40)-20)
	case 9:
		return strings.Repeat("ž\"\n", r.IntN(100))
	case 10:
		return opaque{wireNewDecimal, []byte{5, 2, 0x80, 0x7B, 45}, "123.45"}
	case 11:
		return strconv.Itoa(r.IntN(1000))
	case 12, 13:
		items := make([]any, r.IntN(8))
		for i := range items {
			items[i] = randomJSON(r, depth-1)
		}
		return items
	}
	members := make([]member, r.IntN(8))
	for i := range members {
		members[i] = member{fmt.Sprintf("k%d", i), randomJSON(r, depth-1)}
	}
	return members
}

// Documents read as what they were made from, and as go-mysql reads them.
func TestJSONAgainstGoMySQL(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var docs [][]byte
	var wants []string
	for range 300 {
		v := randomJSON(r, 5)
		docs, wants = append(docs, document(v)), append(wants, textJSON(v))
	}
	theirs := goMySQL(t, docs)
	for i, doc := range docs {
		got, err := decodeJSON(doc)
		if err != nil || got != wants[i] {
			t.Errorf("%x:\n got %s, %v\nwant %s", doc, got, err, wants[i])
		}
		if !reflect.DeepEqual(parsed(t, got), parsed(t, theirs[i])) {
			t.Errorf("%x:\n      got %s\ngo-mysql: %s", doc, got, theirs[i])
		}
	}
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %.200s", err, text)
	}
	return v
}

// goMySQL has go-mysql read the documents as rows of a table with a JSON column.
func goMySQL(t *testing.T, docs [][]byte) []string {
	t.Helper()
	var body []byte
	for _, doc := range docs {
		body = append(append(binary.LittleEndian.AppendUint32(append(body, 0xFE), uint32(len(doc))), doc...), []byte{}...)
	}
	table := append([]byte{7, 0, 0, 0, 0, 0, 1, 0, 1, 's', 0, 1, 't', 0}, Layout([]byte{byte(wireJSON)}, []byte{4})...)
	write := append([]byte{7, 0, 0, 0, 0, 0, 1, 0, 1, 0xFF}, body...)
	parser := replication.NewBinlogParser()
	for _, e := range [][]byte{formatDescription(t), event(19, append(table, 1))} {
		if _, err := parser.Parse(e); err != nil {
			t.Fatal(err)
		}
	}
	parsedEvent, err := parser.Parse(event(23, write))
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, row := range parsedEvent.Event.(*replication.RowsEvent).Rows {
		text := fmt.Sprintf("%s", row[0])
		texts = append(texts, strings.ReplaceAll(text, `"123.45"`, "123.45")) // it quotes decimals
	}
	return texts
}

// formatDescription takes the first event of the server's binlog.
func formatDescription(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(theServer(t).dir, "bin.000001"))
	if err != nil {
		t.Fatal(err)
	}
	return data[4 : 4+binary.LittleEndian.Uint32(data[13:])]
}

// event puts a header in front of a body.
func event(kind byte, body []byte) []byte {
	header := make([]byte, 19)
	header[4] = kind
	binary.LittleEndian.PutUint32(header[9:], uint32(19+len(body)))
	return append(header, body...)
}

func BenchmarkJSON(b *testing.B) {
	doc := document([]member{{"id", int32(123456)}, {"name", "someone"}, {"tags", []any{"a", "b", 1.5}}, {"blob", base64.StdEncoding.EncodeToString([]byte("hello"))}})
	c := column{kind: rows.JSON}
	var v rows.Value
	b.ReportAllocs()
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		jsonText(&c, doc, &v)
	}
}

// A JSON column of MySQL is read by its own plan, in scratch space.
func TestJSONColumn(t *testing.T) {
	table := &schema.Table{Schema: "s", Name: "t", Columns: []schema.Column{{Name: "j", Type: schema.JSON, TypeName: "json", Charset: "utf8mb4"}}}
	plan := compiled(t, table, Layout([]byte{byte(wireJSON)}, []byte{4}))
	doc := document([]any{"a", nil})
	values := make([]rows.Value, 1)
	n, err := plan.Row(append(binary.LittleEndian.AppendUint32([]byte{0xFE}, uint32(len(doc))), doc...), values)
	if err != nil || n != 5+len(doc) || values[0].Kind != rows.JSON || string(values[0].Bytes) != `["a", null]` {
		t.Errorf("Row = %d, %v, %v %s", n, err, values[0].Kind, values[0].Bytes)
	}
	_, err = plan.Row([]byte{0xFE, 2, 0, 0, 0, jsonSmallObject, 0}, values)
	if err == nil || !strings.Contains(err.Error(), "s.t: column j at byte 1: it is no JSON document") {
		t.Errorf("damaged: %v", err)
	}
}
