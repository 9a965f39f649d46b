package image

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// Every type that the server has: its values go in by SQL, come back by the binlog through a plan, and must read as the
// server's own SELECT does.
func TestTypesAgainstServer(t *testing.T) {
	for _, c := range []struct {
		columnType string
		values     []string
	}{
		{"TINYINT", []string{"-128", "-1", "0", "127"}},
		{"TINYINT UNSIGNED", []string{"0", "128", "255"}},
		{"SMALLINT", []string{"-32768", "32767"}},
		{"SMALLINT UNSIGNED", []string{"0", "65535"}},
		{"MEDIUMINT", []string{"-8388608", "-1", "0", "8388607"}},
		{"MEDIUMINT UNSIGNED", []string{"0", "8388608", "16777215"}},
		{"INT", []string{"-2147483648", "2147483647"}},
		{"INT UNSIGNED ZEROFILL", []string{"4294967295", "1234567890"}},
		{"BIGINT", []string{"-9223372036854775808", "9223372036854775807"}},
		{"BIGINT UNSIGNED", []string{"0", "18446744073709551615"}},
		{"BOOLEAN", []string{"TRUE", "FALSE"}},
		{"FLOAT", []string{"0", "-1.5", "3.4028234e38", "1e-38", "16777216", "0.1", "-1e-15", "1e15"}},
		{"FLOAT(10,3)", []string{"1.23456", "-0.0001", "1234567.891"}},
		{"DOUBLE", []string{"0", "-1.5", "1.7976931348623157e308", "2.2250738585072014e-308", "0.1", "1e15", "123456789012345678"}},
		{"DOUBLE(20,4)", []string{"1.23456", "-123456789012.5"}},
		{"DECIMAL(10,2)", []string{"0", "-0.01", "99999999.99", "-99999999.99", "1.5"}},
		{"DECIMAL(65,30)", []string{strings.Repeat("9", 35) + "." + strings.Repeat("9", 30), "-1e-30", "0", "123456789.000000001"}},
		{"DECIMAL(65,0)", []string{strings.Repeat("9", 65), "-" + strings.Repeat("9", 65), "1000000000", "999999999"}},
		{"DECIMAL(38,38)", []string{"0.1", "-0." + strings.Repeat("9", 38)}},
		{"DECIMAL(9,9)", []string{"0.123456789", "-0.000000001"}},
		{"DECIMAL(18,9)", []string{"123456789.123456789", "-1"}},
		{"DECIMAL(1,0)", []string{"-9", "9", "0"}},
		{"DECIMAL(20,5) UNSIGNED", []string{"0", "999999999999999.99999"}},
		{"BIT(1)", []string{"0", "1"}},
		{"BIT(10)", []string{"0", "1023", "513"}},
		{"BIT(64)", []string{"18446744073709551615", "1"}},
		{"YEAR", []string{"0", "1901", "2155"}},
		{"DATE", []string{"'0000-00-00'", "'2024-00-00'", "'2024-02-00'", "'1000-01-01'", "'9999-12-31'"}},
		{"TIME", []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"}},
		{"TIME(1)", []string{"'-00:00:00.1'", "'-12:34:56.9'", "'12:34:56.9'"}},
		{"TIME(2)", []string{"'-00:00:01.99'", "'-838:59:59.01'"}},
		{"TIME(3)", []string{"'-00:00:00.001'", "'838:59:59.999'", "'-838:59:59.999'"}},
		{"TIME(4)", []string{"'-00:00:00.0001'", "'-01:00:00'"}},
		{"TIME(5)", []string{"'-00:00:00.00001'"}},
		{"TIME(6)", []string{"'-00:00:00.000001'", "'838:59:59.999999'", "'-838:59:59.999999'", "'-00:00:01'", "0"}},
		{"DATETIME", []string{"'0000-00-00'", "'2024-00-00 01:02:03'", "'9999-12-31 23:59:59'", "'1000-01-01'"}},
		{"DATETIME(1)", []string{"'2024-02-29 23:59:59.9'", "0"}},
		{"DATETIME(3)", []string{"'2024-02-29 23:59:59.999'", "'0000-00-00 00:00:00'"}},
		{"DATETIME(6)", []string{"'9999-12-31 23:59:59.999999'", "'0001-01-01 00:00:00.000001'", "0"}},
		{"TIMESTAMP NULL", []string{"'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00'"}},
		{"TIMESTAMP(2) NULL", []string{"'1970-01-01 00:00:01.01'", "0"}},
		{"TIMESTAMP(4) NULL", []string{"'2024-02-29 12:34:56.7891'"}},
		{"TIMESTAMP(6) NULL", []string{"'2038-01-19 03:14:07.999999'", "'1970-01-01 00:00:01.000001'", "0"}},
		{"CHAR(0)", []string{"''"}},
		{"CHAR(3) CHARACTER SET utf8mb4", []string{"'a'", "''", "'žlu'", "'\U0001F600 x'"}},
		{"CHAR(255) CHARACTER SET utf8mb4", []string{"REPEAT('\U0001F600', 255)", "'a  '", "''"}},
		{"CHAR(255) CHARACTER SET latin1", []string{"REPEAT('é', 255)", "'€'"}},
		{"VARCHAR(10) CHARACTER SET utf8mb3", []string{"'žluťoučký '", "''"}},
		{"VARCHAR(63) CHARACTER SET utf8mb4", []string{"REPEAT('\U0001F600', 63)"}},
		{"VARCHAR(64) CHARACTER SET utf8mb4", []string{"REPEAT('\U0001F600', 64)", "'a'"}},
		{"VARCHAR(300) CHARACTER SET ucs2", []string{"REPEAT('ž', 300)", "'a'"}},
		{"VARCHAR(20) CHARACTER SET gbk", []string{"'你好 hello'"}},
		{"VARCHAR(20) CHARACTER SET utf16le", []string{"'\U0001F600a'"}},
		{"VARCHAR(20) CHARACTER SET utf32", []string{"'\U0001F600a'"}},
		{"CHAR(20) CHARACTER SET sjis", []string{"'テスト'"}},
		{"CHAR(20) CHARACTER SET ucs2", []string{"'č a'"}},
		{"TINYTEXT CHARACTER SET latin2", []string{"'žlutý'", "''"}},
		{"TEXT CHARACTER SET utf8mb4", []string{"REPEAT('ab', 30000)", "'a\\nb'"}},
		{"MEDIUMTEXT CHARACTER SET cp1251", []string{"REPEAT('Привет', 20000)"}},
		{"LONGTEXT CHARACTER SET ujis", []string{"REPEAT('日本', 40000)"}},
		{"JSON", []string{`'{"a": [1, 2.50,  null]}'`}},
		{"BINARY(5)", []string{"'ab'", "x'6100620000'", "x'0000000000'", "''"}},
		{"BINARY(255)", []string{"'ab'", "REPEAT(x'FF', 255)"}},
		{"VARBINARY(10)", []string{"x'6100'", "''"}},
		{"VARBINARY(300)", []string{"REPEAT(x'FF00', 150)"}},
		{"TINYBLOB", []string{"x'00FF'", "''"}},
		{"BLOB", []string{"REPEAT(x'00FF', 30000)"}},
		{"MEDIUMBLOB", []string{"REPEAT(x'00FF', 40000)"}},
		{"LONGBLOB", []string{"REPEAT(x'00FF', 40000)", "''"}},
		{"ENUM('a','b','ž')", []string{"'a'", "'ž'", "'nonsense'"}},
		{"SET('a','b','ž')", []string{"''", "'a,ž'", "7"}},
		{"POINT", []string{"POINT(1, 2)"}},
		{"GEOMETRY", []string{"ST_GeomFromText('LINESTRING(0 0, 1 1)', 4326)"}},
		{"UUID", []string{
			"'123e4567-e89b-12d3-a456-426614174000'", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
			"'6ccd780c-baba-1026-9564-5b8c656024db'", "'f81d4fae-7dec-41d0-a765-00a0c91e6bf6'", "'017f22e2-79b0-7cc3-98c4-dc0c0c07398f'",
			"'1ec9414c-232a-6b00-b3c8-9f6bdeced846'", "'00000000-0000-0000-0000-000000000001'", "'10000000-0000-0000-0000-000000000000'",
			"'74738ff5-5367-5958-9aee-98fffdcd1876'", "'2ed6657d-e927-568b-95e1-2665a8aea6a2'",
		}},
		{"INET4", []string{"'1.2.3.0'", "'0.0.0.0'", "'255.255.255.255'"}},
		{"INET6", []string{"'::'", "'::1'", "'::1:2'", "'::ffff:1.2.3.4'", "'1:0:2:3:4:5:6:7'", "'1:0:0:2:0:0:3:4'", "'1:2:3:4:5:6:7:0'",
			"'0:2:3:4:5:6:7:8'", "'1:0:2:0:0:4:5:6'", "'::1:0:0'", "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'", "'::fffe:1.2.3.4'"}},
		{"VARCHAR(200) COMPRESSED CHARACTER SET latin1", []string{"'é'", "''", "REPEAT('é', 200)"}},
		{"VARCHAR(85) COMPRESSED CHARACTER SET utf8mb3", []string{"REPEAT('a', 85)"}},
		{"TEXT COMPRESSED CHARACTER SET utf8mb4", []string{"REPEAT('hello ž', 5000)", "'short'", "''"}},
		{"MEDIUMBLOB COMPRESSED", []string{"REPEAT(x'00FF', 100000)", "x'00'"}},
		{"VARBINARY(300) COMPRESSED", []string{"REPEAT('x', 300)"}},
	} {
		t.Run(c.columnType, func(t *testing.T) { checkType(t, c.columnType, c.values) })
	}
}

// The formats that tables keep from servers of before 2013, or that mysql56_temporal_format=OFF brings.
func TestOldTemporalTypesAgainstServer(t *testing.T) {
	run(t, "SET GLOBAL mysql56_temporal_format = OFF")
	t.Cleanup(func() { run(t, "SET GLOBAL mysql56_temporal_format = ON") })
	for digits := range 7 {
		checkType(t, fmt.Sprintf("TIME(%d)", digits), []string{"'-838:59:59.999999'", "'-00:00:00.1'", "'12:34:56.123456'", "0"})
		checkType(t, fmt.Sprintf("DATETIME(%d)", digits), []string{"'9999-12-31 23:59:59'", "'2024-02-29 12:34:56.123456'", "0", "'2024-00-00 01:02:03'"})
		checkType(t, fmt.Sprintf("TIMESTAMP(%d) NULL", digits), []string{"'1970-01-01 00:00:01'", "'2024-02-29 12:34:56.123456'", "0"})
	}
}

// COMPRESSED values may have zlib's own header too.
func TestWrappedCompressionAgainstServer(t *testing.T) {
	run(t, "SET GLOBAL column_compression_zlib_wrap = ON; SET column_compression_zlib_wrap = ON")
	t.Cleanup(func() {
		run(t, "SET GLOBAL column_compression_zlib_wrap = OFF; SET column_compression_zlib_wrap = OFF")
	})
	checkType(t, "TEXT COMPRESSED CHARACTER SET utf8mb4", []string{"REPEAT('hello ž', 5000)", "REPEAT('again', 5000)", "'short'"})
}

func checkType(t *testing.T, columnType string, values []string) {
	t.Helper()
	run(t, "CREATE DATABASE IF NOT EXISTS t; USE t; SET NAMES utf8mb4; SET sql_mode=''; DROP TABLE IF EXISTS v; "+
		"CREATE TABLE v(id INT AUTO_INCREMENT PRIMARY KEY, v "+columnType+", w VARCHAR(1) CHARACTER SET ascii DEFAULT 'w')")
	var insert strings.Builder
	insert.WriteString("INSERT INTO v(v) VALUES (NULL)")
	for _, v := range values {
		fmt.Fprintf(&insert, ", (%s)", v)
	}
	events := capture(t, func() { run(t, insert.String()) })
	table := define(t, "v")
	want := texts(t, "SELECT id, "+asText("v", &table.Columns[1])+", w FROM v ORDER BY id")
	got := decode(t, table, events)
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", columnType, len(got), len(want))
	}
	for i := range want {
		for j := range want[i] {
			if got[i][j] != want[i][j] {
				t.Errorf("%s value %d column %d:\n got %.200q\nwant %.200q", columnType, i, j, got[i][j], want[i][j])
			}
		}
	}
}

// asText is the SQL for what show makes of a value.
func asText(name string, col *schema.Column) string {
	switch col.Type {
	case schema.Binary, schema.VarBinary, schema.TinyBlob, schema.Blob, schema.MediumBlob, schema.LongBlob, schema.Geometry:
		return "HEX(" + name + ")"
	case schema.Bit:
		return name + " + 0"
	case schema.Char, schema.VarChar, schema.TinyText, schema.Text, schema.MediumText, schema.LongText:
		return "CAST(CONVERT(" + name + " USING utf8mb4) AS BINARY)"
	}
	return "CAST(" + name + " AS CHAR)"
}

// decode reads all rows of the events and checks that Skip agrees with Row on their length.
func decode(t testing.TB, table *schema.Table, events []chunk) [][]string {
	t.Helper()
	var all [][]string
	for _, e := range events {
		plan, err := Format{}.Compile(table, e.layout)
		if err != nil {
			t.Fatal(err)
		}
		values := make([]rows.Value, len(table.Columns))
		for body := e.body; len(body) > 0; {
			skipped, _, err := plan.Skip(body)
			if err != nil {
				t.Fatal(err)
			}
			n, err := plan.Row(body, values)
			if err != nil {
				t.Fatal(err)
			}
			if n != skipped {
				t.Fatalf("Skip says %d bytes, Row %d", skipped, n)
			}
			body = body[n:]
			line := make([]string, len(values))
			for i := range values {
				line[i] = show(&values[i], &table.Columns[i])
			}
			all = append(all, line)
		}
	}
	return all
}

func show(v *rows.Value, col *schema.Column) string {
	switch v.Kind {
	case rows.Null:
		return "NULL"
	case rows.Int:
		return fmt.Sprint(int64(v.Num))
	case rows.Uint, rows.Bit:
		return fmt.Sprint(v.Num)
	case rows.Float:
		return string(rows.AppendFloat(nil, v.Num, v.Scale))
	case rows.Double:
		return string(rows.AppendDouble(nil, v.Num, v.Scale))
	case rows.Binary:
		return fmt.Sprintf("%X", v.Bytes)
	case rows.Date:
		return string(rows.AppendDate(nil, v.Num))
	case rows.Time:
		return string(rows.AppendTime(nil, int64(v.Num), v.Scale))
	case rows.DateTime:
		return string(rows.AppendDateTime(nil, v.Num, v.Scale))
	case rows.Timestamp:
		return string(rows.AppendTimestamp(nil, int64(v.Num), v.Scale, time.UTC))
	case rows.Year:
		return string(rows.AppendYear(nil, v.Num))
	case rows.Enum:
		if v.Num == 0 {
			return ""
		}
		return col.Elems[v.Num-1]
	case rows.Set:
		var labels []string
		for i, label := range col.Elems {
			if v.Num>>i&1 != 0 {
				labels = append(labels, label)
			}
		}
		return strings.Join(labels, ",")
	}
	return string(v.Bytes)
}
