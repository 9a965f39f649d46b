package e2e

import (
	"strings"
	"testing"
)

// Statements as tools and people write them. Each string is run on one connection.
var unusualStatements = []string{
	`CREATE DATABASE shop; CREATE DATABASE other`,
	"USE other; SET sql_mode = 'ANSI_QUOTES'; CREATE TABLE shop.\"quo`ted\" (\"id\" INT PRIMARY KEY, \"a b\" VARCHAR(9) DEFAULT 'x''y'); " +
		"ALTER TABLE shop.\"quo`ted\" ADD COLUMN \"select\" INT; INSERT INTO shop.\"quo`ted\" VALUES (1, 'a', 2); SET sql_mode = DEFAULT",
	`USE other; CREATE TABLE here (id INT PRIMARY KEY); INSERT INTO here VALUES (1); CREATE TABLE shop.t (id INT PRIMARY KEY, n INT); INSERT INTO shop.t VALUES (1,1)`,
	`ALTER /* a comment */ TABLE shop.t /*! ADD COLUMN */ /*M!100000 v */ INT DEFAULT 7 -- the end`,
	"/* leading */ # another\nALTER TABLE shop.t ADD COLUMN IF NOT EXISTS w INT",
	`INSERT INTO shop.t (id, n) VALUES (2, 2)`,
	`SET STATEMENT max_statement_time = 10 FOR ALTER TABLE shop.t ADD COLUMN slow INT`,
	`INSERT INTO shop.t (id, slow) VALUES (3, 3)`,
	// transactions
	`XA START 'a'; INSERT INTO shop.t (id) VALUES (10); XA END 'a'; XA PREPARE 'a'; XA COMMIT 'a'`,
	`XA START 'b'; INSERT INTO shop.t (id) VALUES (11); XA END 'b'; XA PREPARE 'b'; XA ROLLBACK 'b'`,
	`XA START 'c'; INSERT INTO shop.t (id) VALUES (12); XA END 'c'; XA COMMIT 'c' ONE PHASE`,
	`BEGIN; INSERT INTO shop.t (id) VALUES (20); SAVEPOINT s; INSERT INTO shop.t (id) VALUES (21); ROLLBACK TO s; INSERT INTO shop.t (id) VALUES (22); RELEASE SAVEPOINT s; COMMIT`,
	// passed over, whatever their text is
	`CREATE USER 'app'@'%' IDENTIFIED BY 'Secret-1'`,
	`ALTER USER 'app'@'%' IDENTIFIED BY 'Secret-2'`,
	`SET PASSWORD FOR 'app'@'%' = PASSWORD('Secret-3')`,
	`GRANT SELECT ON shop.* TO 'app'@'%' IDENTIFIED BY 'Secret-4'`,
	`CREATE TRIGGER shop.tr BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.n = IFNULL(NEW.n, LENGTH('Secret-5'))`,
	`CREATE PROCEDURE shop.p() INSERT INTO shop.t (id) VALUES (LENGTH('Secret-6') + 30)`,
	`CREATE FUNCTION shop.fn() RETURNS INT DETERMINISTIC RETURN LENGTH('Secret-7')`,
	`CREATE EVENT shop.ev ON SCHEDULE EVERY 1 YEAR DO SET @a = 'Secret-8'`,
	`CREATE SERVER srv FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1', PASSWORD 'Secret-9')`,
	`CALL shop.p()`,
	`DROP TRIGGER shop.tr; DROP PROCEDURE shop.p; DROP FUNCTION shop.fn; DROP EVENT shop.ev; DROP USER 'app'@'%'; DROP SERVER srv`,
	`CREATE VIEW shop.v AS SELECT id FROM shop.t; CREATE OR REPLACE VIEW shop.v AS SELECT n FROM shop.t; ALTER VIEW shop.v AS SELECT 1 AS one; DROP VIEW shop.v`,
	// tables that take others' places
	`CREATE OR REPLACE TABLE shop.r (id INT PRIMARY KEY); INSERT INTO shop.r VALUES (1); CREATE OR REPLACE TABLE shop.r (name VARCHAR(9)); INSERT INTO shop.r VALUES ('new')`,
	`CREATE TABLE shop._t_gho LIKE shop.t; ALTER TABLE shop._t_gho ADD COLUMN extra INT; INSERT IGNORE INTO shop._t_gho SELECT *, 1 FROM shop.t;
		CREATE TABLE shop._t_del (id INT PRIMARY KEY) COMMENT='ghost-cut-over-sentry'; DROP TABLE shop._t_del;
		RENAME TABLE shop.t TO shop._t_del, shop._t_gho TO shop.t; INSERT INTO shop.t (id, extra) VALUES (40, 4); DROP TABLE IF EXISTS shop._t_del`,
	`CREATE TABLE shop._t_new LIKE shop.t; ALTER TABLE shop._t_new DROP COLUMN extra; INSERT LOW_PRIORITY IGNORE INTO shop._t_new (id, n) SELECT id, n FROM shop.t LOCK IN SHARE MODE;
		RENAME TABLE shop.t TO shop._t_old, shop._t_new TO shop.t; DROP TABLE IF EXISTS shop._t_old; INSERT INTO shop.t (id) VALUES (41)`,
	`CREATE TABLE shop.a (id INT PRIMARY KEY); CREATE TABLE other.b (x INT PRIMARY KEY); INSERT INTO shop.a VALUES (1); INSERT INTO other.b VALUES (2);
		RENAME TABLE shop.a TO other.a, other.b TO shop.b, other.a TO other.c; INSERT INTO other.c VALUES (3); INSERT INTO shop.b VALUES (4)`,
	// partitions
	`CREATE TABLE shop.parted (id INT PRIMARY KEY, n INT) PARTITION BY RANGE (id) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20));
		INSERT INTO shop.parted VALUES (1,1),(11,1); ALTER TABLE shop.parted ADD PARTITION (PARTITION p2 VALUES LESS THAN (30)); INSERT INTO shop.parted VALUES (21,1);
		ALTER TABLE shop.parted REORGANIZE PARTITION p2 INTO (PARTITION p2 VALUES LESS THAN (25), PARTITION p3 VALUES LESS THAN MAXVALUE); INSERT INTO shop.parted VALUES (99,1)`,
	`INSERT INTO shop.t (id) VALUES (50)`,
}

func TestFollowUnusualStatements(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"csv", "canal-json"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			f := newChangefeed(t, protocol, "--log-level", "debug")
			f.Server.MustExec(t, unusualStatements[:1]...)
			p := f.Follow()
			f.Server.MustExec(t, unusualStatements[1:]...)
			p.Eventually(t, "rows are in the files", func() bool { return f.Rows() > 10 })
			p.Kill()
			last := f.Follow("--stop-at", "current")
			if code := last.Wait(t); code != 0 {
				t.Fatalf("got exit code %d, want 0", code)
			}
			f.Compare()
			if strings.Contains(p.Stderr()+last.Stderr(), "Secret-") {
				t.Error("the log holds a password, or the text of a routine")
			}
		})
	}
}

// Upstream clocks that jump do not reorder anything: commit-ts never go back.
func TestClockThatJumpsBack(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, oneRow)
	p := f.Follow()
	f.Server.MustExec(t,
		`SET TIMESTAMP = UNIX_TIMESTAMP('2030-01-01'); UPDATE shop.t SET n = 2; SET TIMESTAMP = DEFAULT`,
		`UPDATE shop.t SET n = 3`,
		`SET TIMESTAMP = 1; UPDATE shop.t SET n = 4; ALTER TABLE shop.t ADD COLUMN c INT; SET TIMESTAMP = DEFAULT`,
		`UPDATE shop.t SET c = 5`,
	)
	p.Eventually(t, "the first rows are in the files", func() bool { return f.Rows() >= 2 })
	p.Kill()
	f.Server.MustExec(t, `UPDATE shop.t SET c = 6`)
	f.CatchUp()
	f.Compare()
}

// A table that gets a name which the rules select is followed from then on, and the log says what is not there.
func TestRenamedIntoTheFilter(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv", "--tables", "shop.*,!shop.tmp_*")
	f.Server.MustExec(t, oneRow)
	f.CatchUp()
	f.Server.MustExec(t, `CREATE TABLE shop.tmp_b (id INT PRIMARY KEY); INSERT INTO shop.tmp_b VALUES (1); RENAME TABLE shop.tmp_b TO shop.b; INSERT INTO shop.b VALUES (2)`,
		`RENAME TABLE shop.t TO shop.tmp_t; INSERT INTO shop.tmp_t VALUES (9, 9)`)
	p := f.Follow("--stop-at", "current")
	if code := p.Wait(t); code != 0 {
		t.Fatalf("got exit code %d, want 0", code)
	}
	if !strings.Contains(p.Stderr(), "level=warning") || !strings.Contains(p.Stderr(), "not downstream") {
		t.Errorf("got %q, want a warning that rows are not downstream", p.Stderr())
	}
	f.Server.MustExec(t, `DELETE FROM shop.b WHERE id = 1; DROP TABLE shop.tmp_t`)
	f.CatchUp()
	if got := f.Rows(); got != 2 && got != 3 {
		t.Errorf("rows in the files: got %d, want those of the followed names", got)
	}
}

// Rules may change between two runs: what they select from then on is followed.
func TestResumeWithOtherTables(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv", "--tables", "shop.t")
	f.Server.MustExec(t, oneRow, `CREATE TABLE shop.u (id INT PRIMARY KEY)`)
	f.CatchUp()
	f.Replace("shop.t", "shop.*")
	f.Server.MustExec(t, `INSERT INTO shop.u VALUES (1)`, `INSERT INTO shop.t VALUES (2, 2)`)
	f.CatchUp()
	f.Compare()
	f.Replace("shop.*", "shop.u")
	f.Server.MustExec(t, `INSERT INTO shop.u VALUES (2)`, `DROP TABLE shop.t`)
	f.CatchUp()
	if got := f.Rows(); got != 4 {
		t.Errorf("rows in the files: got %d, want 4", got)
	}
}
