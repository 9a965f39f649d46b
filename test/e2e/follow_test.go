package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// rowsAndDDL is a little of everything, in one busy stream.
var rowsAndDDL = []string{
	`CREATE DATABASE shop`,
	`CREATE TABLE shop.t (id INT PRIMARY KEY, name VARCHAR(50), price DECIMAL(8,2), kind ENUM('a','b'), raw VARBINARY(20), at DATETIME(3))`,
	`INSERT INTO shop.t VALUES (1,'one',1.50,'a',x'00FF','2026-01-02 03:04:05.678'), (2,'zwei "Ä", ''q''',NULL,'b',NULL,NULL), (3,'line\r\nbreak',-7,NULL,x'','1000-01-01 00:00:00')`,
	`UPDATE shop.t SET name = 'two' WHERE id = 2`,
	`UPDATE shop.t SET id = 30 WHERE id = 3`,
	`DELETE FROM shop.t WHERE id = 1`,
	`BEGIN; INSERT INTO shop.t (id) VALUES (4),(5),(6); UPDATE shop.t SET price = id WHERE id > 3; DELETE FROM shop.t WHERE id = 5; COMMIT`,
	`BEGIN; INSERT INTO shop.t (id) VALUES (99); ROLLBACK`,
	`ALTER TABLE shop.t ADD COLUMN note VARCHAR(20) NOT NULL DEFAULT 'none' AFTER name`,
	`INSERT INTO shop.t (id, note) VALUES (7, 'seven')`,
	`ALTER TABLE shop.t DROP COLUMN kind`,
	`INSERT INTO shop.t (id, note) VALUES (8, 'eight')`,
	`ALTER TABLE shop.t RENAME COLUMN note TO remark`,
	`INSERT INTO shop.t (id, remark) VALUES (9, 'nine')`,
	`CREATE TABLE shop.keyless (a INT, b VARCHAR(10))`,
	`INSERT INTO shop.keyless VALUES (1,'x'),(1,'x'),(2,NULL)`,
	`UPDATE shop.keyless SET b = 'y' WHERE a = 2`,
	`DELETE FROM shop.keyless WHERE a = 1 LIMIT 1`,
	`CREATE TABLE shop.copy AS SELECT id, name FROM shop.t`,
	`CREATE TABLE shop.like_t LIKE shop.t`,
	`INSERT INTO shop.like_t (id, remark) VALUES (1, 'like')`,
	`RENAME TABLE shop.like_t TO shop.tmp, shop.copy TO shop.like_t, shop.tmp TO shop.copy`,
	`INSERT INTO shop.copy (id, remark) VALUES (2, 'swapped')`,
	`CREATE TABLE shop.gone (id INT PRIMARY KEY)`,
	`INSERT INTO shop.gone VALUES (1)`,
	`TRUNCATE TABLE shop.gone`,
	`INSERT INTO shop.gone VALUES (2)`,
	`DROP TABLE shop.gone`,
	`CREATE DATABASE other`,
	`CREATE TABLE other.t (id INT PRIMARY KEY)`,
	`INSERT INTO other.t VALUES (1)`,
	`RENAME TABLE other.t TO shop.moved`,
	`INSERT INTO shop.moved VALUES (2)`,
	`CREATE TABLE other.t2 (id INT PRIMARY KEY)`,
	`DROP DATABASE other`,
	`CREATE USER u IDENTIFIED BY 'hunter2'`,
	`INSERT INTO shop.t (id, remark) VALUES (10, 'ten')`,
}

func TestFollowRowsAndDDL(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"csv", "canal-json"} {
		t.Run(protocol+"/already there", func(t *testing.T) {
			t.Parallel()
			f := newChangefeed(t, protocol)
			f.Server.MustExec(t, rowsAndDDL...)
			f.CatchUp()
			f.Compare()
		})
		t.Run(protocol+"/while it follows", func(t *testing.T) {
			t.Parallel()
			f := newChangefeed(t, protocol)
			p := f.Follow()
			f.Server.MustExec(t, rowsAndDDL...)
			p.Eventually(t, "rows are in the files", func() bool { return f.Rows() > 0 })
			p.Signal(os.Interrupt)
			if code := p.Wait(t); code != 0 {
				t.Fatalf("after Ctrl-C: got exit code %d, want 0", code)
			}
			f.CatchUp()
			f.Compare()
			if said := p.Stderr(); strings.Contains(said, "hunter2") || strings.Contains(said, "zwei") {
				t.Error("the log holds a password or a row's data")
			}
		})
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv", "--tables", "shop.*,!shop.tmp_*")
	f.Server.MustExec(t, `CREATE DATABASE shop; CREATE DATABASE other; CREATE TABLE shop.a (id INT PRIMARY KEY);
		CREATE TABLE shop.tmp_b (id INT PRIMARY KEY); CREATE TABLE other.c (id INT PRIMARY KEY);
		INSERT INTO shop.a VALUES (1); INSERT INTO shop.tmp_b VALUES (1); INSERT INTO other.c VALUES (1)`)
	f.CatchUp()
	f.Server.MustExec(t, `DROP DATABASE other; DROP TABLE shop.tmp_b`)
	f.Compare()
}

// Killed at any moment, the same command goes on, and the files hold each row once.
func TestResumeAfterKill(t *testing.T) {
	t.Parallel()
	f := newChangefeed(t, "csv")
	f.Server.MustExec(t, `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, n INT NOT NULL)`)
	id := 0
	for round := range 5 {
		p := f.Follow()
		before := f.Rows()
		for range 100 {
			id++
			f.Server.MustExec(t, fmt.Sprintf(`BEGIN; INSERT INTO shop.t (id, n) VALUES (%[1]d, 0), (-%[1]d, 0);
				UPDATE shop.t SET n = %[1]d WHERE id = %[1]d; DELETE FROM shop.t WHERE id = -%[1]d + 50; COMMIT`, id))
		}
		// At another moment of the stream in each round.
		p.Eventually(t, "new rows are in the files", func() bool { return f.Rows() > before+50*round })
		p.Kill()
		f.Server.MustExec(t, fmt.Sprintf(`ALTER TABLE shop.t ADD COLUMN c%d INT DEFAULT %d`, round, round))
	}
	f.CatchUp()
	f.Compare()
}

func TestStopInOrder(t *testing.T) {
	t.Parallel()
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			t.Parallel()
			f := newChangefeed(t, "csv")
			f.Server.MustExec(t, `CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY); INSERT INTO shop.t VALUES (1)`)
			p := f.Follow()
			p.Eventually(t, "the row is in the files", func() bool { return f.Rows() == 1 })
			p.Signal(s)
			if code := p.Wait(t); code != 0 {
				t.Errorf("got exit code %d, want 0", code)
			}
			f.Compare()
		})
	}
}
