package mysql

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"
	"time"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
)

const (
	// heartbeat is how often the server speaks when it has nothing to say.
	heartbeat = time.Second
	// quiet is how long it may say nothing: it may have to search its binlog before the first event.
	quiet = 30 * time.Second
)

// A replica is how we introduce ourselves to the upstream.
type replica struct {
	serverID uint32
	name     string // the host name that we register: other replicas of that server id have another
	uuid     string
}

// dump asks the server for its binlog from a position on, and takes the connection over.
func (s *session) dump(v *server, r replica, from *position) (*packets, error) {
	for _, statement := range setup(v, r, from) {
		if err := s.exec(statement); err != nil {
			return nil, fmt.Errorf("prepare the binlog dump at %s: %s", s.addr, firstLine(err))
		}
	}
	if err := s.command(registration(r)); err != nil {
		return nil, err
	}
	if _, err := s.ReadOKPacket(); err != nil {
		return nil, s.dumpError(err)
	}
	if err := s.command(dumpCommand(v, r, from)); err != nil {
		return nil, err
	}
	return newPackets(s.stream(), quiet), nil
}

// stream gives what the server's packets are read from: the socket, or TLS on it.
func (s *session) stream() net.Conn { return s.Conn.Conn.Conn }

// command sends a packet that begins an exchange.
func (s *session) command(payload []byte) error {
	s.ResetSequence()
	if err := s.WritePacket(append(make([]byte, 4), payload...)); err != nil {
		return fmt.Errorf("send to %s: %s", s.addr, firstLine(err))
	}
	return nil
}

// setup gives the statements before a dump.
func setup(v *server, r replica, from *position) []string {
	period := heartbeat.Nanoseconds()
	statements := []string{
		fmt.Sprintf("SET @master_heartbeat_period = %d, @source_heartbeat_period = %d", period, period),
		"SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum",
		fmt.Sprintf("SET @slave_uuid = '%s', @replica_uuid = '%s'", r.uuid, r.uuid),
		// The relay log may be full for a while.
		"SET SESSION net_write_timeout = 600",
	}
	if v.mariadb {
		statements = append(statements, "SET @mariadb_slave_capability = 4")
	}
	if from.kind == mariaGTID {
		statements = append(statements,
			fmt.Sprintf("SET @slave_connect_state = '%s'", from.maria.text("")),
			"SET @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0")
	}
	return statements
}

// registration makes COM_REGISTER_SLAVE.
func registration(r replica) []byte {
	b := []byte{gomysql.COM_REGISTER_SLAVE}
	b = binary.LittleEndian.AppendUint32(b, r.serverID)
	b = append(b, byte(len(r.name)))
	b = append(b, r.name...)
	b = append(b, 0, 0) // user and password
	b = append(b, 0, 0) // port
	return append(b, 0, 0, 0, 0 /* rank */, 0, 0, 0, 0 /* master id */)
}

// dumpCommand makes COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID.
func dumpCommand(v *server, r replica, from *position) []byte {
	if from.kind == mysqlGTID {
		set := from.mysql.encode()
		b := []byte{gomysql.COM_BINLOG_DUMP_GTID, 0, 0}
		b = binary.LittleEndian.AppendUint32(b, r.serverID)
		b = binary.LittleEndian.AppendUint32(b, 0) // no file name
		b = binary.LittleEndian.AppendUint64(b, 4)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(set)))
		return append(b, set...)
	}
	file, at := from.file, from.at
	if from.kind == mariaGTID {
		file, at = "", 4
	}
	b := []byte{gomysql.COM_BINLOG_DUMP}
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, r.serverID)
	return append(b, file...)
}

// dumpError says what keeps the server from sending its binlog.
func (s *session) dumpError(err error) error {
	text := firstLine(err)
	if e := serverCode(err); e != 0 {
		return binlogError(s.addr, e, text)
	}
	return fmt.Errorf("read the binlog of %s: %s", s.addr, text)
}

// packetError reads an ERR packet without its first byte.
func packetError(addr string, b []byte) error {
	if len(b) < 2 {
		return fmt.Errorf("read the binlog of %s: the server sent an error without a code", addr)
	}
	code, text := binary.LittleEndian.Uint16(b), b[2:]
	if len(text) > 6 && text[0] == '#' {
		text = text[6:]
	}
	return binlogError(addr, code, string(text))
}

// binlogError tells the errors of a dump that no retry can mend from the rest. The servers have one code for most.
func binlogError(addr string, code uint16, text string) error {
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(strings.ToLower(text), part) {
				return true
			}
		}
		return false
	}
	switch {
	case code == gomysql.ER_SPECIFIC_ACCESS_DENIED_ERROR, code == gomysql.ER_ACCESS_DENIED_ERROR, code == gomysql.ER_TABLEACCESS_DENIED_ERROR:
		return fatal(kindGrant, "read the binlog of %s: the user may not replicate (%s); GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO the user",
			addr, text)
	case code == gomysql.ER_NO_BINARY_LOGGING, has("binary log is not open"):
		return fatal(kindNoBinlog, "read the binlog of %s: it writes none; set log_bin=binlog in its configuration file and restart it", addr)
	case has("purged", "could not find first log file"):
		return fatal(kindPurged, "read the binlog of %s: it no longer has what comes next (%s); keep the binlog for longer "+
			"(binlog_expire_logs_seconds), and begin a new changefeed with a fresh copy of the data", addr, text)
	case has("which is not in the master's binlog", "more gtids than", "diverged"):
		return fatal(kindIdentity, "read the binlog of %s: it does not have the transactions that were read so far (%s); it is another server, or was "+
			"set back: point the changefeed to the right one, or begin a new changefeed with a fresh copy of the data", addr, text)
	case has("same server_uuid", "same server_id", "same server-id"):
		return serverIDTaken(addr, text)
	case has("max_allowed_packet"):
		return fatal(kindPacket, "read the binlog of %s: an event is larger than the server sends (%s); SET GLOBAL max_allowed_packet = 1073741824 there",
			addr, text)
	case has("impossible position", "position > file size", "> file size"):
		return fatal(kindPosition, "read the binlog of %s: the position lies past the end of the file (%s); look for the right one with SHOW BINARY LOGS",
			addr, text)
	}
	return fmt.Errorf("read the binlog of %s: the server says %q (error %d)", addr, text, code)
}

func serverIDTaken(addr, text string) error {
	return fatal(kindServerID, "read the binlog of %s: another replica has the same server id (%s); give the changefeed another one with "+
		"--server-id, or leave it out to have a free one chosen", addr, text)
}

// A streamError tells of a stream that makes no sense.
type streamError struct {
	what, file string
	at         uint64
}

func (e *streamError) Error() string {
	return fmt.Sprintf("read the binlog at %s:%d: %s", e.file, e.at, e.what)
}
