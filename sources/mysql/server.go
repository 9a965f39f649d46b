package mysql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	gomysql "github.com/go-mysql-org/go-mysql/mysql"
)

const (
	dialTimeout  = 10 * time.Second
	queryTimeout = 30 * time.Second
)

// A session is a connection to the upstream on which statements are run.
type session struct {
	*client.Conn
	socket net.Conn
	addr   string
	stop   func() bool
}

// connect opens a session. It ends with ctx.
func (c *config) connect(ctx context.Context) (*session, error) {
	var socket net.Conn
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		d := net.Dialer{Timeout: dialTimeout}
		conn, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		socket = conn
		return conn, conn.SetDeadline(time.Now().Add(dialTimeout))
	}
	conn, err := client.ConnectWithDialer(ctx, "tcp", c.addr, c.user, c.password, "", dial, func(conn *client.Conn) error {
		if c.tls != nil {
			conn.SetTLSConfig(c.tls.Clone())
		}
		return nil
	})
	if err != nil {
		if socket != nil {
			socket.Close()
		}
		return nil, c.connectError(err)
	}
	if err := socket.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, fmt.Errorf("connect to %s: %w", c.addr, err)
	}
	s := &session{Conn: conn, socket: socket, addr: c.addr}
	s.stop = context.AfterFunc(ctx, func() { socket.Close() })
	return s, nil
}

// close ends the session without a word.
func (s *session) close() {
	s.stop()
	s.socket.Close()
}

// connectError says what keeps us from connecting, and what to do about it.
func (c *config) connectError(err error) error {
	switch serverCode(err) {
	case gomysql.ER_ACCESS_DENIED_ERROR, gomysql.ER_DBACCESS_DENIED_ERROR, accessDeniedNoPassword:
		return fatal(kindAccess, "connect to %s: the server does not let user %q in%s; check the password in the URI (special characters "+
			"percent-encoded), or CREATE USER '%s'@'%%' IDENTIFIED BY '...'%s", c.addr, c.user, c.shown(), c.user, c.required())
	case gomysql.ER_HOST_NOT_PRIVILEGED:
		return fatal(kindAccess, "connect to %s: the server lets nobody in from this host; CREATE USER '%s'@'%%' IDENTIFIED BY '...'", c.addr, c.user)
	case secureTransportRequired:
		return fatal(kindTLS, "connect to %s: the server lets nobody in without TLS; add ?tls=true to the URI, and tls-ca=FILE with the certificate "+
			"of the authority that signed the server's", c.addr)
	}
	if err := c.tlsError(err); err != nil {
		return err
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return fmt.Errorf("connect to %s: no such host; check the host in the URI, and the DNS", c.addr)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return fmt.Errorf("connect to %s: %w; check the host and port in the URI, and that the server runs", c.addr, op)
	}
	return fmt.Errorf("connect to %s: %s", c.addr, firstLine(err))
}

// shown tells how a user who was not let in had come.
func (c *config) shown() string {
	switch {
	case c.tls == nil:
		return " (without TLS)"
	case len(c.tls.Certificates) == 0:
		return " (by TLS, without a certificate)"
	}
	return " (by TLS, with the certificate of tls-cert)"
}

// required tells what the server may ask of a user beyond the password.
func (c *config) required() string {
	switch {
	case c.tls == nil:
		return "; a user who must REQUIRE SSL needs ?tls=true in the URI"
	case len(c.tls.Certificates) == 0:
		return "; a user who must REQUIRE X509 needs tls-cert and tls-key in the URI"
	}
	return "; SHOW CREATE USER tells which certificate the user must REQUIRE"
}

// accessDeniedNoPassword is ER_ACCESS_DENIED_NO_PASSWORD_ERROR.
const accessDeniedNoPassword = 1698

// secureTransportRequired is ER_SECURE_TRANSPORT_REQUIRED.
const secureTransportRequired = 3159

// firstLine gives an error's text without the traces that go-mysql puts in.
func firstLine(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	return text
}

// query runs a statement and gives its rows, NULL as "".
func (s *session) query(statement string) ([][]string, error) {
	if err := s.socket.SetDeadline(time.Now().Add(queryTimeout)); err != nil {
		return nil, err
	}
	result, err := s.Execute(statement)
	if err != nil {
		return nil, err
	}
	defer result.Close()
	if err := s.socket.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	if result.Resultset == nil {
		return nil, nil
	}
	rows := make([][]string, result.RowNumber())
	for i := range rows {
		rows[i] = make([]string, result.ColumnNumber())
		for j := range rows[i] {
			if rows[i][j], err = result.GetString(i, j); err != nil {
				return nil, err
			}
		}
	}
	return rows, nil
}

// exec runs a statement without rows.
func (s *session) exec(statement string) error {
	_, err := s.query(statement)
	return err
}

// value gives the one value of a query, "" if there is none.
func (s *session) value(statement string) (string, error) {
	rows, err := s.query(statement)
	if err != nil || len(rows) == 0 || len(rows[0]) == 0 {
		return "", err
	}
	return rows[0][0], nil
}

// A server is what the upstream says of itself.
type server struct {
	mariadb   bool
	version   string
	serverID  uint32
	uuid      string // MySQL's server_uuid
	variables map[string]string
}

// describe asks the upstream about itself.
func (s *session) describe() (*server, error) {
	rows, err := s.query("SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_id', 'server_uuid', 'gtid_mode', 'log_bin', " +
		"'binlog_format', 'binlog_row_image', 'binlog_row_metadata', 'binlog_row_value_options', 'binlog_checksum', 'expire_logs_days', " +
		"'binlog_expire_logs_seconds', 'binlog_expire_logs_auto_purge', 'max_allowed_packet', 'enforce_gtid_consistency')")
	if err != nil {
		return nil, fmt.Errorf("read the settings of %s: %s", s.addr, firstLine(err))
	}
	v := &server{variables: map[string]string{}}
	for _, row := range rows {
		v.variables[strings.ToLower(row[0])] = row[1]
	}
	v.version = v.variables["version"]
	v.mariadb = strings.Contains(strings.ToLower(v.version), "mariadb") ||
		strings.Contains(strings.ToLower(s.GetServerVersion()), "mariadb")
	id, _ := strconv.ParseUint(v.variables["server_id"], 10, 32)
	v.serverID = uint32(id)
	v.uuid = v.variables["server_uuid"]
	return v, nil
}

// identity names the server, for comparing it with the one before.
func (v *server) identity() string { return v.uuid + "/" + strconv.FormatUint(uint64(v.serverID), 10) }

// gtids tells whether positions are GTIDs.
func (v *server) gtids() bool { return v.mariadb || strings.EqualFold(v.variables["gtid_mode"], "ON") }

// release gives the version as numbers.
func (v *server) release() (major, minor int) {
	text := strings.TrimPrefix(v.version, "5.5.5-")
	parts := strings.SplitN(text, ".", 3)
	major, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		minor, _ = strconv.Atoi(parts[1])
	}
	return major, minor
}

// supported tells whether the version is one that can be followed.
func (v *server) supported() bool {
	major, minor := v.release()
	if v.mariadb {
		return major > 10 || major == 10 && minor >= 5
	}
	return major >= 8
}

// usable gives the fatal error for a server that cannot be followed as it is set.
func (v *server) usable(addr string) error {
	switch {
	case !v.supported():
		return fatal(kindVersion, "%s runs version %s; follow MariaDB 10.5 and up, or MySQL 8.0 and up: upgrade the server", addr, v.version)
	case v.variables["log_bin"] != "ON" && v.variables["log_bin"] != "1":
		return fatal(kindNoBinlog, "%s writes no binlog; set log_bin=binlog and a server_id in its configuration file, and restart it", addr)
	case v.variables["binlog_format"] != "" && !strings.EqualFold(v.variables["binlog_format"], "ROW"):
		return fatal(kindFormat, "%s has binlog_format=%s; SET GLOBAL binlog_format = 'ROW' there, write it into its configuration file, "+
			"and let the sessions connect again", addr, v.variables["binlog_format"])
	case v.variables["binlog_row_image"] != "" && !strings.EqualFold(v.variables["binlog_row_image"], "FULL"):
		return fatal(kindRowImage, "%s has binlog_row_image=%s; SET GLOBAL binlog_row_image = 'FULL' there, write it into its configuration "+
			"file, and let the sessions connect again", addr, v.variables["binlog_row_image"])
	case v.variables["binlog_row_value_options"] != "":
		return fatal(kindRowValue, "%s has binlog_row_value_options=%s; SET GLOBAL binlog_row_value_options = '' there, and let the sessions "+
			"connect again", addr, v.variables["binlog_row_value_options"])
	}
	return nil
}
