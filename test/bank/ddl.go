package bank

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/go-sql-driver/mysql"
)

// define does one of all kinds of DDL. Those of the bank keep the sum of its accounts at every moment.
func (l *Load) define(w *writer) error {
	seq := l.seq.Add(1)
	l.statements.Add(1)
	if w.IntN(3) == 0 {
		return l.defineBank(w, seq)
	}
	queries := defineShop(w.Rand, seq)
	for _, q := range queries {
		if err := l.try(w, q); err != nil {
			return err
		}
	}
	return nil
}

func defineShop(w *rand.Rand, seq int64) []string {
	i := w.IntN(shopTables)
	j := (i + 1 + w.IntN(shopTables-1)) % shopTables
	table, other := fmt.Sprintf("shop.s%d", i), fmt.Sprintf("shop.s%d", j)
	switch w.IntN(17) {
	case 0:
		return []string{"DROP TABLE IF EXISTS " + table, createShop(i)}
	case 1:
		return []string{"TRUNCATE TABLE " + table}
	case 2: // a swap
		return []string{fmt.Sprintf("RENAME TABLE %[1]s TO shop.x, %[2]s TO %[1]s, shop.x TO %[2]s", table, other)}
	case 3: // to another database and back
		return []string{fmt.Sprintf("RENAME TABLE %s TO spare.s%d", table, i), fmt.Sprintf("RENAME TABLE spare.s%d TO %s", i, table), createShop(i)}
	case 4:
		return []string{fmt.Sprintf("ALTER TABLE %s ADD COLUMN IF NOT EXISTS c%d INT DEFAULT %d", table, w.IntN(4), seq)}
	case 5:
		return []string{fmt.Sprintf("ALTER TABLE %s DROP COLUMN IF EXISTS c%d", table, w.IntN(4))}
	case 6:
		return []string{fmt.Sprintf("ALTER TABLE %s RENAME COLUMN c%d TO c%d", table, w.IntN(4), w.IntN(4))}
	case 7:
		return []string{fmt.Sprintf("CREATE OR REPLACE TABLE %s LIKE %s", table, other)}
	case 8:
		return []string{fmt.Sprintf("DROP TABLE IF EXISTS %s", table), fmt.Sprintf("CREATE TABLE %s (PRIMARY KEY (id)) AS SELECT * FROM %s", table, other), createShop(i)}
	case 9:
		return []string{fmt.Sprintf("CREATE OR REPLACE VIEW shop.v AS SELECT id, n FROM %s", table)}
	case 10:
		return []string{"DROP VIEW IF EXISTS shop.v"}
	case 11: // a database that comes and goes
		return []string{
			fmt.Sprintf("CREATE DATABASE d%d", seq), fmt.Sprintf("CREATE TABLE d%d.t (id INT PRIMARY KEY, n INT)", seq),
			fmt.Sprintf("INSERT INTO d%d.t VALUES (1, 1), (2, 2)", seq), fmt.Sprintf("DROP DATABASE d%d", seq),
		}
	case 12:
		return []string{fmt.Sprintf("ALTER TABLE %s ADD INDEX IF NOT EXISTS byn (n)", table), fmt.Sprintf("ALTER TABLE %s DROP INDEX IF EXISTS byn", table)}
	case 13: // several tables in one statement
		return []string{
			fmt.Sprintf("CREATE TABLE shop.one%d (id INT PRIMARY KEY)", seq), fmt.Sprintf("INSERT INTO shop.one%d VALUES (1)", seq),
			fmt.Sprintf("CREATE TABLE shop.two%d (id INT PRIMARY KEY)", seq), fmt.Sprintf("DROP TABLE shop.one%d, shop.two%[1]d", seq),
		}
	case 14:
		return []string{fmt.Sprintf("ALTER TABLE %s RENAME TO shop.moved%d", table, seq), fmt.Sprintf("DROP TABLE IF EXISTS shop.moved%d", seq), createShop(i)}
	case 15: // a table without a key
		return []string{
			"CREATE TABLE IF NOT EXISTS shop.keyless (a INT, n BIGINT)", fmt.Sprintf("INSERT INTO shop.keyless VALUES (1, %d), (1, %[1]d), (2, NULL)", seq),
			fmt.Sprintf("UPDATE shop.keyless SET n = %d WHERE a = 2 LIMIT 1", seq), "DELETE FROM shop.keyless WHERE a = 1 LIMIT 1",
		}
	}
	return []string{createShop(i)}
}

func (l *Load) defineBank(w *writer, seq int64) error {
	i := w.IntN(accountTables)
	j := (i + 1) % accountTables
	switch w.IntN(4) {
	case 0:
		return l.try(w, fmt.Sprintf("ALTER TABLE bank.a%d ADD COLUMN IF NOT EXISTS g%d INT NOT NULL DEFAULT 7", i, w.IntN(3)))
	case 1:
		return l.try(w, fmt.Sprintf("ALTER TABLE bank.a%d DROP COLUMN IF EXISTS g%d", i, w.IntN(3)))
	case 2:
		return l.try(w, fmt.Sprintf("RENAME TABLE bank.a%[1]d TO bank.x, bank.a%[2]d TO bank.a%[1]d, bank.x TO bank.a%[2]d", i, j))
	}
	return l.migrate(w, i, seq)
}

// migrate copies a table of accounts and puts the copy in its place, as tools for online migrations do.
func (l *Load) migrate(w *writer, i int, seq int64) error {
	l.copying.Lock()
	defer l.copying.Unlock()
	for _, q := range []string{
		fmt.Sprintf("DROP TABLE IF EXISTS bank._a%d_new, bank._a%[1]d_old", i), // of a migration that ended half way
		fmt.Sprintf("CREATE TABLE bank._a%d_new LIKE bank.a%[1]d", i),
		fmt.Sprintf("INSERT INTO bank._a%d_new SELECT * FROM bank.a%[1]d", i),
		fmt.Sprintf("ALTER TABLE bank._a%d_new ADD COLUMN IF NOT EXISTS g%d INT NOT NULL DEFAULT 7", i, seq%3),
		fmt.Sprintf("RENAME TABLE bank.a%[1]d TO bank._a%[1]d_old, bank._a%[1]d_new TO bank.a%[1]d", i),
		fmt.Sprintf("DROP TABLE bank._a%d_old", i),
	} {
		_, err := w.conn.ExecContext(l.ctx, q)
		var answer *mysql.MySQLError
		if errors.As(err, &answer) && slices.Contains(raced, answer.Number) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("run %q: %w", q, err)
		}
	}
	return nil
}
