package image

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"io"

	"github.com/weir-cdc/weir/rows"
)

// A MariaDB column declared COMPRESSED holds, in front of each value that is not empty, a byte: its high half tells how
// the rest is stored. For zlib its low three bits tell in how many bytes, big-endian, the unpacked length follows, and
// wrapless that zlib's own header and checksum are left out.
const (
	stored     = 0x00
	zlibMethod = 0x80
	methodMask = 0xF0
	wrapless   = 0x08
	sizeMask   = 0x07
)

// An inflater keeps what unpacking needs from value to value.
type inflater struct {
	most   int // how long an unpacked value may be
	source *bytes.Reader
	flate  io.ReadCloser
	zlib   io.ReadCloser
}

// inflate unpacks a compressed value and has it finished.
func inflate(c *column, raw []byte, v *rows.Value) bool {
	text, fault := c.unpackValue(raw)
	if fault != "" {
		c.fault = fault
		return false
	}
	if c.inner != nil {
		return c.inner(c, text, v)
	}
	v.Bytes = text
	return true
}

// unpackValue gives a compressed value's bytes, or what is wrong with it.
func (c *column) unpackValue(raw []byte) (text []byte, fault string) {
	if len(raw) == 0 {
		return raw, ""
	}
	head, raw := raw[0], raw[1:]
	if head&methodMask == stored {
		return raw, ""
	}
	size := int(head & sizeMask)
	if head&methodMask != zlibMethod || size == 0 || size > 4 || size > len(raw) {
		return nil, "it is compressed in an unknown way"
	}
	length := bigEndian(raw[:size])
	if length > uint64(c.inflater.most) {
		return nil, "its unpacked length is beyond the column's"
	}
	if err := c.inflater.open(raw[size:], head&wrapless != 0); err != nil {
		return nil, "it cannot be unpacked"
	}
	c.unpacked, fault = c.inflater.read(c.unpacked[:0], head&wrapless != 0, int(length))
	return c.unpacked, fault
}

// open sets the reader of the wanted kind to packed.
func (f *inflater) open(packed []byte, raw bool) error {
	if f.source == nil {
		f.source = bytes.NewReader(packed)
	}
	f.source.Reset(packed)
	switch {
	case raw && f.flate == nil:
		f.flate = flate.NewReader(f.source)
	case raw:
		return f.flate.(flate.Resetter).Reset(f.source, nil)
	case f.zlib == nil:
		var err error
		f.zlib, err = zlib.NewReader(f.source)
		return err
	default:
		return f.zlib.(zlib.Resetter).Reset(f.source, nil)
	}
	return nil
}

// read appends what the reader gives, which must be length bytes. Room is made as it comes: a damaged length must not
// take the memory that it claims.
func (f *inflater) read(dst []byte, raw bool, length int) (text []byte, fault string) {
	source := f.zlib
	if raw {
		source = f.flate
	}
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := source.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if len(dst) > length || err == io.EOF && len(dst) < length {
			return dst, "it is not of the length that it claims"
		}
		if err == io.EOF {
			return dst, ""
		}
		if err != nil {
			return dst, "it cannot be unpacked"
		}
	}
}
