package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

// begun is a start at the current position: the mark, and the definitions as they were there.
type begun struct {
	mark   relay.Mark
	tables []*schema.Table
}

// startTries is how often the definitions are read anew because DDL came in between.
const startTries = 10

// startCurrent finds a mark at which the definitions are known: the position is read, then the definitions, then the
// position again, and the binlog between the two is searched for DDL. If there was some, it is tried again. It takes no lock.
func (s *Source) startCurrent(ctx context.Context, session *session, v *server) (relay.Mark, error) {
	for range startTries {
		mark, err := session.now(v)
		if err != nil {
			return mark, err
		}
		tables, err := s.definitions(ctx)
		if err != nil {
			return mark, err
		}
		to, err := session.head(v)
		if err != nil {
			return mark, err
		}
		changed, err := s.definedSince(ctx, mark, to)
		if err != nil {
			return mark, err
		}
		if !changed {
			s.mu.Lock()
			s.begun = begun{mark, tables}
			s.mu.Unlock()
			return mark, nil
		}
	}
	return relay.Mark{}, fmt.Errorf("begin at the current position of %s: tables were changed each of the %d times that their definitions were read",
		session.addr, startTries)
}

// Snapshot gives the definitions. At a mark that Start("current") of this Source gave they are those of the mark. At
// any other they are those of now, which is as near as the upstream can tell: the DDL between the mark and now will be met again, and rows
// before it may be found not to agree.
func (s *Source) Snapshot(ctx context.Context, at relay.Mark) ([]*schema.Table, error) {
	s.mu.Lock()
	b := s.begun
	s.mu.Unlock()
	if b.tables != nil && b.mark == at {
		return b.tables, nil
	}
	return s.definitions(ctx)
}

// definitions reads all definitions as they are.
func (s *Source) definitions(ctx context.Context) ([]*schema.Table, error) {
	db, facts, err := s.database(ctx)
	if err != nil {
		return nil, err
	}
	tables, err := schema.FromServer(ctx, db, facts)
	if err != nil {
		return nil, fmt.Errorf("read the definitions at %s: %w", s.config.addr, err)
	}
	return tables, nil
}

// ReadTable reads one definition as it is now.
func (s *Source) ReadTable(ctx context.Context, ref schema.Ref) (*schema.Table, error) {
	db, facts, err := s.database(ctx)
	if err != nil {
		return nil, err
	}
	return schema.ReadTable(ctx, db, facts, ref)
}

// Server tells what the meaning of DDL statements depends on at this server.
func (s *Source) Server(ctx context.Context) (schema.Server, error) {
	_, facts, err := s.database(ctx)
	return facts, err
}

// database opens the pool for reading definitions.
func (s *Source) database(ctx context.Context) (*sql.DB, schema.Server, error) {
	s.mu.Lock()
	if s.db == nil {
		connector, err := driver.NewConnector(s.config.driver())
		if err != nil {
			s.mu.Unlock()
			return nil, schema.Server{}, err
		}
		s.db = sql.OpenDB(connector)
		s.db.SetMaxOpenConns(2)
		s.db.SetConnMaxIdleTime(time.Minute)
	}
	db := s.db
	s.mu.Unlock()
	facts, err := schema.Facts(ctx, db)
	if err != nil {
		return nil, facts, s.config.connectError(err)
	}
	return db, facts, nil
}

// driver gives the settings for database/sql.
func (c *config) driver() *driver.Config {
	d := driver.NewConfig()
	d.User, d.Passwd, d.Net, d.Addr, d.TLS = c.user, c.password, "tcp", c.addr, c.tls
	d.Timeout, d.AllowNativePasswords = dialTimeout, true
	d.Logger = &driver.NopLogger{} // what it would say on standard error comes back as an error, too
	return d
}

// definedSince tells whether the binlog holds DDL between the mark and a later position.
func (s *Source) definedSince(ctx context.Context, from relay.Mark, to *position) (bool, error) {
	at, err := newTracker(from)
	if err != nil || at.pos.reached(to) {
		return false, err
	}
	session, v, err := s.connect(ctx)
	if err != nil {
		return false, err
	}
	defer session.close()
	at.pos.settle(v)
	in, err := session.dump(v, guest(), at.pos.resume())
	if err != nil {
		return false, err
	}
	w := watch{walker: newWalker(from)}
	w.t = newTranslator(at, "", w.room)
	defer w.t.close()
	for !at.pos.reached(to) {
		n := len(w.t.out)
		out, first, err := in.next(w.t.out)
		if err != nil {
			return false, fmt.Errorf("read the binlog of %s: %w", session.addr, err)
		}
		if w.t.out = out; first != 0 {
			return false, packetError(session.addr, out[n:])
		}
		if err := w.t.event(n); err != nil {
			return false, err
		}
		if err := w.room(); err != nil {
			return false, err
		}
	}
	return w.defined, nil
}

// A watch walks what a translator makes, and notes DDL.
type watch struct {
	t       *translator
	walker  *walker
	defined bool
}

func (w *watch) room() error {
	n := w.t.holding()
	err := w.walker.Walk(w.t.out[:n], w)
	w.t.handOver(n)
	w.t.out = w.t.out[:copy(w.t.out, w.t.out[n:])]
	return err
}

// Rows passes over rows.
func (w *watch) Rows(*sources.RowsEvent) error { return nil }

// DDL notes that there is some.
func (w *watch) DDL(*schema.Statement) error {
	w.defined = true
	return nil
}

// Commit passes over the end of a transaction.
func (w *watch) Commit(relay.Mark, int64) error { return nil }
