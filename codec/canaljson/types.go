package canaljson

import (
	"fmt"
	"math"
	"strings"

	"github.com/weir-cdc/weir/schema"
)

// The numbers of java.sql.Types.
const (
	javaBit       = -7
	javaTinyInt   = -6
	javaBigInt    = -5
	javaBinary    = -2
	javaChar      = 1
	javaDecimal   = 3
	javaInteger   = 4
	javaSmallInt  = 5
	javaReal      = 7
	javaDouble    = 8
	javaVarChar   = 12
	javaDate      = 91
	javaTime      = 92
	javaTimestamp = 93
	javaBlob      = 2004
	javaClob      = 2005
)

var javaTypes = map[schema.Type]int{
	schema.TinyInt: javaTinyInt, schema.SmallInt: javaSmallInt, schema.MediumInt: javaInteger,
	schema.Int: javaInteger, schema.BigInt: javaBigInt,
	schema.Float: javaReal, schema.Double: javaDouble, schema.Decimal: javaDecimal,
	schema.Bit: javaBit, schema.Set: javaBit, schema.Enum: javaInteger,
	schema.Year: javaVarChar, schema.Date: javaDate, schema.Time: javaTime,
	schema.DateTime: javaTimestamp, schema.Timestamp: javaTimestamp,
	schema.Char: javaChar, schema.VarChar: javaVarChar,
	schema.TinyText: javaClob, schema.Text: javaClob, schema.MediumText: javaClob, schema.LongText: javaClob,
	schema.Binary: javaBlob, schema.VarBinary: javaBlob,
	schema.TinyBlob: javaBlob, schema.Blob: javaBlob, schema.MediumBlob: javaBlob, schema.LongBlob: javaBlob,
	schema.Geometry: javaBinary, schema.Vector: javaBlob,
}

// javaType is the number in "sqlType"; what Java has no type for is a VARCHAR.
func javaType(c *schema.Column) int {
	if n, ok := javaTypes[c.Type]; ok {
		return n
	}
	return javaVarChar
}

// A wide tells that an unsigned column's value above limit takes a larger Java type.
type wide struct {
	column int
	limit  uint64
	java   int
}

func wideTypes(t *schema.Table) []wide {
	var found []wide
	for i, c := range t.Columns {
		if !c.Unsigned {
			continue
		}
		switch c.Type {
		case schema.TinyInt:
			found = append(found, wide{i, math.MaxInt8, javaSmallInt})
		case schema.SmallInt:
			found = append(found, wide{i, math.MaxInt16, javaInteger})
		case schema.Int:
			found = append(found, wide{i, math.MaxInt32, javaBigInt})
		case schema.BigInt:
			found = append(found, wide{i, math.MaxInt64, javaDecimal})
		}
	}
	return found
}

// mysqlType is the text in "mysqlType": "int unsigned", or with full types "int(10) unsigned".
func mysqlType(c *schema.Column, full bool) string {
	name := c.TypeName
	if full {
		name += arguments(c)
	}
	if c.Unsigned && c.Type != schema.Bit && c.Type != schema.Year {
		name += " unsigned"
	}
	if c.ZeroFill && c.Type != schema.Year {
		name += " zerofill"
	}
	return name
}

// arguments are what stands in parentheses behind the type's name.
func arguments(c *schema.Column) string {
	switch c.Type {
	case schema.TinyInt, schema.SmallInt, schema.MediumInt, schema.Int, schema.BigInt, schema.Bit,
		schema.Char, schema.VarChar, schema.Binary, schema.VarBinary:
		if c.Length >= 0 {
			return fmt.Sprintf("(%d)", c.Length)
		}
	case schema.Decimal:
		return fmt.Sprintf("(%d,%d)", c.Precision, c.Scale)
	case schema.Time, schema.DateTime, schema.Timestamp:
		if c.Scale > 0 {
			return fmt.Sprintf("(%d)", c.Scale)
		}
	case schema.Enum, schema.Set:
		quoted := make([]string, len(c.Elems))
		for i, label := range c.Elems {
			quoted[i] = "'" + strings.ReplaceAll(label, "'", "''") + "'"
		}
		return "(" + strings.Join(quoted, ",") + ")"
	}
	return ""
}
