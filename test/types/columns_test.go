package types_test

import (
	"fmt"
	"strings"
)

// A column is a type, with values of it in SQL. NULL is tried of each.
type column struct {
	decl   string
	values []string
}

// A family is the columns that stand in one table.
type family struct {
	name    string
	columns []column
}

var families = []family{
	{"integers", []column{
		{"TINYINT", []string{"-128", "-1", "0", "127"}},
		{"TINYINT UNSIGNED", []string{"0", "127", "128", "255"}},
		{"SMALLINT", []string{"-32768", "-1", "32767"}},
		{"SMALLINT UNSIGNED", []string{"0", "32768", "65535"}},
		{"MEDIUMINT", []string{"-8388608", "-1", "0", "8388607"}},
		{"MEDIUMINT UNSIGNED", []string{"0", "8388608", "16777215"}},
		{"INT", []string{"-2147483648", "-1", "2147483647"}},
		{"INT UNSIGNED", []string{"0", "2147483648", "4294967295"}},
		{"BIGINT", []string{"-9223372036854775808", "-1", "9223372036854775807"}},
		{"BIGINT UNSIGNED", []string{"0", "9223372036854775808", "18446744073709551615"}},
		{"INT(7) ZEROFILL", []string{"0", "42", "4294967295"}},
		{"BIGINT ZEROFILL", []string{"7", "18446744073709551615"}},
		{"INT1", []string{"-7", "7"}},
		{"INT8 UNSIGNED", []string{"8"}},
		{"BOOLEAN", []string{"TRUE", "FALSE"}},
		{"BIT", []string{"0", "1"}},
		{"BIT(7)", []string{"0", "127"}},
		{"BIT(8)", []string{"128", "255"}},
		{"BIT(9)", []string{"256", "511"}},
		{"BIT(33)", []string{"4294967296", "8589934591"}},
		{"BIT(64)", []string{"18446744073709551615", "9223372036854775808", "0"}},
		{"YEAR", []string{"1901", "2155", "0", "1970"}},
		{"YEAR(2)", []string{"70", "69"}},
	}},
	{"fractions", []column{
		{"FLOAT", []string{"0", "-1.5", "3.4028234e38", "1e-38", "16777216", "0.1", "-1e-15", "1e15", "1.4e-45", "-3.4028234e38"}},
		{"FLOAT UNSIGNED", []string{"0.3", "123456.789"}},
		{"FLOAT(10,3)", []string{"1.23456", "-0.0001", "1234567.891", "-1e6"}},
		{"FLOAT(24)", []string{"0.7"}},
		{"FLOAT(53)", []string{"0.7"}},
		{"DOUBLE", []string{"0", "-1.5", "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324", "0.1", "1e15", "1e16", "123456789012345678", "-1e-5"}},
		{"DOUBLE UNSIGNED ZEROFILL", []string{"1.25"}},
		{"DOUBLE(20,4)", []string{"1.23456", "-123456789012.5", "0.00005"}},
		{"REAL", []string{"2.5"}},
		{"DECIMAL", []string{"-9999999999", "9999999999"}},
		{"DECIMAL(1,0)", []string{"-9", "9", "0"}},
		{"DECIMAL(10,2)", []string{"0", "-0.01", "99999999.99", "-99999999.99", "1.5"}},
		{"DECIMAL(9,9)", []string{"0.123456789", "-0.000000001"}},
		{"DECIMAL(18,9)", []string{"123456789.123456789", "-1"}},
		{"DECIMAL(20,5) UNSIGNED", []string{"0", "999999999999999.99999"}},
		{"DECIMAL(12,3) ZEROFILL", []string{"0.5", "123456789.123"}},
		{"DECIMAL(38,38)", []string{"0.1", "-0." + strings.Repeat("9", 38)}},
		{"DECIMAL(65,0)", []string{strings.Repeat("9", 65), "-" + strings.Repeat("9", 65), "1000000000", "999999999"}},
		{"DECIMAL(65,30)", []string{strings.Repeat("9", 35) + "." + strings.Repeat("9", 30), "-1e-30", "0", "123456789.000000001", "-" + strings.Repeat("9", 35) + "." + strings.Repeat("9", 30)}},
		{"NUMERIC(5,4)", []string{"-3.1415"}},
	}},
	{"times", timeColumns()},
	{"texts", []column{
		{"CHAR(0)", []string{"''"}},
		{"CHAR", []string{"'x'", "''"}},
		{"CHAR(20)", []string{"'a'", "''", "'žlu  '", "'\U0001F600 x'"}},
		{"CHAR(255) CHARACTER SET latin1", []string{"REPEAT('é', 255)", "'€'"}},
		{"CHAR(255) CHARACTER SET utf32", []string{"REPEAT('\U0001F600', 255)", "'a'"}},
		{"NATIONAL CHAR(5)", []string{"'ž'"}},
		{"VARCHAR(0)", []string{"''"}},
		{"VARCHAR(10)", []string{"'žluťoučký '", "''", `'"q",\\N\r\n'`, `'\\N'`, "'NULL'"}},
		{"VARCHAR(63)", []string{"REPEAT('\U0001F600', 63)"}},
		{"VARCHAR(64)", []string{"REPEAT('\U0001F600', 64)", "'a'"}},
		{"VARCHAR(300) CHARACTER SET ucs2", []string{"REPEAT('ž', 300)", "'a'"}},
		{"VARCHAR(20) COLLATE utf8mb4_bin", []string{"'\\0\x01\x08\x0b\x0c\x1f\x7f'", "'\t\v</script>\u2028\u2029'"}},
		{"NVARCHAR(5)", []string{"'ž'"}},
		{"VARCHAR(40) CHARACTER SET utf8mb4 COLLATE uca1400_ai_ci", []string{"'\U0001F600 ž'"}},
		{"TINYTEXT CHARACTER SET latin2", []string{"'žlutý'", "''"}},
		{"TEXT", []string{"REPEAT('ab', 300)", "'a\\nb'", "''"}},
		{"TEXT(100)", []string{"'short'"}},
		{"MEDIUMTEXT CHARACTER SET cp1251", []string{"'Привет'", "''"}},
		{"LONGTEXT CHARACTER SET ujis", []string{"'日本'", "'x'"}},
		{"LONG VARCHAR", []string{"'long'"}},
		{"ENUM('a','b','ž','it''s','x\"y')", []string{"'a'", "'ž'", "'it''s'", "'x\"y'", "'nonsense'"}},
		{manyLabels("ENUM", 300), []string{"'v1'", "'v256'", "'v300'"}},
		{"ENUM('',' a','A ') COLLATE utf8mb4_bin", []string{"''", "' a'", "'A'"}},
		{"SET('a','b','ž')", []string{"''", "'a,ž'", "7"}},
		{manyLabels("SET", 64), []string{"18446744073709551615", "'v64'", "'v1,v33'", "''"}},
		{"JSON", []string{`'{"a": [1, 2.50,  null]}'`, `'"\\u00e9"'`, `'[]'`}},
		{"VARCHAR(200) COMPRESSED CHARACTER SET latin1", []string{"'é'", "''", "REPEAT('é', 200)"}},
		{"TEXT COMPRESSED", []string{"REPEAT('hello ž', 50)", "'short'", "''"}},
	}},
	{"bytes", []column{
		{"BINARY", []string{"x'00'", "x'FF'"}},
		{"BINARY(0)", []string{"''"}},
		{"BINARY(5)", []string{"'ab'", "x'6100620000'", "x'0000000000'", "''"}},
		{"BINARY(255)", []string{"'ab'", "REPEAT(x'FF', 255)"}},
		{"CHAR(10) CHARACTER SET binary", []string{"x'00FF00'"}},
		{"CHAR(7) BYTE", []string{"x'00FF00'"}},
		{"VARBINARY(10)", []string{"x'6100'", "''", "x'5C4E'"}},
		{"VARBINARY(300)", []string{"REPEAT(x'FF00', 150)", "x'0D0A22'"}},
		{"VARCHAR(10) CHARACTER SET binary", []string{"x'FF'"}},
		{"TINYBLOB", []string{"x'00FF'", "''"}},
		{"BLOB", []string{"REPEAT(x'00FF', 300)", "''"}},
		{"TEXT CHARACTER SET binary", []string{"x'00FF80'"}},
		{"MEDIUMBLOB", []string{"x'00FF'", "''"}},
		{"LONGBLOB", []string{"''", allBytes()}},
		{"LONG VARBINARY", []string{"x'80'"}},
		{"MEDIUMBLOB COMPRESSED", []string{"REPEAT(x'00FF', 1000)", "x'00'", "''"}},
		{"VARBINARY(300) COMPRESSED", []string{"REPEAT('x', 300)", "x'00'"}},
	}},
	{"large", []column{
		{"TEXT", []string{"REPEAT('ab', 32767)"}},
		{"MEDIUMTEXT CHARACTER SET cp1251", []string{"REPEAT('Привет', 12000)"}},
		{"LONGTEXT CHARACTER SET ujis", []string{"REPEAT('日本', 20000)"}},
		{"LONGTEXT COMPRESSED", []string{"REPEAT('hello ž', 10000)"}},
		{"BLOB", []string{"REPEAT(x'00FF', 32767)"}},
		{"MEDIUMBLOB", []string{"REPEAT(x'00FF', 40000)"}},
		{"LONGBLOB", []string{"REPEAT(x'FE', 70000)"}},
		{"MEDIUMBLOB COMPRESSED", []string{"REPEAT(x'00FF', 100000)"}},
	}},
	{"others", []column{
		{"GEOMETRY", []string{"ST_GeomFromText('LINESTRING(0 0, 1 1)', 4326)", "POINT(0, -1)"}},
		{"POINT", []string{"POINT(1, 2)"}},
		{"LINESTRING", []string{"ST_GeomFromText('LINESTRING(0 0, 1 1, 2 5)')"}},
		{"POLYGON", []string{"ST_GeomFromText('POLYGON((0 0, 1 0, 1 1, 0 0))')"}},
		{"MULTIPOINT", []string{"ST_GeomFromText('MULTIPOINT(0 0, 1 1)')"}},
		{"MULTILINESTRING", []string{"ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3))')"}},
		{"MULTIPOLYGON", []string{"ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)))')"}},
		{"GEOMETRYCOLLECTION", []string{"ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(0 0, 1 1))')"}},
		{"UUID", []string{"'123e4567-e89b-12d3-a456-426614174000'", "'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'017f22e2-79b0-7cc3-98c4-dc0c0c07398f'", "'00000000-0000-0000-0000-000000000001'"}},
		{"INET4", []string{"'1.2.3.0'", "'0.0.0.0'", "'255.255.255.255'"}},
		{"INET6", []string{"'::'", "'::1'", "'::ffff:1.2.3.4'", "'1:0:0:2:0:0:3:4'", "'1:2:3:4:5:6:7:0'", "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'"}},
		{"INT INVISIBLE", []string{"1", "-1"}},
		{"VARCHAR(20) INVISIBLE DEFAULT 'unseen'", []string{"'seen'"}},
	}},
}

// timeColumns have each number of fraction digits.
func timeColumns() []column {
	columns := []column{
		{"DATE", []string{"'0000-00-00'", "'2024-00-00'", "'2024-02-00'", "'2023-02-29'", "'1000-01-01'", "'0001-01-01'", "'9999-12-31'"}},
		{"TIME", []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"}},
		{"DATETIME", []string{"'0000-00-00'", "'2024-00-00 01:02:03'", "'9999-12-31 23:59:59'", "'1000-01-01'"}},
		{"TIMESTAMP NULL", []string{"'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'0000-00-00'"}},
	}
	for digits := 1; digits <= 6; digits++ {
		columns = append(columns,
			column{fmt.Sprintf("TIME(%d)", digits), []string{"'-838:59:59.999999'", "'838:59:59.999999'", "'-00:00:00.1'", "'-01:00:00'", "'-00:00:01.99'", "'12:34:56.7891'"}},
			column{fmt.Sprintf("DATETIME(%d)", digits), []string{"'9999-12-31 23:59:59.999999'", "'0001-01-01 00:00:00.1'", "0", "'2024-02-00 12:34:56.789'"}},
			column{fmt.Sprintf("TIMESTAMP(%d) NULL", digits), []string{"'2038-01-19 03:14:07.999999'", "'1970-01-01 00:00:01.1'", "0", "'2024-02-29 12:34:56.7891'"}},
		)
	}
	return columns
}

// manyLabels declares an ENUM or SET of many labels.
func manyLabels(of string, count int) string {
	labels := make([]string, count)
	for i := range labels {
		labels[i] = fmt.Sprintf("'v%d'", i+1)
	}
	return of + "(" + strings.Join(labels, ",") + ")"
}

// allBytes is a literal that has each byte.
func allBytes() string {
	var b strings.Builder
	for i := range 256 {
		fmt.Fprintf(&b, "%02X", i)
	}
	return "x'" + b.String() + "'"
}

// handles are those that the family's tables have. One is enough for what is large.
func (f *family) handles() []handle {
	if f.name == "large" {
		return handles[:1]
	}
	return handles
}

// longest gives how many values the column with the most has.
func (f *family) longest() (most int) {
	for _, c := range f.columns {
		most = max(most, len(c.values))
	}
	return most
}

// value gives column i's value in row n of the family's table: the row behind the last is of NULLs.
func (f *family) value(i, n int) string {
	if n == f.longest() {
		return "NULL"
	}
	values := f.columns[i].values
	return values[n%len(values)]
}
