package image

import (
	"encoding/binary"
	"fmt"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

func integerColumn(col *schema.Column, f field) (column, error) {
	integers := map[schema.Type]struct {
		wire             wire
		width            int
		signed, unsigned step
	}{
		schema.TinyInt:   {wireTiny, 1, int8Step, uint8Step},
		schema.SmallInt:  {wireShort, 2, int16Step, uint16Step},
		schema.MediumInt: {wireInt24, 3, int24Step, uint24Step},
		schema.Int:       {wireLong, 4, int32Step, uint32Step},
		schema.BigInt:    {wireLongLong, 8, int64Step, uint64Step},
	}
	i := integers[col.Type]
	if f.wire != i.wire {
		return column{}, errMismatch
	}
	if col.Unsigned {
		return fixed(rows.Uint, i.width, i.unsigned), nil
	}
	return fixed(rows.Int, i.width, i.signed), nil
}

func int8Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 1 {
		return short
	}
	v.Kind, v.Num = rows.Int, uint64(int8(b[0]))
	return 1
}

func uint8Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 1 {
		return short
	}
	v.Kind, v.Num = rows.Uint, uint64(b[0])
	return 1
}

func int16Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 2 {
		return short
	}
	v.Kind, v.Num = rows.Int, uint64(int16(binary.LittleEndian.Uint16(b)))
	return 2
}

func uint16Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 2 {
		return short
	}
	v.Kind, v.Num = rows.Uint, uint64(binary.LittleEndian.Uint16(b))
	return 2
}

func int24Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 3 {
		return short
	}
	v.Kind, v.Num = rows.Int, uint64(int32(uint24(b)<<8)>>8)
	return 3
}

func uint24Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 3 {
		return short
	}
	v.Kind, v.Num = rows.Uint, uint64(uint24(b))
	return 3
}

func int32Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 4 {
		return short
	}
	v.Kind, v.Num = rows.Int, uint64(int32(binary.LittleEndian.Uint32(b)))
	return 4
}

func uint32Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 4 {
		return short
	}
	v.Kind, v.Num = rows.Uint, uint64(binary.LittleEndian.Uint32(b))
	return 4
}

func int64Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 8 {
		return short
	}
	v.Kind, v.Num = rows.Int, binary.LittleEndian.Uint64(b)
	return 8
}

func uint64Step(c *column, b []byte, v *rows.Value) int {
	if len(b) < 8 {
		return short
	}
	v.Kind, v.Num = rows.Uint, binary.LittleEndian.Uint64(b)
	return 8
}

func uint24(b []byte) uint32 { return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 }

func floatColumn(col *schema.Column, f field) (column, error) {
	c := fixed(rows.Float, 4, floatStep)
	want := wireFloat
	if col.Type == schema.Double {
		c = fixed(rows.Double, 8, doubleStep)
		want = wireDouble
	}
	if f.wire != want || f.length != c.width {
		return column{}, errMismatch
	}
	c.scale = rows.NoScale
	if col.Scale > 0 && col.Scale < rows.NoScale {
		c.scale = uint8(col.Scale)
	}
	return c, nil
}

func floatStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < 4 {
		return short
	}
	v.Kind, v.Scale, v.Num = rows.Float, c.scale, uint64(binary.LittleEndian.Uint32(b))
	return 4
}

func doubleStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < 8 {
		return short
	}
	v.Kind, v.Scale, v.Num = rows.Double, c.scale, binary.LittleEndian.Uint64(b)
	return 8
}

// numberColumn reads what is a plain number but no integer.
func numberColumn(col *schema.Column, f field) (column, error) {
	switch {
	case col.Type == schema.Year && f.wire == wireYear:
		return fixed(rows.Year, 1, yearStep), nil
	case col.Type == schema.Bit && f.wire == wireBit && f.length == col.Length && 0 < f.length && f.length <= 64:
		return fixed(rows.Bit, (f.length+7)/8, bitStep), nil
	case col.Type == schema.Enum && f.wire == wireEnum && f.length == enumWidth(len(col.Elems)):
		c := fixed(rows.Enum, f.length, enumStep)
		c.elems = uint64(len(col.Elems))
		return c, nil
	case col.Type == schema.Set && f.wire == wireSet && f.length == setWidth(len(col.Elems)):
		c := fixed(rows.Set, f.length, setStep)
		c.elems = uint64(len(col.Elems))
		return c, nil
	}
	return column{}, errMismatch
}

func enumWidth(labels int) int {
	if labels < 256 {
		return 1
	}
	return 2
}

func setWidth(labels int) int {
	if n := (labels + 7) / 8; n <= 4 {
		return max(n, 1)
	}
	return 8
}

func yearStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < 1 {
		return short
	}
	v.Kind, v.Num = rows.Year, uint64(b[0])
	if v.Num > 0 {
		v.Num += 1900
	}
	return 1
}

func bitStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	v.Kind, v.Num = rows.Bit, bigEndian(b[:c.width])
	return c.width
}

func enumStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	v.Kind, v.Num = rows.Enum, littleEndian(b[:c.width])
	if v.Num > c.elems {
		c.fault = fmt.Sprintf("it has label %d of %d", v.Num, c.elems)
		return corrupt
	}
	return c.width
}

func setStep(c *column, b []byte, v *rows.Value) int {
	if len(b) < c.width {
		return short
	}
	v.Kind, v.Num = rows.Set, littleEndian(b[:c.width])
	if v.Num>>c.elems != 0 {
		c.fault = fmt.Sprintf("it has a label beyond the last of %d", c.elems)
		return corrupt
	}
	return c.width
}
