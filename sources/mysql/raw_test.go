package mysql

import (
	"encoding/binary"
	"hash/crc32"
)

// Events made by hand.

// rawEvent makes an event without checksum.
func rawEvent(kind byte, time uint32, body []byte) []byte {
	e := make([]byte, headerSize, headerSize+len(body)+checksumSize)
	binary.LittleEndian.PutUint32(e, time)
	e[typeAt] = kind
	e = append(e, body...)
	return sized(e, len(e))
}

func sized(e []byte, n int) []byte {
	setEventSize(e, n)
	return e
}

// sum sets the checksum at the event's end.
func sum(e []byte) {
	n := len(e) - checksumSize
	binary.LittleEndian.PutUint32(e[n:], crc32.ChecksumIEEE(e[:n]))
}

// packetOf puts a packet header and the OK byte before an event.
func packetOf(e []byte) []byte {
	n := len(e) + 1
	return append([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0, 0}, e...)
}

// formatEventBytes makes a FORMAT_DESCRIPTION event that tells of checksums.
func formatEventBytes() []byte {
	body := make([]byte, 57+40, 57+40+1+checksumSize)
	body = append(body, 1, 0, 0, 0, 0)
	e := rawEvent(formatEvent, 1, body)
	sum(e)
	return e
}

// tableMapBody makes a table map of three INT columns.
func tableMapBody(schema, table string, id uint64) []byte {
	b := binary.LittleEndian.AppendUint64(nil, id)[:6]
	b = append(b, 1, 0)
	b = append(append(b, byte(len(schema))), schema...)
	b = append(append(append(b, 0), byte(len(table))), table...)
	return append(b, 0, 3, 3, 3, 3, 0, 0)
}

// rowsEventBody makes a rows event of version 1 for an insert into three columns.
func rowsEventBody(id uint64, images []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, id)[:6]
	b = append(b, 1, 0, 3, 7)
	return append(b, images...)
}

// queryBody makes a QUERY event's body.
func queryBody(schema, text string) []byte {
	b := make([]byte, 13)
	b[8] = byte(len(schema))
	b = append(append(b, schema...), 0)
	return append(b, text...)
}
