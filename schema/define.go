package schema

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/schema/parse"
)

// typeByName gives the logical type of a type's name in upper case.
var typeByName = map[string]Type{
	"TINYINT": TinyInt, "SMALLINT": SmallInt, "MEDIUMINT": MediumInt, "INT": Int, "BIGINT": BigInt, "FLOAT": Float, "DOUBLE": Double,
	"DECIMAL": Decimal, "BIT": Bit, "YEAR": Year, "DATE": Date, "TIME": Time, "DATETIME": DateTime, "TIMESTAMP": Timestamp, "CHAR": Char,
	"VARCHAR": VarChar, "TINYTEXT": TinyText, "TEXT": Text, "MEDIUMTEXT": MediumText, "LONGTEXT": LongText, "BINARY": Binary,
	"VARBINARY": VarBinary, "TINYBLOB": TinyBlob, "BLOB": Blob, "MEDIUMBLOB": MediumBlob, "LONGBLOB": LongBlob, "ENUM": Enum, "SET": Set,
	"JSON": JSON, "GEOMETRY": Geometry, "POINT": Geometry, "LINESTRING": Geometry, "POLYGON": Geometry, "MULTIPOINT": Geometry,
	"MULTILINESTRING": Geometry, "MULTIPOLYGON": Geometry, "GEOMETRYCOLLECTION": Geometry, "UUID": UUID, "INET4": Inet4, "INET6": Inet6,
	"VECTOR": Vector,
}

// blobFamilies are the text and byte families with the bytes that each can hold.
var blobFamilies = []struct {
	prefix string
	limit  int
}{{"TINY", 1<<8 - 1}, {"", 1<<16 - 1}, {"MEDIUM", 1<<24 - 1}, {"LONG", 1<<32 - 1}}

// family gives the smallest of the TEXT or BLOB types that holds so many bytes.
func family(suffix string, bytes int) string {
	for _, f := range blobFamilies {
		if bytes <= f.limit {
			return f.prefix + suffix
		}
	}
	return "LONG" + suffix
}

// limit gives the bytes that a TEXT or BLOB type holds, 0 for other types.
func limit(t Type) int {
	switch t {
	case TinyText, TinyBlob:
		return blobFamilies[0].limit
	case Text, Blob:
		return blobFamilies[1].limit
	case MediumText, MediumBlob:
		return blobFamilies[2].limit
	case LongText, LongBlob:
		return blobFamilies[3].limit
	}
	return 0
}

func isText(t Type) bool {
	switch t {
	case Char, VarChar, TinyText, Text, MediumText, LongText, Enum, Set:
		return true
	}
	return false
}

func isBytes(t Type) bool {
	switch t {
	case Binary, VarBinary, TinyBlob, Blob, MediumBlob, LongBlob:
		return true
	}
	return false
}

// setType gives a column the type as written, resolved as the server does it; inherited is the table's default.
func (v *Server) setType(c *Column, spec parse.TypeSpec, inherited text) error {
	name := spec.Name
	cs, err := v.columnText(&spec, name, inherited)
	if err != nil {
		return err
	}
	if t := typeByName[name]; isText(t) && cs.charset == "binary" && t != Enum && t != Set {
		name = parse.Bytes(name)
	}
	width := max(charsets[cs.charset].maxLen, 1)
	switch t := typeByName[name]; {
	case t == Text && spec.Length > 0:
		name = family("TEXT", spec.Length*width)
	case t == Blob && spec.Length > 0:
		name = family("BLOB", spec.Length)
	case t == VarChar && spec.Length*width > maxVarcharBytes:
		name, spec.Length = family("TEXT", spec.Length*width), -1
	case t == VarBinary && spec.Length > maxVarcharBytes:
		name, spec.Length = family("BLOB", spec.Length), -1
	}
	c.Type = typeByName[name]
	c.TypeName = strings.ToLower(name)
	if name == "GEOMETRYCOLLECTION" && !v.MariaDB && v.Version >= 80011 {
		c.TypeName = "geomcollection"
	}
	c.Charset, c.Collation = "", ""
	switch {
	case isText(c.Type):
		c.Charset, c.Collation = cs.charset, cs.collation
	case isBytes(c.Type):
		c.Charset, c.Collation = "binary", "binary"
	}
	c.Elems = labels(spec.Elems, c.Charset)
	v.setLength(c, &spec)
	return nil
}

// labels gives ENUM's and SET's labels as the server keeps them, without trailing spaces.
func labels(written []string, charset string) []string {
	if written == nil {
		return nil
	}
	kept := make([]string, len(written))
	for i, l := range written {
		if charset != "binary" {
			l = strings.TrimRight(l, " ")
		}
		kept[i] = l
	}
	return kept
}

// columnText resolves a text column's character set and collation.
func (v *Server) columnText(spec *parse.TypeSpec, name string, inherited text) (text, error) {
	if !isText(typeByName[name]) {
		return text{}, nil
	}
	set, collate := spec.Charset, spec.Collate
	switch {
	case spec.National:
		set = "utf8"
	case spec.JSON && set == "" && collate == "":
		return text{"utf8mb4", "utf8mb4_bin"}, nil
	}
	cs, ok := v.resolve(set, collate, inherited)
	if !ok {
		return cs, fmt.Errorf("character set %q, collation %q is not known", set, collate)
	}
	if spec.Binary && collate == "" && cs.charset != "binary" {
		cs.collation = cs.charset + "_bin"
	}
	return cs, nil
}

// setLength fills length, precision, scale and signedness.
func (v *Server) setLength(c *Column, spec *parse.TypeSpec) {
	c.Unsigned, c.ZeroFill = false, false
	if c.Type >= TinyInt && c.Type <= Decimal {
		c.Unsigned, c.ZeroFill = spec.Unsigned, spec.ZeroFill
	}
	c.Length, c.Precision, c.Scale = -1, 0, 0
	switch c.Type {
	case TinyInt, SmallInt, MediumInt, Int, BigInt:
		c.Length = v.width(c, spec.Length)
	case Float, Double:
		if spec.Scale >= 0 {
			c.Length, c.Scale = spec.Length, spec.Scale
		}
	case Decimal:
		c.Precision, c.Scale = spec.Length, max(spec.Scale, 0)
		if c.Precision <= 0 {
			c.Precision = implicitDecimal
		}
		c.Precision = max(c.Precision, c.Scale)
	case Bit, Char, Binary:
		c.Length = spec.Length
		if spec.Length < 0 || c.Type == Bit && spec.Length == 0 {
			c.Length = defaultFieldLength
		}
	case VarChar, VarBinary, Vector:
		c.Length = spec.Length
	case Year:
		if v.hasWidths() {
			c.Length = 4
			if spec.Length == 2 && v.MariaDB {
				c.Length = 2
			}
		}
	case Time, DateTime, Timestamp:
		c.Scale = max(spec.Length, 0)
	}
}

// width gives an integer's display width as the server reports it, -1 if it reports none.
func (v *Server) width(c *Column, written int) int {
	if !v.hasWidths() && !c.ZeroFill {
		if c.Type == TinyInt && written == 1 && !c.Unsigned {
			return 1
		}
		return -1
	}
	if written > 0 {
		return written
	}
	signed := 1
	if c.Unsigned {
		signed = 0
	}
	switch c.Type {
	case TinyInt:
		return 3 + signed
	case SmallInt:
		return 5 + signed
	case MediumInt:
		return 8 + signed
	case Int:
		return 10 + signed
	}
	return 20
}

// define makes a column of its definition. The ID is left unset.
func (v *Server) define(d *parse.Column, inherited text) (*Column, error) {
	c := &Column{Name: d.Name, Nullable: !d.NotNull, Generated: d.Generated, Invisible: d.Invisible, Comment: d.Comment, AutoIncrement: d.AutoIncrement}
	if err := v.setType(c, d.Type, inherited); err != nil {
		return nil, fmt.Errorf("column %s: %w", d.Name, err)
	}
	if c.Type == Timestamp && v.ImplicitTimestamp && !d.Null && !d.Generated {
		c.Nullable = false
	}
	switch {
	case d.RowStart:
		c.System, c.Nullable = "start", false
	case d.RowEnd:
		c.System, c.Nullable = "end", false
	}
	c.Default = defaultValue(c, d.Default)
	return c, nil
}

// defaultValue gives a default as the server would print the value: without quotes, an expression as it was written.
func defaultValue(c *Column, d *parse.Default) *string {
	if d == nil || d.Null {
		return nil
	}
	value := d.Text
	switch {
	case d.Expression:
		value = clock(value)
	case d.Bytes && isNumber(c.Type):
		var n uint64
		for _, b := range []byte(value) {
			n = n<<8 | uint64(b)
		}
		value = strconv.FormatUint(n, 10)
	}
	if !d.Expression {
		value = canonical(c, value, d)
	}
	return &value
}

func isNumber(t Type) bool { return t >= TinyInt && t <= Bit && t != Year }

// clock gives the one name for the many of the current time; other expressions stay.
func clock(expression string) string {
	e := strings.ToUpper(strings.ReplaceAll(expression, " ", ""))
	for strings.HasPrefix(e, "(") && strings.HasSuffix(e, ")") {
		e = e[1 : len(e)-1]
	}
	for _, name := range []string{"CURRENT_TIMESTAMP", "NOW", "LOCALTIMESTAMP", "LOCALTIME"} {
		digits, ok := strings.CutPrefix(e, name)
		if !ok {
			continue
		}
		switch {
		case digits == "" && name != "NOW", digits == "()", digits == "(0)":
			return "CURRENT_TIMESTAMP"
		case len(digits) == 3 && digits[1] >= '1' && digits[1] <= '6':
			return "CURRENT_TIMESTAMP" + digits
		}
	}
	return expression
}

// canonical gives a literal's value as a column of this type keeps it.
func canonical(c *Column, value string, d *parse.Default) string {
	switch c.Type {
	case TinyInt, SmallInt, MediumInt, Int, BigInt:
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			value = strconv.FormatInt(n, 10)
		} else if f, err := strconv.ParseFloat(value, 64); err == nil && strings.ContainsAny(value, ".eE") {
			value = strconv.FormatFloat(f, 'f', 0, 64)
		}
		if c.ZeroFill && c.Length > len(value) {
			value = strings.Repeat("0", c.Length-len(value)) + value
		}
	case Decimal:
		value = fixed(value, c.Scale)
	case Float, Double:
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			value = strconv.FormatFloat(f, 'f', -1, 64)
		}
	case Bit:
		value = bitLiteral(value, d)
	case Date, Time, DateTime, Timestamp:
		value = fraction(c, value)
	}
	return value
}

// fixed gives a decimal number all its fraction digits.
func fixed(value string, scale int) string {
	if strings.ContainsAny(value, "eE") {
		return value
	}
	whole, part, _ := strings.Cut(value, ".")
	sign := ""
	if rest, ok := strings.CutPrefix(whole, "-"); ok {
		sign, whole = "-", rest
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	if len(part) > scale {
		return value
	}
	if scale == 0 {
		return sign + whole
	}
	return sign + whole + "." + part + strings.Repeat("0", scale-len(part))
}

func bitLiteral(value string, d *parse.Default) string {
	if strings.HasPrefix(value, "b'") {
		return value
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if !d.Number && !d.Bytes {
		n, err = 0, nil
		for _, b := range []byte(value) {
			n = n<<8 | uint64(b)
		}
	}
	if err != nil {
		return value
	}
	return fmt.Sprintf("b'%b'", n)
}

// fraction gives a time all its parts.
func fraction(c *Column, value string) string {
	if value == "0" {
		value = map[Type]string{Date: "0000-00-00", Time: "00:00:00"}[c.Type]
		if value == "" {
			value = "0000-00-00 00:00:00"
		}
	}
	if c.Type == Date {
		return value
	}
	if c.Type != Time && len(value) == len("2006-01-02") {
		value += " 00:00:00"
	}
	if c.Scale > 0 && strings.Contains(value, ":") {
		whole, part, _ := strings.Cut(value, ".")
		if len(part) <= c.Scale {
			value = whole + "." + part + strings.Repeat("0", c.Scale-len(part))
		}
	}
	return value
}
