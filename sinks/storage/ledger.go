package storage

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/scheduler"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
)

// Items of a work for the ledger.
type (
	// An openItem asks to take the folder.
	openItem struct{}
	// An executeItem asks for the schema files of a DDL; the rows before it are durable.
	executeItem struct {
		from *actor.PID
		m    *messages.Execute
	}
	// A syncpointItem asks to record a syncpoint.
	syncpointItem struct {
		from *actor.PID
		m    *messages.WriteSyncpoint
	}
	// publish: the ledger's timer. Write the checkpoint if it has moved.
	publish struct{}
	// lastCall: sink -> ledger, before it ends. Write the checkpoint, for nothing comes after it. Answer: lastCall.
	lastCall struct{}
)

const (
	publishEvery = 2 * time.Second
	expireEvery  = time.Hour
	lockAttempts = 4
)

// The ledger holds the folder: its lock, its owner file, and all that is not rows. It is the sink's child and may block
// in file I/O; it takes work like a worker. Checkpoints come to it beside that.
type ledger struct {
	env     sinks.Env
	options *options
	lane    int

	lock     *os.File // nil until it is held
	taken    bool     // the folder is this changefeed's: nothing is written to it before
	refusals int      // of the lock
	items    []any    // of the work; items[0] is the one to do
	done     settled

	wanted, written uint64 // checkpoint-ts
	failed          bool   // to write it; again brings the next attempt
	writtenAt       time.Time
	expiredAt       time.Time
	cancel          scheduler.CancelFunc
}

func ledgerProps(env sinks.Env, o *options, lane int) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &ledger{env: env, options: o, lane: lane} })
}

func (l *ledger) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		l.cancel = scheduler.NewTimerScheduler(ctx.ActorSystem().Root).SendRepeatedly(publishEvery, publishEvery, ctx.Self(), &publish{})
	case *actor.Stopping, *actor.Restarting:
		l.close()
	case *work:
		l.items, l.done = m.items, settled{}
		l.resume(ctx)
	case *again:
		if m.commit {
			l.publish(ctx, false)
		} else {
			l.resume(ctx)
		}
	case *messages.Checkpoint:
		l.wanted = max(l.wanted, m.CommitTs)
		if l.env.Now().Sub(l.writtenAt) >= publishEvery && !l.failed {
			l.publish(ctx, false)
		}
	case *lastCall:
		l.publish(ctx, true)
		ctx.Respond(m)
	case *publish:
		if !l.failed {
			l.publish(ctx, false)
		}
		l.expire()
	}
}

func (l *ledger) resume(ctx actor.Context) {
	for len(l.items) > 0 {
		if err := l.item(l.items[0]); err != nil {
			ctx.Request(ctx.Parent(), &trouble{l.lane, false, explain(err)})
			return
		}
		l.done.ledger = append(l.done.ledger, l.items[0])
		l.items = l.items[1:]
	}
	ctx.Request(ctx.Parent(), &worked{lane: l.lane, settled: l.done})
}

func (l *ledger) item(item any) error {
	switch m := item.(type) {
	case *openItem:
		return l.open()
	case *executeItem:
		return l.execute(m.m.Ddl)
	case *syncpointItem:
		return l.syncpoint(Syncpoint{CommitTs: m.m.CommitTs, SourcePosition: m.m.SourcePosition,
			WallTime: time.UnixMilli(m.m.WallMs).UTC()})
	}
	return nil
}

// open takes the folder. It looks before it writes: another's folder is left as it is.
func (l *ledger) open() (err error) {
	mine := l.options.owner(l.env)
	if _, err := inspect(l.options.dir, mine); err != nil {
		return err
	}
	if err := makeDir(l.options.dir); err != nil {
		return err
	}
	if l.lock == nil {
		if l.lock, err = lock(l.options.dir, l.env.Shared); err != nil {
			return l.refused(err)
		}
	}
	err = l.options.inTurn(l.env.Shared, l.options.dir, func() error { return claim(l.options.dir, mine, &l.env) })
	if err != nil {
		return err
	}
	if l.written, err = readMetadata(l.options.dir); err != nil {
		return err
	}
	l.taken = true
	return nil
}

// refused gives up on a folder that stays in use; one that is just being left is free soon.
func (l *ledger) refused(err error) error {
	if l.env.Shared {
		err = lockable(err)
	}
	l.refusals++
	if errors.Is(err, errInUse) && l.refusals >= lockAttempts {
		return &sinks.Fatal{Err: err}
	}
	return err
}

// execute puts a schema file for each table that the DDL makes, changes or drops, or one for its database.
func (l *ledger) execute(ddl *messages.DDL) error {
	where := l.options.layout()
	for _, c := range ddl.Changes {
		ref := c.After
		if ref == nil {
			ref = c.Before
		}
		if ofDatabase(schema.Kind(ddl.Kind)) || ref == nil {
			break
		}
		t, ok := l.env.Catalog.Table(schema.TableID(ref.Id), ref.Version)
		if !ok {
			return &sinks.Fatal{Err: fmt.Errorf("no definition of table %s.%s version %d for the DDL at %d: restart the changefeed from its checkpoint",
				ref.Schema, ref.Name, ref.Version, ddl.CommitTs)}
		}
		if err := l.options.putSchema(&l.env, where.table(t), stated(tableSchema(t, l.options.columnID), ddl)); err != nil {
			return err
		}
	}
	if len(ddl.Changes) > 0 && !ofDatabase(schema.Kind(ddl.Kind)) {
		return nil
	}
	name := ddl.Database
	if name == "" {
		name = ddl.Schema
	}
	return l.options.putSchema(&l.env, where.database(name), stated(databaseSchema(name), ddl))
}

func (l *ledger) syncpoint(p Syncpoint) error {
	dir := filepath.Join(l.options.dir, syncpointsDir)
	return l.options.inTurn(l.env.Shared, l.options.dir, func() error { return putSyncpoint(dir, p, &l.env) })
}

func stated(f *SchemaFile, ddl *messages.DDL) *SchemaFile {
	f.TableVersion, f.Query, f.Type = ddl.CommitTs, ddl.Query, schema.Kind(ddl.Kind)
	return f
}

// ofDatabase tells the statements that have one schema file, their database's, whatever tables they take along.
func ofDatabase(k schema.Kind) bool {
	return k == schema.CreateSchema || k == schema.DropSchema || k == schema.SchemaCharset
}

// metadata is the content of the file of that name.
type metadata struct {
	CheckpointTs uint64 `json:"checkpoint-ts"`
}

func readMetadata(root string) (uint64, error) {
	path := filepath.Join(root, metadataFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var m metadata
	if err := json.Unmarshal(data, &m); err != nil {
		return 0, &sinks.Fatal{Err: fmt.Errorf("%s is damaged (%w): remove it", path, err)}
	}
	return m.CheckpointTs, nil
}

// publish writes the checkpoint if it has moved forward. Where processes share the folder, one that finds at its turn of
// time that another has written leaves it to that one: so one writes, and the next takes over when it no longer does.
func (l *ledger) publish(ctx actor.Context, last bool) {
	if !l.taken || l.wanted <= l.written {
		return
	}
	err := l.options.inTurn(l.env.Shared, l.options.dir, func() error { return l.writeMetadata(last) })
	l.failed = err != nil
	if err != nil {
		ctx.Request(ctx.Parent(), &trouble{l.lane, true, explain(err)})
		return
	}
	ctx.Request(ctx.Parent(), &committedFiles{lane: l.lane})
}

func (l *ledger) writeMetadata(last bool) error {
	if l.env.Shared {
		theirs, err := readMetadata(l.options.dir)
		if err != nil {
			return err
		}
		if theirs > l.written && !last || theirs >= l.wanted {
			l.written, l.writtenAt = theirs, l.env.Now()
			return nil
		}
	}
	if err := l.env.Permitted(); err != nil {
		return err
	}
	data, err := json.Marshal(metadata{l.wanted})
	if err != nil {
		return err
	}
	if err := putDurable(filepath.Join(l.options.dir, metadataFile), data); err != nil {
		return err
	}
	l.written, l.writtenAt = l.wanted, l.env.Now()
	return nil
}

func (l *ledger) close() {
	l.cancel()
	if l.lock == nil {
		return
	}
	_ = l.lock.Close() // nothing was written
	l.lock, l.taken = nil, false
}

// expire removes the directories of dates that are too old.
func (l *ledger) expire() {
	if l.options.expireDays == 0 || !l.taken || l.env.Now().Sub(l.expiredAt) < expireEvery {
		return
	}
	if l.env.Permitted() != nil {
		return // the next timer asks again
	}
	l.expiredAt = l.env.Now()
	oldest := time.UnixMilli(int64(l.written>>18)).UTC().AddDate(0, 0, -l.options.expireDays)
	if err := expire(l.options.layout(), oldest.Format(string(l.options.dates))); err != nil {
		l.env.Log.WithError(err).Warn("old data files were not removed; trying again in an hour")
	}
}

// expire removes the date directories before a date, index first. Several processes may do so at once: rows of those
// dates are durable, so nobody writes there.
func expire(where layout, before string) error {
	depth := 4 // schema, table, version, date
	if where.tableIDPath {
		depth = 3
	}
	return filepath.WalkDir(where.root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != where.root {
			return nil // another process was first
		}
		if err != nil || !entry.IsDir() || path == where.root {
			return err
		}
		below := strings.Count(strings.TrimPrefix(path, where.root), string(filepath.Separator))
		switch {
		case below < depth:
			return nil
		case below == depth && where.dates.is(entry.Name()) && entry.Name() < before:
			if err := errors.Join(os.RemoveAll(filepath.Join(path, metaDir)), os.RemoveAll(path)); err != nil {
				return err
			}
		}
		return fs.SkipDir
	})
}
