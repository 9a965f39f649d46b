package image

import (
	"strconv"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// addressColumn reads MariaDB's fixed types that it shows as text. The stream has them as a CHAR without the zero bytes
// at its end.
func addressColumn(col *schema.Column, f field) (column, error) {
	c := column{kind: rows.Text, prefix: 1, width: 16, decode: finishStep, finish: addressText}
	switch col.Type {
	case schema.UUID:
		c.inner = uuidText
	case schema.Inet6:
		c.inner = inet6Text
	case schema.Inet4:
		c.inner, c.width = inet4Text, 4
	}
	if f.wire != wireString || f.length != c.width {
		return column{}, errMismatch
	}
	return c, nil
}

// addressText hands the bytes, padded, to the column's formatter.
func addressText(c *column, raw []byte, v *rows.Value) bool {
	if len(raw) > c.width {
		c.fault = "it is longer than its type"
		return false
	}
	c.unpacked = append(append(c.unpacked[:0], raw...), make([]byte, 16)[:c.width-len(raw)]...)
	return c.inner(c, c.unpacked, v)
}

func uuidText(c *column, raw []byte, v *rows.Value) bool {
	const hex = "0123456789abcdef"
	text := c.scratch[:0]
	for i, b := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = append(text, hex[b>>4], hex[b&15])
	}
	c.scratch, v.Bytes = text, text
	return true
}

func inet4Text(c *column, raw []byte, v *rows.Value) bool {
	text := appendInet4(c.scratch[:0], raw)
	c.scratch, v.Bytes = text, text
	return true
}

func appendInet4(dst, raw []byte) []byte {
	for i, b := range raw {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return dst
}

// inet6Text writes "::" for the longest run of zero groups, the first of equals, and the last four bytes as an IPv4 address
// if they are the rest of a mapped or a compatible one.
func inet6Text(c *column, raw []byte, v *rows.Value) bool {
	var groups [8]uint64
	for i := range groups {
		groups[i] = uint64(raw[2*i])<<8 | uint64(raw[2*i+1])
	}
	at, run := longestZeros(groups[:])
	text := c.scratch[:0]
	for i := 0; i < 8; i++ {
		if i == at && run > 0 {
			text = append(text, "::"...)
			i += run - 1
			continue
		}
		if i > 0 && i != at+run {
			text = append(text, ':')
		}
		if i == 6 && at == 0 && (run == 6 || run == 5 && groups[5] == 0xFFFF) {
			text = appendInet4(text, raw[12:])
			break
		}
		text = strconv.AppendUint(text, groups[i], 16)
	}
	c.scratch, v.Bytes = text, text
	return true
}

// longestZeros gives where the longest run of zero groups begins and how many they are: none if no group is zero.
func longestZeros(groups []uint64) (at, run int) {
	at = -1
	for i := 0; i < len(groups); {
		n := 0
		for i+n < len(groups) && groups[i+n] == 0 {
			n++
		}
		if n > run {
			at, run = i, n
		}
		i += n + 1
	}
	return at, run
}
