package mysql

import (
	"encoding/binary"

	"github.com/go-mysql-org/go-mysql/replication"
)

// A start is what a server's GTID event says of the group that it begins.
type start struct {
	gtid gtid
	ms   int64
	// standalone tells that the group is one statement, without an end of its own. MySQL does not say.
	standalone bool
	xa         bool // the group ends in an XA_PREPARE event. MySQL does not say.
	// skipsDDL tells that the group's DDL is only announced, or called off: MariaDB's two-phase ALTER.
	skipsDDL bool
}

// Flags of MariaDB's GTID event.
const (
	mariaStandalone    = 1
	mariaGroupCommit   = 2
	mariaPreparedXA    = 64
	mariaCompletedXA   = 128
	mariaExtraEngines  = 1
	mariaStartAlter    = 2
	mariaRollbackAlter = 8
)

// parseMariaStart reads a MariaDB GTID event.
func parseMariaStart(e []byte) (s start, ok bool) {
	b := e[headerSize:]
	if len(b) < 13 {
		return s, false
	}
	s.gtid = gtid{
		kind:   mariaGTID,
		domain: binary.LittleEndian.Uint32(b[8:]),
		server: binary.LittleEndian.Uint32(e[5:]),
		number: binary.LittleEndian.Uint64(b),
	}
	flags := b[12]
	s.ms = int64(eventTime(e)) * 1000
	s.standalone = flags&mariaStandalone != 0
	s.xa = flags&mariaPreparedXA != 0
	b = b[13:]
	if flags&mariaGroupCommit != 0 && len(b) >= 8 {
		b = b[8:]
	}
	if flags&(mariaPreparedXA|mariaCompletedXA) != 0 && len(b) >= 6 {
		b = b[min(len(b), 6+int(b[4])+int(b[5])):]
	}
	if len(b) > 0 {
		s.skipsDDL = b[0]&(mariaStartAlter|mariaRollbackAlter) != 0
	}
	return s, true
}

// parseMySQLStart reads a GTID or ANONYMOUS_GTID event.
func parseMySQLStart(e []byte) (s start, ok bool) {
	b := e[headerSize:]
	if len(b) < 25 {
		return s, false
	}
	if eventType(e) == gtidEvent {
		s.gtid.kind = mysqlGTID
		copy(s.gtid.uuid[:], b[1:])
		s.gtid.number = binary.LittleEndian.Uint64(b[17:])
	}
	s.ms = int64(eventTime(e)) * 1000
	// A type byte of 2, two u64 of logical clocks, then the immediate commit timestamp in 7 bytes, whose highest bit
	// says that the original one follows.
	if len(b) >= 49 && b[25] == 2 {
		micros := uint56(b[42:])
		if micros>>55 != 0 && len(b) >= 56 {
			micros = uint56(b[49:])
		}
		if micros &= 1<<55 - 1; micros != 0 {
			s.ms = int64(micros / 1000)
		}
	}
	return s, true
}

func uint56(b []byte) uint64 {
	return uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint16(b[4:]))<<32 | uint64(b[6])<<48
}

// parseTaggedStart reads the GTID event of MySQL 8.3 and up for GTIDs with tags.
func parseTaggedStart(e []byte) (s start, ok bool) {
	var t replication.GtidTaggedLogEvent
	if err := t.Decode(e[headerSize:]); err != nil || len(t.SID) != 16 {
		return s, false
	}
	s.gtid = gtid{kind: mysqlGTID, number: uint64(t.GNO), tag: t.Tag}
	copy(s.gtid.uuid[:], t.SID)
	s.ms = int64(eventTime(e)) * 1000
	micros := t.OriginalCommitTimestamp
	if micros == 0 {
		micros = t.ImmediateCommitTimestamp
	}
	if micros != 0 {
		s.ms = int64(micros / 1000)
	}
	return s, true
}
