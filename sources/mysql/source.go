package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"

	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/sources/mysql/image"
)

// A Source follows one MariaDB or MySQL server.
type Source struct {
	config  *config
	replica replica

	mu       sync.Mutex
	db       *sql.DB // for definitions, opened when it is first needed
	begun    begun   // the last start at the current position
	identity string  // of the server that was read last
	dumped   bool    // a dump had begun
	taken    int     // how often the server id was found taken in a row
}

var _ sources.Source = (*Source)(nil)

// Open makes a source for mysql://user:password@host:port/ with the options of the package's documentation. It does not connect yet.
func Open(uri string) (*Source, error) {
	c, err := parseURI(uri)
	if err != nil {
		return nil, err
	}
	r := guest()
	if c.serverID != 0 {
		r.serverID = c.serverID
	}
	return &Source{config: c, replica: r}, nil
}

// guest makes a replica that nobody else is.
func guest() replica {
	var id [16]byte
	rand.Read(id[:])
	uuid := id
	uuid[6], uuid[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return replica{
		// The upper half is seldom used by hand.
		serverID: binary.LittleEndian.Uint32(id[10:]) | 1<<31,
		name:     replicaName + hex.EncodeToString(id[:4]),
		uuid:     (&mysqlEntry{uuid: uuid}).name(),
	}
}

// replicaName begins the host name that a Source registers with.
const replicaName = "weir-"

// Format reads the binlog's row images.
func (s *Source) Format() rows.Format { return image.Format{} }

// Walker makes a walker over relay bytes that begin at the mark.
func (s *Source) Walker(at relay.Mark) sources.Walker { return NewWalker(at) }

// Pull appends the upstream's stream to the log behind the log's last boundary.
//
// The position to resume at is that boundary's: the last complete group. What the log holds beyond it, of a transaction
// too large to be held, comes again and is compared, then left out; the same bytes go on behind it. Different bytes are
// a Fatal "relay-diverged". XA transactions that are prepared at that position are fetched again, too, from where they
// began, and kept until they are resolved.
func (s *Source) Pull(ctx context.Context, log *relay.Log, contact func(sources.Contact)) error {
	_, tail := log.Tail()
	if tail == (relay.Mark{}) {
		return relay.ErrNoMark
	}
	at, err := newTracker(tail)
	if err != nil {
		return fatal(kindPosition, "resume at %q: %w", tail.Position, err)
	}
	session, v, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer session.close()
	at.pos.settle(v)
	if err := s.recognise(session, v, at.pos); err != nil {
		return err
	}
	p := newPuller(ctx, log, session.addr, at, contact)
	defer p.close()
	if p.in, err = session.dump(v, s.replica, at.pos.resume()); err != nil {
		return err
	}
	err = p.run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// connect opens a session on a server that can be followed.
func (s *Source) connect(ctx context.Context) (*session, *server, error) {
	session, err := s.config.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	v, err := session.describe()
	if err == nil {
		err = v.usable(session.addr)
	}
	if err != nil {
		session.close()
		return nil, nil, err
	}
	return session, v, nil
}

// recognise checks that this is the server of the last time, if positions are of one server, and that our server id
// is free.
func (s *Source) recognise(session *session, v *server, at *position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.identity != "" && s.identity != v.identity() && at.kind == noGTID {
		return fatal(kindIdentity, "%s is another server than before, and file positions mean nothing there; point the changefeed to the "+
			"server that it was on, set gtid_mode=ON, or begin a new changefeed with a fresh copy of the data", session.addr)
	}
	s.identity = v.identity()
	if err := session.setBack(v, at); err != nil {
		return err
	}
	if v.serverID == s.replica.serverID {
		return serverIDTaken(session.addr, "it is the server's own")
	}
	other := session.otherReplica(s.replica)
	if other == "" {
		s.taken, s.dumped = 0, true
		return nil
	}
	s.taken++
	// One that came while we were connected has thrown us out. Another weir may be what is left of a killed one: the
	// server finds out soon.
	if s.dumped || !strings.HasPrefix(other, replicaName) || s.taken > 5 {
		return serverIDTaken(session.addr, fmt.Sprintf("%d, by a replica on host %q", s.replica.serverID, other))
	}
	return fmt.Errorf("read the binlog of %s: server id %d is taken by %q, which may be a process that has just ended; if it has not, "+
		"give another one with --server-id", session.addr, s.replica.serverID, other)
}

// setBack refuses a MariaDB whose binlog ends before a position that was read from it. The server itself would skip, without
// a word, what it writes until it gets there, if its binlog is empty.
func (s *session) setBack(v *server, at *position) error {
	if !v.mariadb || at.kind != mariaGTID {
		return nil
	}
	head, err := s.head(v)
	if err != nil {
		return err
	}
	for i := range at.maria.latest {
		was := &at.maria.latest[i]
		now := head.maria.last(was.domain)
		// A domain that is not there may have been deleted from the binlog, unless nothing is there.
		if now.kind != noGTID && now.number < was.number || len(head.maria.latest) == 0 {
			return fatal(kindIdentity, "the binlog of %s ends at %q, before %s; it is another server, or was set back: point the changefeed to "+
				"the right one, or begin a new changefeed with a fresh copy of the data", s.addr, head.String(), at)
		}
	}
	return nil
}

// otherReplica gives the host name of another replica with our server id, "" if there is none or the server does not say.
func (s *session) otherReplica(r replica) string {
	rows, err := s.query("SHOW REPLICAS")
	if err != nil {
		if rows, err = s.query("SHOW SLAVE HOSTS"); err != nil {
			return ""
		}
	}
	for _, row := range rows {
		if len(row) > 1 && row[0] == fmt.Sprint(r.serverID) && row[1] != r.name {
			if row[1] == "" {
				return "unnamed"
			}
			return row[1]
		}
	}
	return ""
}

// empty tells whether the position is the empty GTID set, which has no flavour.
func (p *position) empty() bool { return p.kind == mariaGTID && len(p.maria.latest) == 0 }

// settle makes an empty GTID set one of the server's flavour.
func (p *position) settle(v *server) {
	if p.kind == mariaGTID && len(p.maria.latest) == 0 && !v.mariadb {
		p.kind = mysqlGTID
	}
}

// Head gives the upstream's position now.
func (s *Source) Head(ctx context.Context) (string, error) {
	session, v, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	defer session.close()
	at, err := session.head(v)
	if err != nil {
		return "", err
	}
	return at.String(), nil
}

// Goal reads a position to end at: "gtid:SET" or "FILE:POS", which on MariaDB becomes the GTID position there.
func (s *Source) Goal(ctx context.Context, at string) (string, error) {
	session, v, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	defer session.close()
	pos, err := session.resolve(v, at)
	if err != nil {
		return "", err
	}
	return pos.String(), nil
}

// Reached tells whether all of goal lies at or before at. It is an error when they are of different forms: a file
// position never reaches a GTID set.
func (s *Source) Reached(at, goal string) (bool, error) {
	a, err := parsePosition(at)
	if err != nil {
		return false, err
	}
	g, err := parsePosition(goal)
	if err != nil {
		return false, err
	}
	if a.kind != g.kind && !a.empty() && !g.empty() {
		return false, fatal(kindPosition, "end at %s: the changefeed follows positions like %s; give one of that form", goal, at)
	}
	return a.reached(g), nil
}

// Close frees what the source holds. Running Pulls end with their contexts.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	return s.db.Close()
}
