package mysql

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/sources"
)

// A Status is how much a Finding matters.
type Status string

// The statuses.
const (
	StatusOK      Status = "ok"
	StatusWarning Status = "warning" // it works, but may not for long, or not well
	StatusError   Status = "error"   // the upstream cannot be followed
)

// A Finding is what Check found about one thing.
type Finding struct {
	Item   string // "connection", "log_bin", ...
	Status Status
	Detail string
	Fix    string // the statement, or the step, that mends it; "" if nothing has to be
}

// Check looks at an upstream and tells what it lacks for being followed. It changes nothing.
func Check(ctx context.Context, uri string) []Finding {
	s, err := Open(uri)
	if err != nil {
		return []Finding{{"uri", StatusError, err.Error(), "write it as mysql://user:password@host:port/"}}
	}
	defer s.Close()
	session, err := s.config.connect(ctx)
	if err != nil {
		return []Finding{{"connection", StatusError, err.Error(), s.config.connectFix(err)}}
	}
	defer session.close()
	v, err := session.describe()
	if err != nil {
		return []Finding{{"connection", StatusError, err.Error(), ""}}
	}
	c := &check{session: session, server: v, source: s}
	c.ok("connection", "connected to "+session.addr)
	for _, look := range []func(){c.encryption, c.version, c.binlog, c.format, c.rowImage, c.rowMetadata, c.rowValue, c.gtid, c.retention, c.grants, c.serverID,
		c.preparedXA, c.keys, c.byTransaction} {
		look()
	}
	return c.findings
}

// connectFix gives the step that mends what keeps us from connecting.
func (c *config) connectFix(err error) string {
	var f *sources.Fatal
	switch {
	case !errors.As(err, &f):
		return "start the server, or correct the host and port in the URI"
	case f.Kind == kindTLS:
		return "correct tls, tls-ca, tls-cert and tls-key in the URI, or the server's ssl_ca, ssl_cert and ssl_key"
	}
	return fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY '...';", c.user)
}

// A check collects findings.
type check struct {
	session  *session
	server   *server
	source   *Source
	findings []Finding
}

func (c *check) add(item string, status Status, fix, format string, args ...any) {
	c.findings = append(c.findings, Finding{item, status, fmt.Sprintf(format, args...), fix})
}

func (c *check) ok(item, detail string) { c.add(item, StatusOK, "", "%s", detail) }

// setting compares a server variable with what it must be.
func (c *check) setting(name, want string, status Status, why string) {
	got := c.server.variables[name]
	if strings.EqualFold(got, want) || got == "" {
		c.ok(name, got)
		return
	}
	c.add(name, status, fmt.Sprintf("SET GLOBAL %s = '%s';", name, want),
		"%s; %s. Write it into the configuration file, too; sessions that are open keep the old value", got, why)
}

func (c *check) encryption() {
	p, err := c.session.protection(c.source.config)
	if err != nil {
		c.add("tls", StatusWarning, "", "it cannot be told whether the connection is encrypted: %s", firstLine(err))
		return
	}
	c.findings = append(c.findings, p.finding())
}

func (c *check) version() {
	if !c.server.supported() {
		c.add("version", StatusError, "upgrade the server", "%s; MariaDB 10.5 and up, or MySQL 8.0 and up, can be followed", c.server.version)
		return
	}
	c.ok("version", c.server.version)
}

func (c *check) binlog() {
	switch c.server.variables["log_bin"] {
	case "ON", "1":
		c.ok("log_bin", "ON")
	default:
		c.add("log_bin", StatusError, "set log_bin=binlog and server_id=1 under [mysqld] in the configuration file, and restart the server",
			"OFF; without a binlog there is nothing to follow")
	}
}

func (c *check) format() {
	c.setting("binlog_format", "ROW", StatusError, "statements cannot be followed, only rows")
}

func (c *check) rowImage() {
	c.setting("binlog_row_image", "FULL", StatusError, "columns that are left out look like NULL")
}

func (c *check) rowMetadata() {
	c.setting("binlog_row_metadata", "FULL", StatusWarning, "with FULL the stream names its columns, and is checked against the definitions")
}

func (c *check) rowValue() {
	if got := c.server.variables["binlog_row_value_options"]; got != "" {
		c.add("binlog_row_value_options", StatusError, "SET GLOBAL binlog_row_value_options = '';", "%s; partial JSON cannot be followed", got)
	}
}

func (c *check) gtid() {
	switch {
	case c.server.mariadb:
		c.ok("gtid", "MariaDB always has GTIDs")
	case c.server.gtids():
		c.ok("gtid", "gtid_mode=ON")
	default:
		c.add("gtid", StatusWarning, "SET GLOBAL enforce_gtid_consistency = ON; then gtid_mode = OFF_PERMISSIVE, ON_PERMISSIVE, ON, one after the other;",
			"gtid_mode=%s; positions are those of one server's files, so a changefeed cannot go on at another", c.server.variables["gtid_mode"])
	}
}

// shortRetention is how long the binlog should be kept at least: a changefeed may stand still over a night.
const shortRetention = 24 * 3600

func (c *check) retention() {
	seconds, _ := strconv.ParseFloat(c.server.variables["binlog_expire_logs_seconds"], 64)
	if days, _ := strconv.ParseFloat(c.server.variables["expire_logs_days"], 64); seconds == 0 {
		seconds = days * 24 * 3600
	}
	auto := !strings.EqualFold(c.server.variables["binlog_expire_logs_auto_purge"], "OFF")
	switch {
	case seconds == 0 || !auto:
		c.ok("retention", "the binlog is never purged by time")
	case seconds < shortRetention:
		c.add("retention", StatusWarning, "SET GLOBAL binlog_expire_logs_seconds = 259200;",
			"the binlog is kept for %.1f hours; a changefeed that stands still for longer cannot go on", seconds/3600)
	default:
		c.ok("retention", fmt.Sprintf("the binlog is kept for %.1f days", seconds/86400))
	}
}

// The privileges that a changefeed needs, under all their names.
var (
	replicationGrants = []string{"REPLICATION SLAVE", "REPLICATION REPLICA", "ALL PRIVILEGES"}
	monitorGrants     = []string{"REPLICATION CLIENT", "BINLOG MONITOR", "SUPER", "ALL PRIVILEGES"}
	readGrants        = []string{"SELECT", "ALL PRIVILEGES"}
)

func (c *check) grants() {
	rows, err := c.session.query("SHOW GRANTS")
	if err != nil {
		c.add("grants", StatusWarning, "", "they cannot be read: %s", firstLine(err))
		return
	}
	var all []string
	for _, row := range rows {
		all = append(all, row[0])
	}
	var missing []string
	status := StatusOK
	for _, need := range []struct {
		names  []string
		status Status
	}{{replicationGrants, StatusError}, {monitorGrants, StatusError}, {readGrants, StatusWarning}} {
		if !granted(all, need.names) {
			missing = append(missing, need.names[0])
			if status != StatusError {
				status = need.status
			}
		}
	}
	if len(missing) == 0 {
		c.ok("grants", "the user may replicate and read definitions")
		return
	}
	list := strings.Join(missing, ", ")
	c.add("grants", status, fmt.Sprintf("GRANT %s ON *.* TO '%s'@'%%';", list, c.source.config.user), "the user lacks %s on *.*", list)
}

// granted tells whether one of the privileges is granted on everything. A role's privileges are not listed by SHOW GRANTS
// where the role is not set as default.
func granted(grants, names []string) bool {
	for _, g := range grants {
		privileges, rest, ok := strings.Cut(strings.ToUpper(g), " ON ")
		if !ok || !strings.HasPrefix(rest, "*.*") {
			continue
		}
		for _, one := range strings.Split(strings.TrimPrefix(privileges, "GRANT "), ",") {
			for _, name := range names {
				if strings.TrimSpace(one) == name {
					return true
				}
			}
		}
	}
	return false
}

func (c *check) serverID() {
	id := c.source.config.serverID
	switch other := c.session.otherReplica(c.source.replica); {
	case c.server.serverID == 0:
		c.add("server_id", StatusError, "SET GLOBAL server_id = 1;", "the upstream's is 0; it lets no replica in")
	case id == 0:
		c.ok("server_id", "a free one is chosen")
	case id == c.server.serverID:
		c.add("server_id", StatusError, "choose another ?server-id=N in the URI, or leave it out", "%d is the upstream's own", id)
	case other != "":
		c.add("server_id", StatusError, "choose another ?server-id=N in the URI, or leave it out", "%d is taken by the replica on host %q", id, other)
	default:
		c.ok("server_id", fmt.Sprintf("%d is free", id))
	}
}

func (c *check) preparedXA() {
	if rows, err := c.session.query("XA RECOVER"); err == nil && len(rows) > 0 {
		c.add("xa", StatusWarning, "XA RECOVER; then XA COMMIT or XA ROLLBACK each",
			"%d XA transactions are prepared; a changefeed cannot begin at the current position until they are resolved", len(rows))
	}
}

// examples is how many tables a finding names.
const examples = 5

func (c *check) keys() {
	const without = " FROM information_schema.TABLES t WHERE t.TABLE_TYPE = 'BASE TABLE' " +
		"AND t.TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys') AND NOT EXISTS (" +
		"SELECT 1 FROM information_schema.STATISTICS s WHERE s.TABLE_SCHEMA = t.TABLE_SCHEMA AND s.TABLE_NAME = t.TABLE_NAME " +
		"AND s.NON_UNIQUE = 0 GROUP BY s.INDEX_NAME HAVING MAX(s.NULLABLE = 'YES') = 0)"
	count, err := c.session.value("SELECT COUNT(*)" + without)
	if err != nil {
		c.add("keys", StatusWarning, "", "the tables cannot be looked at: %s", firstLine(err))
		return
	}
	if count == "0" {
		c.ok("keys", "every table has a primary key, or a unique one without NULL")
		return
	}
	rows, err := c.session.query(fmt.Sprintf("SELECT t.TABLE_SCHEMA, t.TABLE_NAME%s ORDER BY 1, 2 LIMIT %d", without, examples))
	if err != nil || len(rows) == 0 {
		return
	}
	var names []string
	for _, row := range rows {
		names = append(names, row[0]+"."+row[1])
	}
	c.add("keys", StatusWarning, fmt.Sprintf("ALTER TABLE %s.%s ADD COLUMN id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY;",
		quoteName(rows[0][0]), quoteName(rows[0][1])),
		"%s tables have no primary key, for example %s; a row of theirs is known by all its columns, and the table is not split", count, strings.Join(names, ", "))
}

// byTransaction looks for tables whose rows MariaDB does not log.
func (c *check) byTransaction() {
	if !c.server.mariadb {
		return
	}
	rows, err := c.session.query("SELECT s.TABLE_SCHEMA, s.TABLE_NAME, s.COLUMN_NAME, e.COLUMN_NAME FROM information_schema.COLUMNS s " +
		"JOIN information_schema.COLUMNS e USING (TABLE_SCHEMA, TABLE_NAME) " +
		"WHERE s.GENERATION_EXPRESSION = 'ROW START' AND s.DATA_TYPE = 'bigint' AND e.GENERATION_EXPRESSION = 'ROW END' ORDER BY 1, 2")
	if err != nil {
		c.add("system_versioning", StatusWarning, "", "the tables cannot be looked at: %s", firstLine(err))
		return
	}
	if len(rows) == 0 {
		c.ok("system_versioning", "no table is versioned by transaction")
		return
	}
	var names []string
	for _, row := range rows[:min(len(rows), examples)] {
		names = append(names, row[0]+"."+row[1])
	}
	table := quoteName(rows[0][0]) + "." + quoteName(rows[0][1])
	c.add("system_versioning", StatusWarning, fmt.Sprintf("SET STATEMENT system_versioning_alter_history = KEEP FOR "+
		"ALTER TABLE %s DROP COLUMN %s, DROP COLUMN %s, DROP PERIOD FOR SYSTEM_TIME, DROP SYSTEM VERSIONING; ALTER TABLE %[1]s ADD SYSTEM VERSIONING;", table, quoteName(rows[0][2]), quoteName(rows[0][3])),
		"%d tables are versioned by transaction (ROW START is BIGINT UNSIGNED), for example %s; the server logs none of their rows, so they "+
			"cannot be followed. The fix versions by time, and forgets the table's history", len(rows), strings.Join(names, ", "))
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
