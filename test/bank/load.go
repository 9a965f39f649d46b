package bank

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weir-cdc/weir/test/mariadb"
)

// A Load writes to an upstream from several connections: transfers between the accounts of bank, transactions over the
// tables of shop, and DDL on all of them. It writes as much as it is granted.
type Load struct {
	t      testing.TB
	server *mariadb.Server
	ctx    context.Context
	end    context.CancelFunc
	work   sync.WaitGroup

	transactions chan struct{} // grants
	ddl          chan struct{}

	seq      atomic.Int64 // numbers every write, so that no two rows of a transaction are alike
	copying  sync.RWMutex // held for writing while a table of accounts is copied, for reading by transfers
	mu       sync.Mutex
	ledger   map[int64]uint64 // number in the GTID of each transfer that is known to be committed
	doubtful map[int64]bool   // transfers whose commit was not answered
	begin    uint64           // number in the GTID of the last transaction of the set-up

	rows, statements atomic.Int64
}

const (
	accountTables = 4
	accounts      = 20 // in each
	deposit       = 1000
	shopTables    = 6
)

// Start sets the tables up and starts the writers.
func Start(t testing.TB, server *mariadb.Server, random *rand.Rand) *Load {
	t.Helper()
	l := &Load{
		t: t, server: server, transactions: make(chan struct{}, 2000), ddl: make(chan struct{}, 50),
		ledger: map[int64]uint64{}, doubtful: map[int64]bool{},
	}
	l.ctx, l.end = context.WithCancel(context.Background())
	server.MustExec(t, "CREATE DATABASE bank; CREATE DATABASE shop; CREATE DATABASE spare")
	server.MustExec(t, "CREATE TABLE bank.ledger (seq BIGINT PRIMARY KEY, amount INT NOT NULL)")
	for i := range accountTables {
		server.MustExec(t, fmt.Sprintf("CREATE TABLE bank.a%d (id INT PRIMARY KEY, balance BIGINT NOT NULL, n BIGINT NOT NULL)", i),
			fmt.Sprintf("INSERT INTO bank.a%d SELECT seq, %d, 0 FROM bank.seq_1_to_%d", i, deposit, accounts))
	}
	for i := range shopTables {
		server.MustExec(t, strings.Replace(createShop(i), "IF NOT EXISTS ", "", 1))
	}
	conn, err := server.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var position string
	if err := conn.QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&position); err != nil {
		t.Fatal(err)
	}
	l.begin = gtidNumber(position)
	for range 2 {
		l.run(random, l.transactions, l.transfer)
		l.run(random, l.transactions, l.shop)
	}
	l.run(random, l.ddl, l.define)
	t.Cleanup(l.Stop)
	return l
}

func createShop(i int) string {
	return fmt.Sprintf("CREATE TABLE IF NOT EXISTS shop.s%d (id INT PRIMARY KEY, n BIGINT NOT NULL, txt TEXT)", i)
}

// Grant lets the writers do so many transactions and DDL statements more, or fewer if they are behind.
func (l *Load) Grant(transactions, ddl int) {
	fill(l.transactions, transactions)
	fill(l.ddl, ddl)
}

func fill(grants chan struct{}, n int) {
	for range n {
		select {
		case grants <- struct{}{}:
		default:
			return
		}
	}
}

// Flow grants steadily, so many transactions and DDL statements a second, until the load stops.
func (l *Load) Flow(transactions, ddl int) {
	give := func(grants chan struct{}, rate int) {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fill(grants, 1)
			case <-l.ctx.Done():
				return
			}
		}
	}
	l.work.Go(func() { give(l.transactions, transactions) })
	l.work.Go(func() { give(l.ddl, ddl) })
}

// Stop ends the writers, in the middle of what they do, and says how much it was.
func (l *Load) Stop() {
	if l.ctx.Err() == nil {
		l.end()
		l.work.Wait()
		l.t.Logf("load: %d statements that write rows, %d DDL statements, %d transfers", l.rows.Load(), l.statements.Load(), len(l.ledger))
	}
}

// A writer is one connection and one stream of random choices.
type writer struct {
	*rand.Rand
	conn *sql.Conn
}

// run starts a writer that does one thing per grant. A connection that breaks is replaced.
func (l *Load) run(random *rand.Rand, grants chan struct{}, do func(*writer) error) {
	w := &writer{Rand: rand.New(rand.NewPCG(random.Uint64(), 0))}
	l.work.Go(func() {
		defer w.drop()
		for {
			select {
			case <-grants:
			case <-l.ctx.Done():
				return
			}
			err := l.connect(w)
			if err == nil {
				err = do(w)
			}
			switch {
			case err == nil || l.ctx.Err() != nil:
			case broken(err):
				w.drop()
			default:
				l.t.Errorf("load: %v", err)
			}
		}
	})
}

// drop ends the connection. It may be within a transaction: back in the pool it would show whoever takes it next, a comparison
// for one, what nobody has committed.
func (w *writer) drop() {
	if w.conn != nil {
		_ = w.conn.Raw(func(any) error { return driver.ErrBadConn }) // has the pool throw it away
		_ = w.conn.Close()
		w.conn = nil
	}
}

func (l *Load) connect(w *writer) (err error) {
	if w.conn == nil {
		w.conn, err = l.server.DB().Conn(l.ctx)
		if err == nil {
			_, err = w.conn.ExecContext(l.ctx, "SET innodb_lock_wait_timeout = 2, lock_wait_timeout = 2")
		}
	}
	return err
}

// broken tells that a connection ended, as it does when the server is restarted.
func broken(err error) bool {
	var network net.Error
	var answer *mysql.MySQLError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.As(err, &network) ||
		errors.As(err, &answer) && slices.Contains([]uint16{1053, 1927}, answer.Number)
}

// raced are the answers to statements that came too late, as DDL was quicker: an existing or missing table or column, a
// key that is there, a deadlock (which ends savepoints too), a lock that was waited for too long, a changed definition.
var raced = []uint16{1007, 1008, 1032, 1049, 1050, 1051, 1054, 1060, 1061, 1062, 1090, 1091, 1136, 1146, 1205, 1213, 1305, 1347, 1356, 1412, 1965, 4092}

// try runs a statement that others may have made impossible.
func (l *Load) try(w *writer, query string) error {
	_, err := w.conn.ExecContext(l.ctx, query)
	var answer *mysql.MySQLError
	if errors.As(err, &answer) && slices.Contains(raced, answer.Number) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("run %.100q: %w", query, err)
	}
	return nil
}

// transfer moves money between two accounts, in one transaction over up to two tables and the ledger.
func (l *Load) transfer(w *writer) error {
	l.copying.RLock()
	defer l.copying.RUnlock()
	seq, amount := l.seq.Add(1), 1+w.IntN(50)
	queries := []string{
		"BEGIN",
		fmt.Sprintf("UPDATE bank.a%d SET balance = balance - %d, n = %d WHERE id = %d", w.IntN(accountTables), amount, seq, 1+w.IntN(accounts)),
		fmt.Sprintf("UPDATE bank.a%d SET balance = balance + %d, n = %d WHERE id = %d", w.IntN(accountTables), amount, seq, 1+w.IntN(accounts)),
		fmt.Sprintf("INSERT INTO bank.ledger VALUES (%d, %d)", seq, amount),
		"COMMIT",
	}
	for _, q := range queries {
		_, err := w.conn.ExecContext(l.ctx, q)
		var answer *mysql.MySQLError
		switch {
		case errors.As(err, &answer) && slices.Contains(raced, answer.Number):
			_, err := w.conn.ExecContext(l.ctx, "ROLLBACK")
			return err
		case err != nil:
			l.note(seq, 0)
			return fmt.Errorf("run %q: %w", q, err)
		}
	}
	l.rows.Add(3)
	var gtid string
	err := w.conn.QueryRowContext(l.ctx, "SELECT @@last_gtid").Scan(&gtid)
	if err != nil {
		l.note(seq, 0)
		return err
	}
	l.note(seq, gtidNumber(gtid))
	return nil
}

// note keeps the GTID of a transfer; 0 is that of one whose commit was not answered.
func (l *Load) note(seq int64, gtid uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if gtid == 0 {
		l.doubtful[seq] = true
	} else {
		l.ledger[seq] = gtid
	}
}

// gtidNumber takes the number out of domain-server-number.
func gtidNumber(gtid string) uint64 {
	n, err := strconv.ParseUint(gtid[strings.LastIndexByte(gtid, '-')+1:], 10, 64)
	if err != nil {
		panic(fmt.Sprintf("GTID %q: %v", gtid, err))
	}
	return n
}

// shop writes rows to some tables in one transaction.
func (l *Load) shop(w *writer) error {
	if err := l.try(w, "BEGIN"); err != nil {
		return err
	}
	for range 1 + w.IntN(4) {
		if err := l.try(w, l.write(w)); err != nil {
			return err
		}
		l.rows.Add(1)
	}
	end := "COMMIT"
	if w.IntN(20) == 0 {
		end = "ROLLBACK"
	}
	return l.try(w, end)
}

func (l *Load) write(w *writer) string {
	seq, table, id := l.seq.Add(1), fmt.Sprintf("shop.s%d", w.IntN(shopTables)), w.IntN(300)
	switch w.IntN(7) {
	case 0:
		return fmt.Sprintf("DELETE FROM %s WHERE id BETWEEN %d AND %d", table, id, id+10)
	case 1:
		return fmt.Sprintf("UPDATE %s SET n = %d, txt = CONCAT('changed ', %d) WHERE id BETWEEN %d AND %d", table, seq, seq, id, id+5)
	case 2:
		return fmt.Sprintf("UPDATE %s SET id = %d, n = %d WHERE id = %d", table, 1000+seq, seq, id) // another key
	case 3:
		return fmt.Sprintf("REPLACE INTO %s (id, n, txt) VALUES (%d, %d, REPEAT('long ', %d))", table, id, seq, w.IntN(1500))
	case 4:
		return fmt.Sprintf("SAVEPOINT s; DELETE FROM %s WHERE id < %d; ROLLBACK TO s", table, id)
	}
	var values []string
	for i := range 1 + w.IntN(8) {
		values = append(values, fmt.Sprintf(`(%d, %d, 'quote '' comma , "x"')`, id+i, seq))
	}
	return fmt.Sprintf("INSERT IGNORE INTO %s (id, n, txt) VALUES %s", table, strings.Join(values, ","))
}
