package cluster

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/zap/zapcore"
)

// recovering is what proto.actor logs from the very defer that caught an actor's panic, so its stack is still there.
const recovering = "[ACTOR] Recovering"

// commentary is what proto.actor tells at level info and no operator could act on. A dead letter is a message of an
// earlier life that came too late, which the protocol expects.
var commentary = map[string]bool{"[DeadLetter]": true, "actor system started": true}

// content holds the names of attributes that carry a whole message: only its type may be logged, it may hold rows.
var content = map[string]bool{"message": true, "msg": true, "header": true}

// NewSlogHandler makes a handler that writes slog's records into log: same level, attributes as fields, groups as
// dotted prefixes. Messages of actors are logged by type only. An actor's panic is logged as an error with its stack, and
// proto.actor's running commentary as debug.
func NewSlogHandler(log *logrus.Entry) slog.Handler { return &slogHandler{log: log} }

type slogHandler struct {
	log    *logrus.Entry
	prefix string // of the open groups, with the dot
}

func (h *slogHandler) Enabled(_ context.Context, l slog.Level) bool {
	return h.log.Logger.IsLevelEnabled(fromSlog(l))
}

func (h *slogHandler) Handle(ctx context.Context, r slog.Record) error {
	fields := make(logrus.Fields, r.NumAttrs()+1)
	r.Attrs(func(a slog.Attr) bool {
		addAttr(fields, h.prefix, a)
		return true
	})
	level := fromSlog(r.Level)
	switch {
	case r.Message == recovering:
		level = logrus.ErrorLevel
		fields["stack"] = string(debug.Stack())
	case commentary[r.Message]:
		level = logrus.DebugLevel
	}
	e := h.log.WithContext(ctx).WithFields(fields)
	if !r.Time.IsZero() {
		e = e.WithTime(r.Time)
	}
	e.Log(level, r.Message)
	return nil
}

func (h *slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	fields := make(logrus.Fields, len(attrs))
	for _, a := range attrs {
		addAttr(fields, h.prefix, a)
	}
	return &slogHandler{log: h.log.WithFields(fields), prefix: h.prefix}
}

func (h *slogHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &slogHandler{log: h.log, prefix: h.prefix + name + "."}
}

func addAttr(fields logrus.Fields, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	switch {
	case v.Kind() == slog.KindGroup:
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			addAttr(fields, prefix, inner)
		}
	case a.Key == "":
	case content[a.Key] && v.Kind() == slog.KindAny:
		fields[prefix+a.Key] = fmt.Sprintf("%T", v.Any())
	default:
		fields[prefix+a.Key] = plain(v.Any())
	}
}

// plain makes a field that every logrus formatter prints well.
func plain(v any) any {
	switch v := v.(type) {
	case error:
		return v
	case fmt.Stringer:
		return fmt.Sprint(v) // Sprint survives a nil pointer inside
	}
	return v
}

func fromSlog(l slog.Level) logrus.Level {
	switch {
	case l < slog.LevelInfo:
		return logrus.DebugLevel
	case l < slog.LevelWarn:
		return logrus.InfoLevel
	case l < slog.LevelError:
		return logrus.WarnLevel
	default:
		return logrus.ErrorLevel
	}
}

// chatter is what etcd warns of, although in this process it is as it should be.
var chatter = map[string]bool{
	"Running http and grpc server on single port. This is not recommended for production.": true, // it listens nowhere
	"simple token is not cryptographically signed":                                         true, // nobody logs in
	"failed to update cluster version":                                                     true, // stopped meanwhile
	"Failed to detect schema version":                                                      true, // a new database: it asks again
	"failed to update storage version":                                                     true, // likewise
}

// tooEarly is what raft says of a member whose first tick comes before it has read its own configuration: the next one will do.
const tooEarly = " cannot campaign at term "

// NewZapCore makes a core that writes zap's entries into log. etcd's running commentary is at level info; it is
// written as debug, and its debug as trace, so that info stays what an operator could act on.
func NewZapCore(log *logrus.Entry) zapcore.Core { return &zapCore{log: log} }

type zapCore struct {
	log    *logrus.Entry
	fields []zapcore.Field
	hushed bool // nothing above debug: whatever fails comes back as an error too
}

func (c *zapCore) Enabled(l zapcore.Level) bool { return c.log.Logger.IsLevelEnabled(fromZap(l)) }

func (c *zapCore) With(fields []zapcore.Field) zapcore.Core {
	return &zapCore{log: c.log, fields: slices.Concat(c.fields, fields), hushed: c.hushed}
}

func (c *zapCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

// Write never panics or exits for levels that ask for it: zap itself does so after it.
func (c *zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	enc := zapcore.NewMapObjectEncoder()
	for _, f := range c.fields {
		f.AddTo(enc)
	}
	for _, f := range fields {
		f.AddTo(enc)
	}
	out := logrus.Fields(enc.Fields)
	if e.LoggerName != "" {
		out["logger"] = e.LoggerName
	}
	for k, v := range out {
		if d, ok := v.(time.Duration); ok {
			out[k] = d.String()
		}
	}
	level := fromZap(e.Level)
	if c.hushed || chatter[e.Message] || strings.Contains(e.Message, tooEarly) {
		level = max(level, logrus.DebugLevel) // a higher level is a lesser one
	}
	c.log.WithTime(e.Time).WithFields(out).Log(level, e.Message)
	return nil
}

func (c *zapCore) Sync() error { return nil }

func fromZap(l zapcore.Level) logrus.Level {
	switch {
	case l < zapcore.InfoLevel:
		return logrus.TraceLevel // each key that the database writes
	case l < zapcore.WarnLevel:
		return logrus.DebugLevel
	case l == zapcore.WarnLevel:
		return logrus.WarnLevel
	default:
		return logrus.ErrorLevel
	}
}
