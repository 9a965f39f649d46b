package mysql

import "encoding/binary"

// The events of our own in the relay. They have the common header, of which only type and size count.
//
//	BEGIN   event time in ms i64 | gtid kind u8 | gtid
//	        gtid by kind: none; MariaDB: domain u32, server u32, sequence u64; MySQL: uuid [16], number u64, tag
//	END     outcome u8 | end position in the binlog file u64, 0 when positions are GTIDs | xid
//	ROTATE  file name
const (
	beginEvent       = 0xf0
	endEvent         = 0xf1
	relayRotateEvent = 0xf2
)

// The outcomes of a group.
const (
	committed byte = iota
	prepared       // it was XA PREPAREd: its rows come with the group that resolves it
	resolved       // it is the XA COMMIT, with the rows, or the XA ROLLBACK, without
)

// The kinds of a GTID.
const (
	noGTID byte = iota
	mariaGTID
	mysqlGTID
)

// A gtid is a group's GTID of either flavour.
type gtid struct {
	kind byte

	domain, server uint32 // MariaDB
	number         uint64 // MariaDB's sequence, MySQL's number

	uuid [16]byte // MySQL
	tag  string
}

const (
	beginFixed = headerSize + 9
	endFixed   = headerSize + 9
)

// appendRelayHeader begins an event of our own; finishRelayEvent gives it its size.
func appendRelayHeader(dst []byte, kind byte) []byte {
	n := len(dst)
	dst = append(dst, make([]byte, headerSize)...)
	dst[n+typeAt] = kind
	return dst
}

func finishRelayEvent(dst []byte, at int) []byte {
	setEventSize(dst[at:], len(dst)-at)
	return dst
}

func appendBegin(dst []byte, ms int64, g *gtid) []byte {
	at := len(dst)
	dst = appendRelayHeader(dst, beginEvent)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(ms))
	dst = append(dst, g.kind)
	switch g.kind {
	case mariaGTID:
		dst = binary.LittleEndian.AppendUint32(dst, g.domain)
		dst = binary.LittleEndian.AppendUint32(dst, g.server)
		dst = binary.LittleEndian.AppendUint64(dst, g.number)
	case mysqlGTID:
		dst = append(dst, g.uuid[:]...)
		dst = binary.LittleEndian.AppendUint64(dst, g.number)
		dst = append(dst, g.tag...)
	}
	return finishRelayEvent(dst, at)
}

// parseBegin undoes appendBegin.
func parseBegin(e []byte, g *gtid) (ms int64, ok bool) {
	if len(e) < beginFixed {
		return 0, false
	}
	ms = int64(binary.LittleEndian.Uint64(e[headerSize:]))
	g.kind = e[headerSize+8]
	b := e[beginFixed:]
	switch g.kind {
	case noGTID:
		return ms, true
	case mariaGTID:
		if len(b) != 16 {
			return 0, false
		}
		g.domain = binary.LittleEndian.Uint32(b)
		g.server = binary.LittleEndian.Uint32(b[4:])
		g.number = binary.LittleEndian.Uint64(b[8:])
		return ms, true
	case mysqlGTID:
		if len(b) < 24 {
			return 0, false
		}
		copy(g.uuid[:], b)
		g.number = binary.LittleEndian.Uint64(b[16:])
		if string(b[24:]) != g.tag {
			g.tag = string(b[24:])
		}
		return ms, true
	}
	return 0, false
}

func appendEnd(dst []byte, outcome byte, endPos uint64, xid []byte) []byte {
	at := len(dst)
	dst = appendRelayHeader(dst, endEvent)
	dst = append(dst, outcome)
	dst = binary.LittleEndian.AppendUint64(dst, endPos)
	dst = append(dst, xid...)
	return finishRelayEvent(dst, at)
}

func appendRotate(dst []byte, file string) []byte {
	at := len(dst)
	dst = appendRelayHeader(dst, relayRotateEvent)
	dst = append(dst, file...)
	return finishRelayEvent(dst, at)
}
