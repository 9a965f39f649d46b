package image

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A wire is a column type's number in a table map.
type wire uint8

// The types that a table map may hold.
const (
	wireTiny              wire = 1
	wireShort             wire = 2
	wireLong              wire = 3
	wireFloat             wire = 4
	wireDouble            wire = 5
	wireNull              wire = 6
	wireTimestamp         wire = 7
	wireLongLong          wire = 8
	wireInt24             wire = 9
	wireDate              wire = 10
	wireTime              wire = 11
	wireDateTime          wire = 12
	wireYear              wire = 13
	wireNewDate           wire = 14
	wireVarChar           wire = 15
	wireBit               wire = 16
	wireTimestamp2        wire = 17
	wireDateTime2         wire = 18
	wireTime2             wire = 19
	wireBlobCompressed    wire = 140 // MariaDB
	wireVarCharCompressed wire = 141 // MariaDB
	wireVector            wire = 242
	wireJSON              wire = 245
	wireNewDecimal        wire = 246
	wireEnum              wire = 247
	wireSet               wire = 248
	wireBlob              wire = 252
	wireVarString         wire = 253
	wireString            wire = 254
	wireGeometry          wire = 255
)

// A field is what a table map says of one column's encoding.
type field struct {
	wire wire
	// length is the most bytes of CHAR and VARCHAR, the bytes of ENUM's and SET's number, the bytes of a BLOB's length
	// prefix, the bytes of FLOAT and DOUBLE, DECIMAL's precision, BIT's bits.
	length int
	// digits is DECIMAL's scale, or the fraction digits of a time.
	digits int
}

func (f field) String() string {
	switch f.wire {
	case wireTiny:
		return "TINYINT"
	case wireShort:
		return "SMALLINT"
	case wireLong:
		return "INT"
	case wireInt24:
		return "MEDIUMINT"
	case wireLongLong:
		return "BIGINT"
	case wireFloat:
		return "FLOAT"
	case wireDouble:
		return "DOUBLE"
	case wireNull:
		return "NULL"
	case wireTimestamp:
		return "TIMESTAMP of an old format"
	case wireTime:
		return "TIME of an old format"
	case wireDateTime:
		return "DATETIME of an old format"
	case wireDate, wireNewDate:
		return "DATE"
	case wireYear:
		return "YEAR"
	case wireTimestamp2:
		return fmt.Sprintf("TIMESTAMP(%d)", f.digits)
	case wireTime2:
		return fmt.Sprintf("TIME(%d)", f.digits)
	case wireDateTime2:
		return fmt.Sprintf("DATETIME(%d)", f.digits)
	case wireNewDecimal:
		return fmt.Sprintf("DECIMAL(%d,%d)", f.length, f.digits)
	case wireBit:
		return fmt.Sprintf("BIT(%d)", f.length)
	case wireVarChar, wireVarString:
		return fmt.Sprintf("VARCHAR or VARBINARY of %d bytes", f.length)
	case wireVarCharCompressed:
		return fmt.Sprintf("compressed VARCHAR or VARBINARY of %d bytes", f.length)
	case wireString:
		return fmt.Sprintf("CHAR or BINARY of %d bytes", f.length)
	case wireEnum:
		return fmt.Sprintf("ENUM of %d bytes", f.length)
	case wireSet:
		return fmt.Sprintf("SET of %d bytes", f.length)
	case wireBlob:
		return fmt.Sprintf("BLOB or TEXT with %d bytes of length", f.length)
	case wireBlobCompressed:
		return fmt.Sprintf("compressed BLOB or TEXT with %d bytes of length", f.length)
	case wireJSON:
		return "JSON"
	case wireGeometry:
		return "GEOMETRY"
	case wireVector:
		return "VECTOR"
	}
	return fmt.Sprintf("type number %d", uint8(f.wire))
}

var errShortLayout = errors.New("the table map's list of columns is cut short")

// Layout puts a layout together from a table map's column types and its metadata block without the length in front.
// A layout is what stands in a TABLE_MAP event from the column count to the end of the metadata block: whoever has the
// event's bytes takes a sub-slice, as LayoutOf does.
func Layout(types, metadata []byte) []byte {
	layout := appendLength(make([]byte, 0, 6+len(types)+len(metadata)), len(types))
	layout = append(layout, types...)
	layout = appendLength(layout, len(metadata))
	return append(layout, metadata...)
}

// LayoutOf finds the layout in a TABLE_MAP event's body, without the event's header and checksum, behind the table's
// name: at begins with the column count. It gives the layout and how many bytes it takes; 0 if at is cut short.
func LayoutOf(at []byte) ([]byte, int) {
	_, _, n, err := cutLayout(at)
	if err != nil {
		return nil, 0
	}
	return at[:n], n
}

// cutLayout gives a layout's types and metadata and its length.
func cutLayout(layout []byte) (types, metadata []byte, n int, err error) {
	types, rest, err := cutCounted(layout)
	if err != nil {
		return nil, nil, 0, err
	}
	metadata, rest, err = cutCounted(rest)
	return types, metadata, len(layout) - len(rest), err
}

// cutCounted cuts off bytes with their number in front, packed as the protocol packs lengths.
func cutCounted(b []byte) (counted, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errShortLayout
	}
	count, head := uint64(b[0]), 1
	switch b[0] {
	case 0xFC:
		head = 3
	case 0xFD:
		head = 4
	case 0xFB, 0xFE, 0xFF:
		return nil, nil, fmt.Errorf("the table map's list of columns begins with %#x, which is no length", b[0])
	}
	if len(b) < head {
		return nil, nil, errShortLayout
	}
	if head > 1 {
		count = 0
		for i := head - 1; i > 0; i-- {
			count = count<<8 | uint64(b[i])
		}
	}
	b = b[head:]
	if count > uint64(len(b)) {
		return nil, nil, errShortLayout
	}
	return b[:count], b[count:], nil
}

func appendLength(dst []byte, n int) []byte {
	switch {
	case n < 0xFB:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.LittleEndian.AppendUint16(append(dst, 0xFC), uint16(n))
	}
	return append(dst, 0xFD, byte(n), byte(n>>8), byte(n>>16))
}

// parseLayout gives the fields of a layout.
func parseLayout(layout []byte) ([]field, error) {
	types, metadata, n, err := cutLayout(layout)
	if err != nil {
		return nil, err
	}
	if n < len(layout) {
		return nil, fmt.Errorf("%d bytes follow the table map's list of columns", len(layout)-n)
	}
	fields := make([]field, len(types))
	for i, t := range types {
		size := wire(t).metadataSize()
		if len(metadata) < size {
			return nil, errShortLayout
		}
		fields[i] = wire(t).field(metadata[:size])
		metadata = metadata[size:]
	}
	if len(metadata) > 0 {
		return nil, fmt.Errorf("%d bytes of the table map's metadata belong to no column", len(metadata))
	}
	return fields, nil
}

// metadataSize tells how many bytes the metadata block has for a column of the type.
func (w wire) metadataSize() int {
	switch w {
	case wireVarChar, wireVarCharCompressed, wireVarString, wireString, wireNewDecimal, wireBit, wireEnum, wireSet:
		return 2
	case wireFloat, wireDouble, wireBlob, wireBlobCompressed, wireGeometry, wireJSON, wireVector,
		wireTimestamp2, wireDateTime2, wireTime2:
		return 1
	}
	return 0
}

func (w wire) field(meta []byte) field {
	switch w {
	case wireVarChar, wireVarCharCompressed, wireVarString:
		return field{wire: w, length: int(binary.LittleEndian.Uint16(meta))}
	case wireNewDecimal:
		return field{wire: w, length: int(meta[0]), digits: int(meta[1])}
	case wireBit:
		return field{wire: w, length: int(meta[1])*8 + int(meta[0])}
	case wireString, wireEnum, wireSet:
		return stringField(meta[0], meta[1])
	case wireTimestamp2, wireDateTime2, wireTime2:
		return field{wire: w, digits: int(meta[0])}
	case wireFloat, wireDouble, wireBlob, wireBlobCompressed, wireGeometry, wireJSON, wireVector:
		return field{wire: w, length: int(meta[0])}
	}
	return field{wire: w}
}

// stringField reads the metadata of CHAR, ENUM and SET, which share a type number: the first byte is the real type,
// but two of its bits, upside down, are the high bits of a CHAR's length.
func stringField(real, length byte) field {
	if wire(real) == wireEnum || wire(real) == wireSet {
		return field{wire: wire(real), length: int(length)}
	}
	return field{wire: wireString, length: int(^real&0x30)<<4 | int(length)}
}
