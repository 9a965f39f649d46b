package mysql

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
)

// An expander undoes the compressions of the binlog.
type expander struct {
	in   bytes.Reader
	copy []byte // of the compressed event
	zlib io.ReadCloser
	zstd *zstd.Decoder
}

var errCompressed = errors.New("the compressed part of the event makes no sense")

// mariaEvent replaces the event at the end of out, whose part from body on MariaDB has compressed, by the plain event
// of type kind.
func (x *expander) mariaEvent(out []byte, start, body int, kind byte) ([]byte, error) {
	if len(out)-start < body+2 {
		return out, errCompressed
	}
	x.copy = append(x.copy[:0], out[start+body:]...)
	out = out[:start+body]
	c := x.copy
	digits := int(c[0] & 7)
	if c[0]&0x80 == 0 || c[0]>>4&7 != 0 || digits < 1 || digits > 4 || len(c) < 1+digits {
		return out, errCompressed
	}
	size := 0
	for _, b := range c[1 : 1+digits] {
		size = size<<8 | int(b)
	}
	x.in.Reset(c[1+digits:])
	var err error
	if x.zlib == nil {
		x.zlib, err = zlib.NewReader(&x.in)
	} else {
		err = x.zlib.(zlib.Resetter).Reset(&x.in, nil)
	}
	if err != nil {
		return out, errCompressed
	}
	at := len(out)
	out = grow(out, size)[:at+size]
	if _, err := io.ReadFull(x.zlib, out[at:]); err != nil {
		return out[:at], errCompressed
	}
	out[start+typeAt] = kind
	setEventSize(out[start:], len(out)-start)
	return out, nil
}

// The fields of a TRANSACTION_PAYLOAD event, and its kinds of compression.
const (
	payloadEnd         = 0
	payloadCompression = 2

	compressionZstd = 0
	compressionNone = 255
)

// payload takes the TRANSACTION_PAYLOAD event at the end of out away and gives a reader of the events in it.
func (x *expander) payload(out []byte, start int) ([]byte, io.Reader, error) {
	x.copy = append(x.copy[:0], out[start+headerSize:]...)
	out = out[:start]
	b := x.copy
	compression := uint64(compressionNone)
	for {
		field, n := lenenc(b)
		if n == 0 {
			return out, nil, errCompressed
		}
		b = b[n:]
		if field == payloadEnd {
			break
		}
		size, n := lenenc(b)
		if n == 0 || uint64(len(b)-n) < size {
			return out, nil, errCompressed
		}
		if field == payloadCompression {
			compression, _ = lenenc(b[n:])
		}
		b = b[n+int(size):]
	}
	x.in.Reset(b)
	switch compression {
	case compressionNone:
		return out, &x.in, nil
	case compressionZstd:
		var err error
		if x.zstd == nil {
			x.zstd, err = zstd.NewReader(&x.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2<<30))
		} else {
			err = x.zstd.Reset(&x.in)
		}
		return out, x.zstd, err
	}
	return out, nil, errCompressed
}

func (x *expander) close() {
	if x.zstd != nil {
		x.zstd.Close()
	}
}
