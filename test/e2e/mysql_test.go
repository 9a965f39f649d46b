//go:build mysqld

// These tests need a MySQL server, which is seldom at hand; scripts/test-mysql.sh runs them.

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

// mysqld gives the server program to test with.
func mysqld(t *testing.T) mariadb.Option {
	t.Helper()
	path := os.Getenv("WEIR_MYSQLD")
	if path == "" {
		t.Fatal("WEIR_MYSQLD names no mysqld; run: scripts/test-mysql.sh PATH")
	}
	return mariadb.MySQL(path)
}

var withGTIDs = []string{"--gtid-mode=ON", "--enforce-gtid-consistency=ON"}

// mysqlSettings are the ways in which a MySQL server writes its binlog.
var mysqlSettings = map[string][]string{
	"file positions":       {"--gtid-mode=OFF"},
	"GTIDs":                withGTIDs,
	"compressed":           append([]string{"--binlog-transaction-compression=ON"}, withGTIDs...),
	"minimal metadata":     append([]string{"--binlog-row-metadata=MINIMAL"}, withGTIDs...),
	"without checksums":    append([]string{"--binlog-checksum=NONE"}, withGTIDs...),
	"annotated statements": append([]string{"--binlog-rows-query-log-events=ON"}, withGTIDs...),
	"invisible keys":       append([]string{"--sql-generate-invisible-primary-key=ON"}, withGTIDs...),
}

// mysqlTypes has a column of each type whose form in the binlog is MySQL's own.
const mysqlTypes = `CREATE TABLE shop.types (id INT PRIMARY KEY, j JSON, t TIME(3), d DATETIME(6), ts TIMESTAMP(2) NULL, y YEAR, b BIT(40),
	e ENUM('a','é'), s SET('x','y','z'), dec1 DECIMAL(40,20), f FLOAT, db DOUBLE, g GEOMETRY SRID 4326, p POINT,
	c CHAR(20) CHARACTER SET utf16, l LONGTEXT, bl BLOB, vb VARBINARY(300), gen INT AS (id * 2) VIRTUAL, st INT AS (id * 3) STORED,
	inv INT DEFAULT 5 INVISIBLE, ex VARCHAR(20) DEFAULT (CONCAT('e', 'x')), KEY ((id + 1)), KEY ((CAST(j->'$.tags' AS CHAR(20) ARRAY))))`

const mysqlRow = `INSERT INTO shop.types (id, j, t, d, ts, y, b, e, s, dec1, f, db, g, p, c, l, bl, vb) VALUES (%d, %s, '-12:34:56.789',
	'2024-02-29 23:59:59.999999', '2038-01-19 03:14:07.99', 2155, 1099511627775, 'é', 'x,z', -12345678901234567890.12345678901234567891, 0.1, -12345.678,
	ST_GeomFromText('LINESTRING(1 2, 3 4)', 4326), POINT(1, 2), 'ž語', REPEAT('ž', 40000), x'00FF27', x'0A0D22')`

// documents are JSON of every kind that the binary form knows.
var documents = []string{
	`NULL`, `'null'`, `'{}'`, `'[]'`, `'true'`, `'""'`, `'-1'`, `'18446744073709551615'`, `'-9223372036854775808'`, `'1.5e300'`, `'0.1'`, `'70000'`,
	`'{"tags": ["a", "é", "\\u0000"], "deep": {"a": {"b": [1, [2, [3, null]]]}}}'`,
	`JSON_OBJECT('dec', 1234567890.12345678901234567890, 'date', DATE'2024-02-29', 'time', TIME'-12:34:56.000001', 'at', TIMESTAMP'2024-02-29 01:02:03.4', 'bits', b'101', 'blob', CAST(x'FF00' AS BINARY))`,
	`JSON_OBJECT('long', REPEAT('x', 70000), 'more', JSON_ARRAY(REPEAT('y', 300), 1e0, 100, 100000, 10000000000))`,
	`'"quote \\" and \\\\ and \\n"'`,
}

// sinceMySQL9 has what an older server does not take: transactions with tagged GTIDs, and vectors.
var sinceMySQL9 = map[string][]string{
	"GTIDs": {`SET SESSION gtid_next = 'AUTOMATIC:tag'; UPDATE shop.keyless SET a = 70; SET SESSION gtid_next = 'AUTOMATIC:other';
		UPDATE shop.keyless SET b = 'tagged'; SET SESSION gtid_next = 'AUTOMATIC'; UPDATE shop.keyless SET a = 71`},
	"file positions": {`CREATE TABLE shop.vectors (id INT PRIMARY KEY, v VECTOR(3)); INSERT INTO shop.vectors VALUES (1, STRING_TO_VECTOR('[1,2,3]')), (2, NULL);
		ALTER TABLE shop.vectors ADD w VECTOR; UPDATE shop.vectors SET w = v`},
}

// release gives the first number of a server's version.
func release(t *testing.T, s *mariadb.Server) (major int) {
	t.Helper()
	if err := s.DB().QueryRowContext(t.Context(), "SELECT SUBSTRING_INDEX(VERSION(), '.', 1)").Scan(&major); err != nil {
		t.Fatal(err)
	}
	return major
}

// Everything that a MySQL server does differently from MariaDB arrives as it is in the table.
func TestFollowsMySQL(t *testing.T) {
	t.Parallel()
	for name, args := range mysqlSettings {
		for _, protocol := range []string{"csv", "canal-json"} {
			t.Run(name+" "+protocol, func(t *testing.T) {
				t.Parallel()
				f := weir.NewChangefeed(t, mariadb.Start(t, mysqld(t), mariadb.Args(args...)), protocol)
				f.Server.MustExec(t, "CREATE DATABASE shop", mysqlTypes)
				for i, j := range documents {
					f.Server.MustExec(t, fmt.Sprintf(mysqlRow, i, j))
				}
				f.CatchUp()
				f.Compare()
				f.Server.MustExec(t,
					`UPDATE shop.types SET j = JSON_SET(j, '$.more', 'changed'), inv = inv + 1`, `UPDATE shop.types SET id = id + 100 WHERE id < 5`,
					`CREATE TABLE shop.copy (PRIMARY KEY (id)) SELECT id, j, d FROM shop.types`,
					`CREATE TABLE shop.keyless (a INT, b VARCHAR(10)); INSERT INTO shop.keyless VALUES (1, 'a'), (1, 'a'), (NULL, NULL); DELETE FROM shop.keyless LIMIT 1`,
					`ALTER TABLE shop.types ADD COLUMN instant INT DEFAULT 3 FIRST, ALGORITHM = INSTANT`, `UPDATE shop.types SET instant = 4 WHERE id > 100`,
					`ALTER TABLE shop.types RENAME COLUMN y TO why`, `ALTER TABLE shop.types DROP COLUMN f, ALTER COLUMN inv SET VISIBLE`,
					`RENAME TABLE shop.copy TO shop.copied; CREATE TABLE shop.gone (id INT); DROP TABLE shop.gone, shop.copied`,
					`CREATE TABLE shop.parts (id INT PRIMARY KEY) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20))`,
					`INSERT INTO shop.parts VALUES (1), (11); ALTER TABLE shop.parts REORGANIZE PARTITION p1 INTO (PARTITION p2 VALUES LESS THAN (30)); UPDATE shop.parts SET id = 12 WHERE id = 1`,
					`START TRANSACTION; INSERT INTO shop.keyless VALUES (7, 'kept'); SAVEPOINT s; INSERT INTO shop.keyless VALUES (8, 'lost'); ROLLBACK TO s; COMMIT`,
					`XA START 'x'; INSERT INTO shop.keyless VALUES (9, 'xa'); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'`,
					`CREATE TEMPORARY TABLE shop.tmp (id INT); DROP TEMPORARY TABLE shop.tmp`,
					`CREATE ROLE r; CREATE USER u IDENTIFIED BY 'secret' DEFAULT ROLE r; DROP USER u; ANALYZE TABLE shop.types`,
					`CREATE TABLE shop.big (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200)); INSERT INTO shop.big (v)
						WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT REPEAT(i, 20) FROM n`,
					`INSERT INTO shop.big (v) SELECT a.v FROM shop.big a JOIN (SELECT 1 FROM shop.big LIMIT 60) b; UPDATE shop.big SET v = CONCAT('u', v) WHERE id %2 = 0`)
				f.CatchUp()
				f.Compare()
				if release(t, f.Server) >= 9 {
					f.Server.MustExec(t, sinceMySQL9[name]...)
					f.CatchUp()
					f.Compare()
				}
			})
		}
	}
}

// A killed weir goes on in a MySQL's binlog without a row lost or doubled, also over a restart of the server.
func TestResumesInMySQL(t *testing.T) {
	t.Parallel()
	for name, args := range mysqlSettings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := weir.NewChangefeed(t, mariadb.Start(t, mysqld(t), mariadb.Args(args...)), "csv")
			f.Server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, n INT)")
			for round := range 4 {
				p := f.Follow()
				for i := range 200 {
					f.Server.MustExec(t, fmt.Sprintf("INSERT INTO shop.t VALUES (%d, %d)", round*1000+i, i))
				}
				p.Eventually(t, "rows of this round are in the files", func() bool { return f.Rows() > round*200 })
				p.Kill()
				if round == 2 {
					f.Server.MustRestart(t)
				}
			}
			f.CatchUp()
			f.Compare()
		})
	}
}

// caching_sha2_password is MySQL's way to log in: with the password in plain text by TLS, else by the server's RSA key. The
// certificates that a server makes for itself are for no host.
func TestUsersOfMySQL(t *testing.T) {
	t.Parallel()
	server := mariadb.Start(t, mysqld(t), mariadb.Args(withGTIDs...))
	ca := filepath.Join(server.DataDir(), "ca.pem")
	server.MustExec(t, oneRow,
		"CREATE USER plain@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY 'hunter2'",
		"CREATE USER tls@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY 'hunter2' REQUIRE SSL",
		"CREATE USER x509@'127.0.0.1' IDENTIFIED WITH caching_sha2_password BY 'hunter2' REQUIRE X509",
		"GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO plain@'127.0.0.1', tls@'127.0.0.1', x509@'127.0.0.1'")
	verify := "/?tls=verify-ca&tls-ca=" + ca
	for user, options := range map[string]string{
		"plain": "/", "tls": verify,
		"x509": verify + "&tls-cert=" + filepath.Join(server.DataDir(), "client-cert.pem") + "&tls-key=" + filepath.Join(server.DataDir(), "client-key.pem"),
	} {
		t.Run(user, func(t *testing.T) {
			uri := "mysql://" + user + ":hunter2@" + server.Addr() + options
			f := weir.NewChangefeed(t, server, "csv")
			f.Replace(f.Args[2], uri)
			server.MustExec(t, "UPDATE shop.t SET n = n + 1")
			f.CatchUp()
			f.Compare()
			if code := weir.Launch(t, "check", "--from", uri).Wait(t); code != 0 {
				t.Errorf("weir check: got exit code %d, want 0", code)
			}
		})
	}
	for name, c := range map[string]struct {
		uri   string
		words []string
	}{
		"TLS is required":  {"mysql://tls:hunter2@" + server.Addr() + "/", []string{`"tls"`, "?tls=true"}},
		"another name":     {"mysql://tls:hunter2@" + server.Addr() + "/?tls=true&tls-ca=" + ca, []string{"127.0.0.1", "tls=verify-ca"}},
		"a wrong password": {"mysql://plain:hunter3@" + server.Addr() + "/", []string{`"plain"`, "check the password"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := weir.NewChangefeed(t, server, "csv")
			f.Replace(f.Args[2], c.uri)
			refuses(t, f, c.words...)
		})
	}
	server.MustExec(t, "SET GLOBAL require_secure_transport = ON")
	t.Run("everyone must", func(t *testing.T) {
		f := weir.NewChangefeed(t, server, "csv")
		refuses(t, f, server.Addr(), "without TLS", "add ?tls=true")
	})
}

// What cannot be followed is refused, with the setting.
func TestRefusesMySQL(t *testing.T) {
	t.Parallel()
	for setting, words := range map[string][]string{
		"--binlog-row-value-options=PARTIAL_JSON": {"binlog_row_value_options"},
		"--binlog-row-image=MINIMAL":              {"binlog_row_image"},
		"--skip-log-bin":                          {"log_bin"},
	} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			f := weir.NewChangefeed(t, mariadb.Start(t, mysqld(t), mariadb.Args(setting)), "csv")
			refuses(t, f, words...)
		})
	}
	t.Run("a purged binlog", func(t *testing.T) {
		t.Parallel()
		f := weir.NewChangefeed(t, mariadb.Start(t, mysqld(t), mariadb.Args(withGTIDs...)), "csv")
		f.Server.MustExec(t, oneRow)
		f.CatchUp()
		f.Server.MustExec(t, "INSERT INTO shop.t VALUES (2, 2)", "FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
		refuses(t, f, "no longer has", "keep the binlog")
	})
	t.Run("another server", func(t *testing.T) {
		t.Parallel()
		f := weir.NewChangefeed(t, mariadb.Start(t, mysqld(t), mariadb.Args(withGTIDs...)), "csv")
		f.Server.MustExec(t, oneRow)
		f.CatchUp()
		other := weir.NewChangefeed(t, mariadb.Start(t, mysqld(t), mariadb.Args(withGTIDs...)), "csv")
		f.Replace(f.Server.Addr(), other.Server.Addr())
		refuses(t, f, "another upstream")
	})
}
