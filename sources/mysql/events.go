package mysql

import "encoding/binary"

// The common header of an event: timestamp u32, type u8, server id u32, size u32, end position u32, flags u16.
const (
	headerSize   = 19
	typeAt       = 4
	sizeAt       = 9
	endPosAt     = 13
	flagsAt      = 17
	checksumSize = 4

	flagArtificial = 0x20
	flagIgnorable  = 0x80
)

// The event types that matter here.
const (
	queryEvent             = 2
	stopEvent              = 3
	rotateEvent            = 4
	intvarEvent            = 5
	loadEvent              = 6
	createFileEvent        = 8
	appendBlockEvent       = 9
	execLoadEvent          = 10
	deleteFileEvent        = 11
	newLoadEvent           = 12
	randEvent              = 13
	userVarEvent           = 14
	formatEvent            = 15
	xidEvent               = 16
	beginLoadEvent         = 17
	executeLoadEvent       = 18
	tableMapEvent          = 19
	oldWriteRows           = 20
	oldDeleteRows          = 22
	writeRowsV1            = 23
	updateRowsV1           = 24
	deleteRowsV1           = 25
	incidentEvent          = 26
	heartbeatEvent         = 27
	ignorableEvent         = 28
	rowsQueryEvent         = 29
	writeRowsV2            = 30
	updateRowsV2           = 31
	deleteRowsV2           = 32
	gtidEvent              = 33
	anonymousGTIDEvent     = 34
	previousGTIDsEvent     = 35
	transactionContext     = 36
	viewChangeEvent        = 37
	xaPrepareEvent         = 38
	partialUpdateRows      = 39
	transactionPayload     = 40
	heartbeatV2Event       = 41
	taggedGTIDEvent        = 42
	annotateRowsEvent      = 160
	binlogCheckpointEvent  = 161
	mariaGTIDEvent         = 162
	mariaGTIDListEvent     = 163
	startEncryptionEvent   = 164
	queryCompressedEvent   = 165
	writeRowsCompressedV1  = 166
	deleteRowsCompressedV1 = 168
	writeRowsCompressedV2  = 169
	deleteRowsCompressedV2 = 171
)

func eventType(e []byte) byte      { return e[typeAt] }
func eventTime(e []byte) uint32    { return binary.LittleEndian.Uint32(e) }
func eventSize(e []byte) int       { return int(binary.LittleEndian.Uint32(e[sizeAt:])) }
func eventEndPos(e []byte) uint32  { return binary.LittleEndian.Uint32(e[endPosAt:]) }
func eventFlags(e []byte) uint16   { return binary.LittleEndian.Uint16(e[flagsAt:]) }
func setEventSize(e []byte, n int) { binary.LittleEndian.PutUint32(e[sizeAt:], uint32(n)) }

// isRows tells a rows event that the relay may hold.
func isRows(kind byte) bool {
	return kind >= writeRowsV1 && kind <= deleteRowsV1 || kind >= writeRowsV2 && kind <= deleteRowsV2
}

// lenenc reads a length-encoded integer; n is 0 if there is none.
func lenenc(b []byte) (v uint64, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	size := 0
	switch b[0] {
	case 0xfc:
		size = 2
	case 0xfd:
		size = 3
	case 0xfe:
		size = 8
	case 0xfb, 0xff:
		return 0, 0
	default:
		return uint64(b[0]), 1
	}
	if len(b) < 1+size {
		return 0, 0
	}
	for i := size; i > 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	return v, 1 + size
}
