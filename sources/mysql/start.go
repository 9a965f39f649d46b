package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"github.com/weir-cdc/weir/relay"
)

// Start resolves where a new changefeed begins: "current", "earliest", "gtid:SET" or "FILE:POS". On MariaDB a file
// position becomes the GTID position there. Any but the current one is tried: the upstream must have what follows.
//
// The Mark's Ts is the upstream's wall time for "current", else the time at which the binlog file was begun that holds the position.
func (s *Source) Start(ctx context.Context, at string) (relay.Mark, error) {
	session, v, err := s.connect(ctx)
	if err != nil {
		return relay.Mark{}, err
	}
	defer session.close()
	if at == "current" {
		return s.startCurrent(ctx, session, v)
	}
	pos, err := session.resolve(v, at)
	if err != nil {
		return relay.Mark{}, err
	}
	if err := session.setBack(v, pos); err != nil {
		return relay.Mark{}, err
	}
	begun, err := s.probe(ctx, pos)
	if err != nil {
		return relay.Mark{}, err
	}
	return relay.Mark{Ts: uint64(begun.UnixMilli()) << logicalBits, Position: pos.String()}, nil
}

// now gives the end of the binlog. Rows of an XA transaction that is prepared there stand before it, and nobody says where.
func (s *session) now(v *server) (relay.Mark, error) {
	if rows, err := s.query("XA RECOVER"); err == nil && len(rows) > 0 {
		return relay.Mark{}, fatal(kindPreparedStart, "begin at the current position of %s: %d XA transactions are prepared there, whose rows stand "+
			"before it; commit them or roll them back (XA RECOVER lists them), or give --start-at a position before them", s.addr, len(rows))
	}
	now, err := s.value("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)")
	if err != nil {
		return relay.Mark{}, fmt.Errorf("read the time of %s: %s", s.addr, firstLine(err))
	}
	ms, err := strconv.ParseUint(now, 10, 64)
	if err != nil {
		return relay.Mark{}, fmt.Errorf("read the time of %s: %w", s.addr, err)
	}
	pos, err := s.head(v)
	if err != nil {
		return relay.Mark{}, err
	}
	return relay.Mark{Ts: ms << logicalBits, Position: pos.String()}, nil
}

// head gives the position behind the last transaction in the server's binlog.
func (s *session) head(v *server) (*position, error) {
	switch {
	case v.mariadb:
		return s.positionOf("SELECT @@global.gtid_binlog_pos")
	case v.gtids():
		return s.positionOf("SELECT @@global.gtid_executed")
	}
	rows, err := s.query("SHOW MASTER STATUS")
	if serverCode(err) == gomysql.ER_PARSE_ERROR {
		rows, err = s.query("SHOW BINARY LOG STATUS")
	}
	if err != nil {
		return nil, s.statusError(err)
	}
	if len(rows) == 0 || len(rows[0]) < 2 {
		return nil, v.usable(s.addr)
	}
	return parsePosition(rows[0][0] + ":" + rows[0][1])
}

// positionOf reads a GTID set by a query.
func (s *session) positionOf(query string) (*position, error) {
	set, err := s.value(query)
	if err != nil {
		return nil, s.statusError(err)
	}
	return parsePosition(gtidPrefix + strings.ReplaceAll(set, "\n", ""))
}

// statusError names the grant if that is what is missing.
func (s *session) statusError(err error) error {
	if serverCode(err) == gomysql.ER_SPECIFIC_ACCESS_DENIED_ERROR {
		return fatal(kindGrant, "read the binlog position of %s: the user may not (%s); GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the user",
			s.addr, firstLine(err))
	}
	return fmt.Errorf("read the binlog position of %s: %s", s.addr, firstLine(err))
}

// resolve reads a start position other than the current one.
func (s *session) resolve(v *server, at string) (*position, error) {
	if at == "earliest" {
		return s.earliest(v)
	}
	pos, err := parsePosition(at)
	if err != nil {
		return nil, fatal(kindPosition, "%w; or give one of the words current and earliest", err)
	}
	pos.settle(v)
	switch {
	case pos.kind == noGTID && v.mariadb:
		return s.gtidsAt(pos.file, pos.at)
	case pos.kind == mysqlGTID && v.mariadb, pos.kind == mariaGTID && !v.mariadb:
		return nil, fatal(kindPosition, "position %q: %s runs version %s, whose GTIDs look otherwise; look for the right one with "+
			"SELECT @@global.gtid_binlog_pos (MariaDB) or @@global.gtid_executed (MySQL)", at, s.addr, v.version)
	case pos.kind == mysqlGTID && !v.gtids():
		return nil, fatal(kindPosition, "position %q: %s has gtid_mode=%s; set it to ON, or give FILE:POS", at, s.addr, v.variables["gtid_mode"])
	}
	return pos, nil
}

// earliest gives the position before the oldest transaction that the server still has.
func (s *session) earliest(v *server) (*position, error) {
	if !v.mariadb && v.gtids() {
		return s.positionOf("SELECT @@global.gtid_purged")
	}
	rows, err := s.query("SHOW BINARY LOGS")
	if err != nil {
		return nil, s.statusError(err)
	}
	if len(rows) == 0 {
		return nil, v.usable(s.addr)
	}
	if !v.mariadb {
		return &position{file: rows[0][0], at: 4}, nil
	}
	return s.gtidsAt(rows[0][0], 4)
}

// gtidsAt gives MariaDB's GTID position at a place in a file.
func (s *session) gtidsAt(file string, at uint64) (*position, error) {
	files, err := s.query("SHOW BINARY LOGS")
	if err != nil {
		return nil, s.statusError(err)
	}
	for _, row := range files {
		if row[0] != file {
			continue
		}
		if size, _ := strconv.ParseUint(row[1], 10, 64); at > size {
			return nil, fatal(kindPosition, "position %s:%d: it lies past the end of the file, which has %d bytes; "+
				"look for the right one with SHOW BINARY LOGS", file, at, size)
		}
		set, err := s.value(fmt.Sprintf("SELECT IFNULL(BINLOG_GTID_POS('%s', %d), 'none')", file, at))
		if err != nil {
			return nil, s.statusError(err)
		}
		if set == "none" {
			return nil, fatal(kindPosition, "position %s:%d: no event begins there; look for the right position with SHOW BINLOG EVENTS IN '%s'",
				file, at, file)
		}
		return parsePosition(gtidPrefix + set)
	}
	return nil, fatal(kindPurged, "position %s:%d: %s has no such file any more, or never had it; SHOW BINARY LOGS lists what there is", file, at, s.addr)
}

// probe begins a dump at a position, to see whether the upstream has it, and gives the time when the file was begun.
func (s *Source) probe(ctx context.Context, at *position) (time.Time, error) {
	session, v, err := s.connect(ctx)
	if err != nil {
		return time.Time{}, err
	}
	defer session.close()
	in, err := session.dump(v, guest(), at.resume())
	if err != nil {
		return time.Time{}, err
	}
	begun := time.UnixMilli(1)
	var e []byte
	for {
		var first byte
		if e, first, err = in.next(e[:0]); err != nil {
			return begun, fmt.Errorf("read the binlog of %s: %w", session.addr, err)
		}
		switch {
		case first == 0xff:
			return begun, packetError(session.addr, e)
		case first != 0 || len(e) < headerSize:
			return begun, errors.New("the server ended its binlog")
		}
		switch eventType(e) {
		case rotateEvent, previousGTIDsEvent, mariaGTIDListEvent, startEncryptionEvent, binlogCheckpointEvent:
		case formatEvent:
			if at := eventTime(e); at != 0 {
				begun = time.Unix(int64(at), 0)
			}
		default:
			return begun, nil
		}
	}
}
