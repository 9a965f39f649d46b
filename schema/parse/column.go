package parse

import "strings"

// synonyms maps what may be written to the type's own name, where that takes no look at what follows.
var synonyms = map[string]string{
	"INTEGER": "INT", "INT1": "TINYINT", "INT2": "SMALLINT", "INT3": "MEDIUMINT", "MIDDLEINT": "MEDIUMINT", "INT4": "INT", "INT8": "BIGINT",
	"FLOAT4": "FLOAT", "FLOAT8": "DOUBLE", "REAL": "DOUBLE", "DEC": "DECIMAL", "NUMERIC": "DECIMAL", "FIXED": "DECIMAL", "NUMBER": "DECIMAL",
	"VARCHARACTER": "VARCHAR", "VARCHAR2": "VARCHAR", "CHARACTER": "CHAR", "CLOB": "LONGTEXT", "RAW": "VARBINARY", "SQL_TSI_YEAR": "YEAR",
	"GEOMETRYCOLLECTION": "GEOMETRYCOLLECTION", "GEOMCOLLECTION": "GEOMETRYCOLLECTION",
}

// types are the type names that stand for themselves.
var types = map[string]bool{
	"TINYINT": true, "SMALLINT": true, "MEDIUMINT": true, "INT": true, "BIGINT": true, "FLOAT": true, "DOUBLE": true, "DECIMAL": true, "BIT": true,
	"YEAR": true, "DATE": true, "TIME": true, "DATETIME": true, "TIMESTAMP": true, "CHAR": true, "VARCHAR": true, "BINARY": true, "VARBINARY": true,
	"TINYTEXT": true, "TEXT": true, "MEDIUMTEXT": true, "LONGTEXT": true, "TINYBLOB": true, "BLOB": true, "MEDIUMBLOB": true, "LONGBLOB": true,
	"ENUM": true, "SET": true, "JSON": true, "GEOMETRY": true, "POINT": true, "LINESTRING": true, "POLYGON": true, "MULTIPOINT": true,
	"MULTILINESTRING": true, "MULTIPOLYGON": true, "GEOMETRYCOLLECTION": true, "UUID": true, "INET4": true, "INET6": true, "VECTOR": true,
}

// typeSpec reads a data type with its length, signedness and character set.
func (r *reader) typeSpec() TypeSpec {
	spec := TypeSpec{Length: -1, Scale: -1}
	if r.cur().class != word && r.cur().class != quoted {
		r.fail()
	}
	spec.Name = r.typeName(&spec)
	switch spec.Name {
	case "ENUM", "SET":
		spec.Elems = r.labels()
	default:
		r.lengths(&spec)
	}
	if spec.Name == "FLOAT" && spec.Scale < 0 && spec.Length >= 0 {
		// FLOAT(p) is a precision in bits.
		if spec.Length > 24 {
			spec.Name = "DOUBLE"
		}
		spec.Length = -1
	}
	r.typeAttributes(&spec)
	return spec
}

// typeName reads the words of a type's name.
func (r *reader) typeName(spec *TypeSpec) string {
	written := r.cur().upper
	if r.cur().class == quoted {
		r.fail()
	}
	r.at++
	if known, ok := synonyms[written]; ok {
		written = known
	}
	if r.opt.RealIsFloat && r.tokens[r.at-1].is("REAL") {
		return "FLOAT"
	}
	switch written {
	case "BOOL", "BOOLEAN":
		spec.Length = 1
		return "TINYINT"
	case "SERIAL":
		spec.Serial, spec.Unsigned = true, true
		return "BIGINT"
	case "DOUBLE":
		r.takes("PRECISION")
		return written
	case "NCHAR", "NATIONAL":
		spec.National = true
		if written == "NATIONAL" {
			if r.takes("VARCHAR") || r.takes("VARCHARACTER") || r.takes("CHAR", "VARYING") || r.takes("CHARACTER", "VARYING") {
				return "VARCHAR"
			}
			if !r.takes("CHAR") && !r.takes("CHARACTER") {
				r.fail()
			}
			return "CHAR"
		}
		if r.takes("VARCHAR") || r.takes("VARCHARACTER") || r.takes("VARYING") {
			return "VARCHAR"
		}
		return "CHAR"
	case "NVARCHAR":
		spec.National = true
		return "VARCHAR"
	case "CHAR":
		if r.takes("VARYING") {
			return "VARCHAR"
		}
		if r.takes("BYTE") {
			return "BINARY"
		}
		return written
	case "LONG":
		if r.takes("VARBINARY") {
			return "MEDIUMBLOB"
		}
		_ = r.takes("CHAR", "VARYING") || r.takes("CHARACTER", "VARYING") || r.takes("VARCHAR") || r.takes("VARCHARACTER")
		return "MEDIUMTEXT"
	case "JSON":
		if r.opt.MariaDB {
			spec.JSON = true
			return "LONGTEXT"
		}
	}
	if !types[written] {
		r.at--
		r.fail()
	}
	return written
}

func (r *reader) lengths(spec *TypeSpec) {
	if !r.takesMark("(") {
		return
	}
	if spec.Name == "GEOMETRY" || r.cur().class == word { // VARCHAR(MAX) and its like
		r.fail()
	}
	spec.Length = r.integer()
	if r.takesMark(",") {
		spec.Scale = r.integer()
	}
	r.wantsMark(")")
}

func (r *reader) labels() []string {
	r.wantsMark("(")
	var labels []string
	for {
		switch t := r.cur(); {
		case t.class == text || t.class == bits:
			labels = append(labels, r.advance().text)
		case t.class == word && strings.HasPrefix(t.text, "_") && r.ahead(1).class == text:
			r.at++
			labels = append(labels, r.advance().text)
		default:
			r.fail()
		}
		if r.takesMark(")") {
			return labels
		}
		r.wantsMark(",")
	}
}

// typeAttributes reads what belongs to the type: UNSIGNED, ZEROFILL, CHARACTER SET, BINARY and the like.
func (r *reader) typeAttributes(spec *TypeSpec) {
	for {
		switch {
		case r.takes("UNSIGNED"):
			spec.Unsigned = true
		case r.takes("SIGNED"):
		case r.takes("ZEROFILL"):
			spec.ZeroFill, spec.Unsigned = true, true
		case r.takesCharset():
			spec.Charset = r.charset()
		case r.takes("ASCII"):
			spec.Charset = "latin1"
		case r.takes("UNICODE"):
			spec.Charset = "ucs2"
		case r.cur().is("BINARY"):
			r.at++
			spec.Binary = true
		case r.takes("BYTE"):
			bytesOf(spec)
		case r.takes("COMPRESSED"):
			if r.takesMark("=") {
				r.advance()
			}
		case r.sees("REF_SYSTEM_ID") && r.ahead(1).isMark("="):
			r.at += 2
			r.integer()
		default:
			return
		}
	}
}

// bytesOf turns a text type into its type of bytes.
func bytesOf(spec *TypeSpec) {
	if name := Bytes(spec.Name); name != "" {
		spec.Name = name
	}
}

// Bytes gives the type of bytes that answers to a text type, "" if there is none.
func Bytes(name string) string {
	switch name {
	case "CHAR":
		return "BINARY"
	case "VARCHAR":
		return "VARBINARY"
	case "TINYTEXT", "TEXT", "MEDIUMTEXT", "LONGTEXT":
		return strings.TrimSuffix(name, "TEXT") + "BLOB"
	}
	return ""
}

// columnDefinition reads name, type and attributes.
func (r *reader) columnDefinition() *Column {
	c := &Column{Name: r.name()}
	if r.takesMark(".") { // table.column, and schema.table.column
		c.Name = r.name()
		if r.takesMark(".") {
			c.Name = r.name()
		}
	}
	c.Type = r.typeSpec()
	if c.Type.Serial {
		c.NotNull, c.AutoIncrement, c.Unique = true, true, true
	}
	for r.attribute(c) {
	}
	return c
}

// attribute reads one attribute of a column; false if none comes next.
func (r *reader) attribute(c *Column) bool {
	switch {
	case r.takes("NOT", "NULL"):
		c.NotNull, c.Null = true, false
	case r.takes("NULL"):
		c.Null, c.NotNull = true, c.AutoIncrement || c.PrimaryKey
	case r.takes("DEFAULT"):
		c.Default = r.defaultValue()
	case r.takes("ON", "UPDATE"):
		r.expression()
	case r.takes("AUTO_INCREMENT"):
		c.AutoIncrement, c.NotNull = true, true
	case r.takes("SERIAL", "DEFAULT", "VALUE"):
		c.AutoIncrement, c.NotNull, c.Unique = true, true, true
	case r.takes("UNIQUE"):
		r.takes("KEY")
		c.Unique = true
	case r.takes("PRIMARY"):
		r.takes("KEY")
		c.PrimaryKey, c.NotNull = true, true
	case r.takes("KEY"):
		c.PrimaryKey, c.NotNull = true, true
	case r.takes("COMMENT"):
		r.takesMark("=")
		c.Comment = r.text()
	case r.takes("COLLATE"):
		c.Type.Collate = r.charset()
	case r.takesCharset():
		c.Type.Charset = r.charset()
	case r.takes("COLUMN_FORMAT"), r.takes("STORAGE"):
		r.name()
	case r.takes("ENGINE_ATTRIBUTE"), r.takes("SECONDARY_ENGINE_ATTRIBUTE"):
		r.takesMark("=")
		r.text()
	case r.takes("INVISIBLE"):
		c.Invisible = true
	case r.takes("VISIBLE"), r.takes("NOT", "SECONDARY"), r.takes("COMPRESSED"):
	case r.takes("SRID"):
		r.integer()
	case r.sees("REF_SYSTEM_ID"):
		r.at++
		r.takesMark("=")
		r.integer()
	case r.takes("WITHOUT", "SYSTEM", "VERSIONING"):
	case r.takes("WITH", "SYSTEM", "VERSIONING"):
		c.Versioned = true
	case r.sees("REFERENCES"):
		r.at++
		r.references()
		c.References = true
	case r.sees("CONSTRAINT"):
		r.at++
		if !r.sees("CHECK") {
			r.name()
		}
		r.check()
	case r.sees("CHECK"):
		r.check()
	case r.sees("GENERATED") || r.sees("AS"):
		r.generated(c)
	case r.cur().class == word && r.ahead(1).isMark("="): // an attribute of the storage engine
		r.at += 2
		r.advance()
	default:
		return false
	}
	return true
}

func (r *reader) check() {
	r.wants("CHECK")
	r.parens()
	_ = r.takes("NOT", "ENFORCED") || r.takes("ENFORCED")
}

func (r *reader) generated(c *Column) {
	if r.takes("GENERATED") {
		_ = r.takes("ALWAYS") || r.takes("BY", "DEFAULT")
	}
	r.wants("AS")
	switch {
	case r.takes("ROW", "START"):
		c.RowStart = true
	case r.takes("ROW", "END"):
		c.RowEnd = true
	default:
		r.parens()
		_ = r.takesAny("VIRTUAL", "STORED", "PERSISTENT")
	}
	c.Generated = true
}

// references passes REFERENCES' table, columns and actions.
func (r *reader) references() {
	r.table()
	if r.cur().isMark("(") {
		r.parens()
	}
	for {
		switch {
		case r.takes("MATCH"):
			r.name()
		case r.takes("ON", "DELETE"), r.takes("ON", "UPDATE"):
			_ = r.takes("SET", "NULL") || r.takes("SET", "DEFAULT") || r.takes("NO", "ACTION") || r.name() != ""
		default:
			return
		}
	}
}

// defaultValue reads what stands behind DEFAULT.
func (r *reader) defaultValue() *Default {
	from := r.cur().from
	d := &Default{From: from}
	sign := ""
	if r.takesMark("-") {
		sign = "-"
	} else {
		r.takesMark("+")
	}
	switch t := r.cur(); {
	case t.class == number:
		d.Text, d.Number = sign+r.advance().text, true
	case t.class == bits && sign == "":
		d.Text, d.Bytes = r.advance().text, true
	case t.class == text && sign == "":
		d.Text = r.advance().text
	case t.class == word && strings.HasPrefix(t.text, "_") && r.ahead(1).class == text && sign == "":
		r.at++
		d.Text = r.advance().text
	case t.class == word && strings.HasPrefix(t.text, "_") && r.ahead(1).class == bits && sign == "":
		r.at++
		d.Text, d.Bytes = r.advance().text, true
	case r.takes("NULL"):
		d.Null = true
	case r.takes("TRUE"):
		d.Text, d.Number = "1", true
	case r.takes("FALSE"):
		d.Text, d.Number = "0", true
	case t.is("DATE", "TIME", "TIMESTAMP") && r.ahead(1).class == text:
		r.at++
		d.Text = r.advance().text
	default:
		r.expression()
		d.Expression = true
	}
	d.To = r.tokens[r.at-1].to
	if d.Expression {
		d.Text = r.query[d.From:d.To]
	}
	return d
}

// expression passes an expression that needs no parentheses around it: a call, a word, or a group.
func (r *reader) expression() {
	switch {
	case r.cur().isMark("("):
		r.parens()
	case r.takes("NEXT", "VALUE", "FOR"), r.takes("PREVIOUS", "VALUE", "FOR"):
		r.table()
	case r.isName():
		r.table()
		if r.cur().isMark("(") {
			r.parens()
		}
	case r.cur().class == number || r.cur().class == text:
		r.at++
	default:
		r.fail()
	}
}

// ParseDefault reads a default as MariaDB's information_schema.COLUMNS.COLUMN_DEFAULT gives it; nil if it cannot be read.
func ParseDefault(columnDefault string, opt Options) (d *Default) {
	r := &reader{query: columnDefault, tokens: scan(columnDefault, opt), opt: opt, st: &Statement{}}
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(*SyntaxError); !ok {
				panic(p)
			}
			d = nil
		}
	}()
	d = r.defaultValue()
	if r.cur().class != end {
		return nil
	}
	return d
}
