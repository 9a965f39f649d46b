// Package codectest holds the rows that the protocols' tests and benchmarks encode.
package codectest

import (
	"math"
	"testing"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// A Case is one value of one column, and what each protocol writes for it.
type Case struct {
	Name   string
	Column schema.Column
	Value  rows.Value
	CSV    string // as it stands in the line, with the default options
	JSON   string // as it stands behind the column's name
	MySQL  string // canal-json's mysqlType
	Java   int    // canal-json's sqlType
}

func text(kind rows.Kind, s string) rows.Value { return rows.Value{Kind: kind, Bytes: []byte(s)} }
func num(kind rows.Kind, n uint64) rows.Value  { return rows.Value{Kind: kind, Num: n} }
func signed(n int64) rows.Value                { return num(rows.Int, uint64(n)) }
func scaled(kind rows.Kind, n uint64, scale uint8) rows.Value {
	return rows.Value{Kind: kind, Num: n, Scale: scale}
}

func column(name string, t schema.Type) schema.Column {
	return schema.Column{Name: "c", Type: t, TypeName: name, Length: -1, Nullable: true}
}

func unsigned(name string, t schema.Type) schema.Column {
	c := column(name, t)
	c.Unsigned = true
	return c
}

func labelled(name string, t schema.Type, labels ...string) schema.Column {
	c := column(name, t)
	c.Elems = labels
	return c
}

// Table is a table of one column, which is no key.
func (c *Case) Table() *schema.Table {
	return &schema.Table{Schema: "shop", Name: "t", Columns: []schema.Column{c.Column}}
}

// Cases has every kind of value, and every column type.
func Cases() []Case {
	clock := uint64((23*3600+59*60+58)*1_000_000 + 123456)
	date := rows.PackDate(2000, 1, 2)
	float := func(f float32) rows.Value {
		return scaled(rows.Float, uint64(math.Float32bits(f)), rows.NoScale)
	}
	double := func(f float64) rows.Value { return scaled(rows.Double, math.Float64bits(f), rows.NoScale) }
	zerofill := unsigned("int", schema.Int)
	zerofill.ZeroFill = true
	year := unsigned("year", schema.Year)
	year.ZeroFill = true
	return []Case{
		{"null", column("int", schema.Int), num(rows.Null, 0), `\N`, `null`, "int", 4},
		{"tinyint", column("tinyint", schema.TinyInt), signed(-128), `-128`, `"-128"`, "tinyint", -6},
		{"tinyint unsigned", unsigned("tinyint", schema.TinyInt), num(rows.Uint, 127), `127`, `"127"`, "tinyint unsigned", -6},
		{"tinyint unsigned wide", unsigned("tinyint", schema.TinyInt), num(rows.Uint, 128), `128`, `"128"`, "tinyint unsigned", 5},
		{"smallint", column("smallint", schema.SmallInt), signed(-32768), `-32768`, `"-32768"`, "smallint", 5},
		{"smallint unsigned wide", unsigned("smallint", schema.SmallInt), num(rows.Uint, 65535), `65535`, `"65535"`, "smallint unsigned", 4},
		{"mediumint", column("mediumint", schema.MediumInt), signed(-8388608), `-8388608`, `"-8388608"`, "mediumint", 4},
		{"mediumint unsigned", unsigned("mediumint", schema.MediumInt), num(rows.Uint, 16777215), `16777215`, `"16777215"`, "mediumint unsigned", 4},
		{"int", column("int", schema.Int), signed(math.MinInt32), `-2147483648`, `"-2147483648"`, "int", 4},
		{"int unsigned wide", unsigned("int", schema.Int), num(rows.Uint, math.MaxUint32), `4294967295`, `"4294967295"`, "int unsigned", -5},
		{"int zerofill", zerofill, num(rows.Uint, 7), `7`, `"7"`, "int unsigned zerofill", 4},
		{"bigint", column("bigint", schema.BigInt), signed(math.MinInt64), `-9223372036854775808`, `"-9223372036854775808"`, "bigint", -5},
		{"bigint unsigned", unsigned("bigint", schema.BigInt), num(rows.Uint, math.MaxInt64), `9223372036854775807`, `"9223372036854775807"`, "bigint unsigned", -5},
		{"bigint unsigned wide", unsigned("bigint", schema.BigInt), num(rows.Uint, math.MaxUint64), `18446744073709551615`, `"18446744073709551615"`, "bigint unsigned", 3},
		{"float", column("float", schema.Float), float(16777217.5), `16777218`, `"16777218"`, "float", 7},
		{"float pi", column("float", schema.Float), float(3.1415927), `3.1415927`, `"3.1415927"`, "float", 7},
		{"float(8,2)", column("float", schema.Float), scaled(rows.Float, uint64(math.Float32bits(1.1)), 2), `1.10`, `"1.10"`, "float", 7},
		{"double", column("double", schema.Double), double(-0.1), `-0.1`, `"-0.1"`, "double", 8},
		{"double huge", column("double", schema.Double), double(math.MaxFloat64), `1.7976931348623157e308`, `"1.7976931348623157e308"`, "double", 8},
		{"decimal", column("decimal", schema.Decimal), text(rows.Decimal, "-129012.1230000"), `"-129012.1230000"`, `"-129012.1230000"`, "decimal", 3},
		{"bit", column("bit", schema.Bit), num(rows.Bit, 683), `683`, `"683"`, "bit", -7},
		{"bit(64)", column("bit", schema.Bit), num(rows.Bit, math.MaxUint64), `18446744073709551615`, `"18446744073709551615"`, "bit", -7},
		{"year", year, num(rows.Year, 1970), `1970`, `"1970"`, "year", 12},
		{"year zero", year, num(rows.Year, 0), `0`, `"0"`, "year", 12},
		{"date", column("date", schema.Date), num(rows.Date, date), `"2000-01-02"`, `"2000-01-02"`, "date", 91},
		{"date zero", column("date", schema.Date), num(rows.Date, 0), `"0000-00-00"`, `"0000-00-00"`, "date", 91},
		{"date half", column("date", schema.Date), num(rows.Date, rows.PackDate(2024, 2, 0)), `"2024-02-00"`, `"2024-02-00"`, "date", 91},
		{"time", column("time", schema.Time), num(rows.Time, clock), `"23:59:58"`, `"23:59:58"`, "time", 92},
		{"time(6) negative", column("time", schema.Time), scaled(rows.Time, -clock, 6), `"-23:59:58.123456"`, `"-23:59:58.123456"`, "time", 92},
		{"datetime", column("datetime", schema.DateTime), num(rows.DateTime, rows.PackDateTime(date, clock)), `"2000-01-02 23:59:58"`, `"2000-01-02 23:59:58"`, "datetime", 93},
		{"datetime(3)", column("datetime", schema.DateTime), scaled(rows.DateTime, rows.PackDateTime(date, clock), 3), `"2000-01-02 23:59:58.123"`, `"2000-01-02 23:59:58.123"`, "datetime", 93},
		{"timestamp", column("timestamp", schema.Timestamp), scaled(rows.Timestamp, 1_600_000_000_500_000, 1), `"2020-09-13 12:26:40.5"`, `"2020-09-13 12:26:40.5"`, "timestamp", 93},
		{"timestamp zero", column("timestamp", schema.Timestamp), num(rows.Timestamp, 0), `"0000-00-00 00:00:00"`, `"0000-00-00 00:00:00"`, "timestamp", 93},
		{"char", column("char", schema.Char), text(rows.Text, "a,\"b\"\r\n\\é中🦆"), "\"a,\"\"b\"\"\r\n\\é中🦆\"", `"a,\"b\"\r\n\\é中🦆"`, "char", 1},
		{"varchar", column("varchar", schema.VarChar), text(rows.Text, ""), `""`, `""`, "varchar", 12},
		{"varchar of null's letters", column("varchar", schema.VarChar), text(rows.Text, `\N`), `"\N"`, `"\\N"`, "varchar", 12},
		{"tinytext", column("tinytext", schema.TinyText), text(rows.Text, "\x00\x1f\x7f\b\f\t"), "\"\x00\x1f\x7f\b\f\t\"", `"\u0000\u001f` + "\x7f" + `\u0008\u000c\t"`, "tinytext", 2005},
		{"text", column("text", schema.Text), text(rows.Text, "hello world"), `"hello world"`, `"hello world"`, "text", 2005},
		{"mediumtext", column("mediumtext", schema.MediumText), text(rows.Text, "hello world"), `"hello world"`, `"hello world"`, "mediumtext", 2005},
		{"longtext", column("longtext", schema.LongText), text(rows.Text, "hello world"), `"hello world"`, `"hello world"`, "longtext", 2005},
		{"binary", column("binary", schema.Binary), text(rows.Binary, "hello world"), `"aGVsbG8gd29ybGQ="`, `"hello world"`, "binary", 2004},
		{"varbinary", column("varbinary", schema.VarBinary), text(rows.Binary, "\x00\"\\\x80\xff"), `"ACJcgP8="`, `"\u0000\"\\` + "\u0080\u00ff" + `"`, "varbinary", 2004},
		{"tinyblob", column("tinyblob", schema.TinyBlob), text(rows.Binary, ""), `""`, `""`, "tinyblob", 2004},
		{"blob", column("blob", schema.Blob), text(rows.Binary, "a"), `"YQ=="`, `"a"`, "blob", 2004},
		{"mediumblob", column("mediumblob", schema.MediumBlob), text(rows.Binary, "a"), `"YQ=="`, `"a"`, "mediumblob", 2004},
		{"longblob", column("longblob", schema.LongBlob), text(rows.Binary, "a"), `"YQ=="`, `"a"`, "longblob", 2004},
		{"enum", labelled("enum", schema.Enum, `a,"`, "b"), num(rows.Enum, 1), `"a,"""`, `"1"`, "enum", 4},
		{"enum error", labelled("enum", schema.Enum, "a"), num(rows.Enum, 0), `""`, `"0"`, "enum", 4},
		{"set", labelled("set", schema.Set, `a"`, "b", "c", "d"), num(rows.Set, 9), `"a"",d"`, `"9"`, "set", -7},
		{"set empty", labelled("set", schema.Set, "a"), num(rows.Set, 0), `""`, `"0"`, "set", -7},
		{"json", column("json", schema.JSON), text(rows.JSON, `{"key": "va\"lue"}`), `"{""key"": ""va\""lue""}"`, `"{\"key\": \"va\\\"lue\"}"`, "json", 12},
		{"point", column("point", schema.Geometry), text(rows.Binary, "\x00\x01"), `"AAE="`, `"\u0000\u0001"`, "point", -2},
		{"uuid", column("uuid", schema.UUID), text(rows.Text, "123e4567-e89b-12d3-a456-426655440000"), `"123e4567-e89b-12d3-a456-426655440000"`, `"123e4567-e89b-12d3-a456-426655440000"`, "uuid", 12},
		{"inet4", column("inet4", schema.Inet4), text(rows.Text, "10.0.0.1"), `"10.0.0.1"`, `"10.0.0.1"`, "inet4", 12},
		{"inet6", column("inet6", schema.Inet6), text(rows.Text, "::1"), `"::1"`, `"::1"`, "inet6", 12},
		{"vector", column("vector", schema.Vector), text(rows.Binary, "\x00\x00\x80\x3f"), `"AACAPw=="`, `"\u0000\u0000` + "\u0080" + `?"`, "vector", 2004},
	}
}

// Orders is a table of eleven columns, with a row of about 172 bytes.
func Orders() (*schema.Table, []rows.Value) {
	t := &schema.Table{Schema: "shop", Name: "orders", Handle: []int{0}}
	var values []rows.Value
	add := func(name, typeName string, typ schema.Type, v rows.Value) {
		c := column(typeName, typ)
		c.Name = name
		t.Columns = append(t.Columns, c)
		values = append(values, v)
	}
	add("id", "bigint", schema.BigInt, signed(1234567))
	add("customer_id", "int", schema.Int, num(rows.Uint, 89123))
	add("status", "enum", schema.Enum, num(rows.Enum, 2))
	add("amount", "decimal", schema.Decimal, text(rows.Decimal, "1234.56"))
	add("weight", "double", schema.Double, scaled(rows.Double, math.Float64bits(12.375), rows.NoScale))
	add("name", "varchar", schema.VarChar, text(rows.Text, "Johanna van der Meer"))
	add("email", "varchar", schema.VarChar, text(rows.Text, "johanna.van.der.meer@example.org"))
	add("note", "varchar", schema.VarChar, text(rows.Text, "leave it with the neighbours, the bell is broken since March"))
	add("created_at", "datetime", schema.DateTime, num(rows.DateTime, rows.PackDateTime(rows.PackDate(2024, 5, 17), 45296_000_000)))
	add("updated_at", "timestamp", schema.Timestamp, scaled(rows.Timestamp, 1_715_953_000_123_456, 6))
	add("flags", "tinyint", schema.TinyInt, signed(1))
	t.Columns[0].PK = true
	t.Columns[1].Unsigned = true
	t.Columns[2].Elems = []string{"new", "paid", "sent"}
	return t, values
}

// Bench measures inserts into Orders.
func Bench(b *testing.B, c codec.Codec) {
	table, values := Orders()
	encoder := c.Table(table)
	row := &codec.Row{Op: rows.Insert, CommitTs: 449_823_110_400_000_000, WallMs: 1_715_953_000_123, BuildMs: 1_715_953_000_456, New: values}
	buf, err := encoder.Row(nil, row)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if buf, err = encoder.Row(buf[:0], row); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
