package schema

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A KV is where a History is kept.
type KV interface {
	// Put stores the values; it need not be atomic over more than one key.
	Put(ctx context.Context, values map[string][]byte) error
	// List gives all keys with the prefix.
	List(ctx context.Context, prefix string) (map[string][]byte, error)
	Delete(ctx context.Context, keys []string) error
}

// A History keeps the states of a Tracker, so that it can be restored as of any position from the oldest checkpoint on.
//
// It holds full states ("full/{position}/{piece}") and, for each statement in between, what the statement changed
// ("step/{position}/{piece}"). A position is a commit-ts with a counter, since a statement and an adoption may fall on
// one commit-ts. The state as of a commit-ts is the newest full one up to it with the steps that follow. A value is
// JSON, gzipped if large, cut into pieces that a metadata store takes; it counts only if all its pieces are there, so that a crash in the
// middle of a write leaves nothing half.
type History struct {
	kv     KV
	prefix string
	ts     uint64 // of the last value stored
	count  int    // of the values stored at ts
	steps  int    // since the last full state

	perFull int // steps between two full states
}

const (
	pieceBytes   = 512 << 10 // of a value; etcd takes 1.5 MiB a request
	smallValue   = 4 << 10
	stepsPerFull = 1000
)

// ErrNoHistory tells that nothing is stored at or below a position.
var ErrNoHistory = errors.New("schema history: no definitions are stored for this position")

// NewHistory makes a History under a prefix of the store.
func NewHistory(kv KV, prefix string) *History {
	return &History{kv: kv, prefix: strings.TrimSuffix(prefix, "/") + "/", perFull: stepsPerFull}
}

// A step is what one statement changed.
type step struct {
	Next    TableID       `json:"next"`
	Tables  []*Table      `json:"tables,omitempty"`  // new or changed
	Gone    []Ref         `json:"gone,omitempty"`    // dropped or renamed
	Schemas []SchemaState `json:"schemas,omitempty"` // new or changed
	Dropped []string      `json:"dropped,omitempty"` // schemas
}

// Start begins a new changefeed's history with the Tracker's state at ts; what was stored before is deleted.
func (h *History) Start(ctx context.Context, k *Tracker, ts uint64) error {
	values, err := h.kv.List(ctx, h.prefix)
	if err == nil && len(values) > 0 {
		err = h.kv.Delete(ctx, slices.Sorted(maps.Keys(values)))
	}
	if err != nil {
		return fmt.Errorf("store the definitions at %d: drop older ones: %w", ts, err)
	}
	h.ts, h.count = 0, 0
	return h.full(ctx, k, ts)
}

func (h *History) full(ctx context.Context, k *Tracker, ts uint64) error {
	if err := h.put(ctx, "full", ts, k.Snapshot()); err != nil {
		return fmt.Errorf("store the definitions at %d: %w", ts, err)
	}
	k.settle()
	h.steps = 0
	return nil
}

// Append stores what has changed in the Tracker since the last call. ts is the commit-ts of the statement, or of the row
// for which a definition was adopted; it does not fall. If nothing changed, nothing is stored. It must succeed before
// the statement's effects are made durable downstream. Append follows Start or Restore.
func (h *History) Append(ctx context.Context, k *Tracker, ts uint64) error {
	s, changed := k.changed()
	if !changed {
		return nil
	}
	if h.steps >= h.perFull {
		return h.full(ctx, k, ts)
	}
	if err := h.put(ctx, "step", ts, s); err != nil {
		return fmt.Errorf("store the definitions at %d: %w", ts, err)
	}
	k.settle()
	h.steps++
	return nil
}

// Restore gives the Tracker as of ts; ErrNoHistory if the store has nothing that old. What is stored above ts stays: the
// stream tells it again, under the same keys, and until it has, another life of the changefeed may ask for it.
func (h *History) Restore(ctx context.Context, ts uint64, selects Selection) (*Tracker, error) {
	values, err := h.kv.List(ctx, h.prefix)
	if err != nil {
		return nil, fmt.Errorf("restore the definitions at %d: %w", ts, err)
	}
	stored := h.collect(values)
	limit := last(ts)
	base := stored.newest(limit)
	if base == "" {
		return nil, fmt.Errorf("restore the definitions at %d: %w", ts, ErrNoHistory)
	}
	var state State
	if err := decode(stored.fulls[base], &state); err != nil {
		return nil, h.damaged("full", base, err)
	}
	k := RestoreTracker(state, selects)
	h.steps = 0
	for _, at := range slices.Sorted(maps.Keys(stored.steps)) {
		if at <= base || at > limit {
			continue
		}
		var s step
		if err := decode(stored.steps[at], &s); err != nil {
			return nil, h.damaged("step", at, err)
		}
		k.step(s)
		h.steps++
	}
	h.resume(stored, ts)
	return k, nil
}

// resume makes values at the commit-ts ts go behind those that are stored there.
func (h *History) resume(stored stored, ts uint64) {
	h.ts, h.count = ts, 0
	for _, values := range []map[string][]byte{stored.fulls, stored.steps} {
		for at := range values {
			var t uint64
			var n int
			if _, err := fmt.Sscanf(at, "%d.%d", &t, &n); err == nil && t == ts {
				h.count = max(h.count, n+1)
			}
		}
	}
}

// Compact forgets what no Restore at or above ts needs.
func (h *History) Compact(ctx context.Context, ts uint64) error {
	values, err := h.kv.List(ctx, h.prefix)
	if err == nil {
		base := h.collect(values).newest(last(ts))
		err = h.deleteWhere(ctx, values, func(at string) bool { return at < base })
	}
	if err != nil {
		return fmt.Errorf("compact the definitions below %d: %w", ts, err)
	}
	return nil
}

func (h *History) deleteWhere(ctx context.Context, values map[string][]byte, gone func(position string) bool) error {
	var keys []string
	for key := range values {
		if _, at, _, ok := h.parse(key); ok && gone(at) {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	return h.kv.Delete(ctx, keys)
}

// position names a place in the history; positions sort as text.
func position(ts uint64, count int) string { return fmt.Sprintf("%020d.%06d", ts, count) }

// last is above all positions of a commit-ts.
func last(ts uint64) string { return fmt.Sprintf("%020d.~", ts) }

// put stores a value in pieces, each by itself, since a request has a limit.
func (h *History) put(ctx context.Context, kind string, ts uint64, value any) error {
	b, err := encode(value)
	if err != nil {
		return err
	}
	count := 0
	if ts == h.ts {
		count = h.count
	}
	pieces := slices.Collect(slices.Chunk(b, pieceBytes))
	for i, p := range pieces {
		key := fmt.Sprintf("%s%s/%s/%04d-%04d", h.prefix, kind, position(ts, count), i, len(pieces))
		if err := h.kv.Put(ctx, map[string][]byte{key: p}); err != nil {
			return err
		}
	}
	h.ts, h.count = ts, count+1
	return nil
}

// parse reads a piece's key.
func (h *History) parse(key string) (kind, at, piece string, ok bool) {
	parts := strings.Split(strings.TrimPrefix(key, h.prefix), "/")
	if len(parts) != 3 {
		return "", "", "", false
	}
	return parts[0], parts[1], parts[2], true
}

// stored are the whole values of a History, by position.
type stored struct{ fulls, steps map[string][]byte }

// newest gives the position of the newest full state up to a limit, "" if there is none.
func (s stored) newest(limit string) string {
	found := ""
	for at := range s.fulls {
		if at <= limit && at > found {
			found = at
		}
	}
	return found
}

// collect joins the pieces of the values that have all of them.
func (h *History) collect(values map[string][]byte) stored {
	s := stored{fulls: map[string][]byte{}, steps: map[string][]byte{}}
	for key := range values {
		kind, at, piece, ok := h.parse(key)
		var i, n int
		if _, err := fmt.Sscanf(piece, "%d-%d", &i, &n); !ok || err != nil || i != 0 {
			continue
		}
		var whole []byte
		for ; i < n; i++ {
			p, there := values[fmt.Sprintf("%s%s/%s/%04d-%04d", h.prefix, kind, at, i, n)]
			if !there {
				break
			}
			whole = append(whole, p...)
		}
		switch {
		case i < n:
		case kind == "full":
			s.fulls[at] = whole
		case kind == "step":
			s.steps[at] = whole
		}
	}
	return s
}

// encode gives JSON, gzipped if that is worth it. JSON begins with a brace, gzip does not.
func encode(value any) ([]byte, error) {
	b, err := json.Marshal(value)
	if err != nil || len(b) < smallValue {
		return b, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

func decode(b []byte, into any) error {
	if len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, into)
	}
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return err
	}
	if b, err = io.ReadAll(r); err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func (h *History) damaged(kind, at string, err error) error {
	return fmt.Errorf("schema history: read %s%s/%s: %w; the metadata store is damaged: create the changefeed again", h.prefix, kind, at, err)
}
