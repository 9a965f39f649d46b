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
// It holds full states ("full/{ts}/{piece}") and, for each statement in between, what the statement changed
// ("step/{ts}/{piece}"). A position's state is the newest full one at or below it with the steps up to it. A value is
// gzipped JSON, cut into pieces that a metadata store takes; it counts only if all its pieces are there, so that a
// crash in the middle of a Put leaves nothing half.
type History struct {
	kv     KV
	prefix string
	last   State // as stored so far
	steps  int   // since the last full state
}

const (
	pieceBytes   = 512 << 10 // of a value; etcd takes 1.5 MiB a request
	stepsPerFull = 1000
)

// ErrNoHistory tells that nothing is stored at or below a position.
var ErrNoHistory = errors.New("schema history: no definitions are stored for this position")

// NewHistory makes a History under a prefix of the store.
func NewHistory(kv KV, prefix string) *History {
	return &History{kv: kv, prefix: strings.TrimSuffix(prefix, "/") + "/"}
}

// A step is what one statement changed.
type step struct {
	Ts      uint64        `json:"ts"`
	Next    TableID       `json:"next"`
	Tables  []*Table      `json:"tables,omitempty"`  // new or changed
	Gone    []Ref         `json:"gone,omitempty"`    // dropped or renamed
	Schemas []SchemaState `json:"schemas,omitempty"` // new or changed
	Dropped []string      `json:"dropped,omitempty"` // schemas
}

// Start stores the Tracker's state at ts as a full one. A new changefeed does so once, with the snapshot.
func (h *History) Start(ctx context.Context, k *Tracker, ts uint64) error {
	s := k.Snapshot()
	if err := h.put(ctx, h.key("full", ts), s); err != nil {
		return fmt.Errorf("store the definitions at %d: %w", ts, err)
	}
	h.last, h.steps = s, 0
	return nil
}

// Append stores what the Tracker's definitions became at ts, the commit-ts of the statement, or of the row for which one
// was adopted. Nothing changed: nothing is stored. It may be repeated, and must be done before the statement's effects
// are made durable downstream. Append follows Start or Restore.
func (h *History) Append(ctx context.Context, k *Tracker, ts uint64) error {
	now := k.Snapshot()
	s := difference(h.last, now)
	if s.Next == h.last.Next && s.Tables == nil && s.Gone == nil && s.Schemas == nil && s.Dropped == nil {
		return nil
	}
	if h.steps >= stepsPerFull {
		return h.Start(ctx, k, ts)
	}
	s.Ts = ts
	if err := h.put(ctx, h.key("step", ts), s); err != nil {
		return fmt.Errorf("store the definitions at %d: %w", ts, err)
	}
	h.last = now
	h.steps++
	return nil
}

// Restore gives the Tracker as of ts; ErrNoHistory if the store has nothing that old. What is stored above ts is deleted:
// the stream will tell it again.
func (h *History) Restore(ctx context.Context, ts uint64, selects Selection) (*Tracker, error) {
	values, err := h.kv.List(ctx, h.prefix)
	if err != nil {
		return nil, fmt.Errorf("restore the definitions at %d: %w", ts, err)
	}
	fulls, steps := h.positions(values, "full"), h.positions(values, "step")
	base := newest(fulls, ts)
	if base < 0 {
		return nil, fmt.Errorf("restore the definitions at %d: %w", ts, ErrNoHistory)
	}
	var state State
	if err := h.get(values, h.key("full", fulls[base]), &state); err != nil {
		return nil, err
	}
	h.steps = 0
	for _, at := range steps {
		// A step at the full state's own position is older than that state.
		if at <= fulls[base] || at > ts {
			continue
		}
		var s step
		if err := h.get(values, h.key("step", at), &s); err != nil {
			return nil, err
		}
		state = state.plus(s)
		h.steps++
	}
	if err := h.kv.Delete(ctx, h.above(values, ts)); err != nil {
		return nil, fmt.Errorf("restore the definitions at %d: drop later ones: %w", ts, err)
	}
	h.last = state
	return RestoreTracker(state, selects), nil
}

// Compact forgets what no Restore at or above ts needs. To bound the steps it stores a full state at ts, if there are many.
func (h *History) Compact(ctx context.Context, ts uint64) error {
	values, err := h.kv.List(ctx, h.prefix)
	if err != nil {
		return fmt.Errorf("compact the definitions below %d: %w", ts, err)
	}
	fulls := h.positions(values, "full")
	base := newest(fulls, ts)
	if base < 0 {
		return nil
	}
	var gone []string
	for key := range values {
		_, at, ok := h.parse(key)
		if ok && (at < fulls[base] || at == fulls[base] && strings.HasPrefix(key, h.prefix+"step/")) {
			gone = append(gone, key)
		}
	}
	slices.Sort(gone)
	if err := h.kv.Delete(ctx, gone); err != nil {
		return fmt.Errorf("compact the definitions below %d: %w", ts, err)
	}
	return nil
}

// newest gives the index of the last position at or below ts, -1 if there is none.
func newest(positions []uint64, ts uint64) int {
	i, found := slices.BinarySearch(positions, ts)
	if found {
		return i
	}
	return i - 1
}

func (h *History) key(kind string, ts uint64) string {
	return fmt.Sprintf("%s%s/%020d/", h.prefix, kind, ts)
}

// parse reads a piece's key.
func (h *History) parse(key string) (kind string, ts uint64, ok bool) {
	parts := strings.Split(strings.TrimPrefix(key, h.prefix), "/")
	if len(parts) != 3 {
		return "", 0, false
	}
	_, err := fmt.Sscanf(parts[1], "%d", &ts)
	return parts[0], ts, err == nil
}

// positions gives the positions of the whole values of a kind, ascending.
func (h *History) positions(values map[string][]byte, kind string) []uint64 {
	seen := map[uint64]bool{}
	for key := range values {
		if k, ts, ok := h.parse(key); ok && k == kind && !seen[ts] {
			_, err := h.join(values, h.key(kind, ts))
			seen[ts] = err == nil
		}
	}
	maps.DeleteFunc(seen, func(_ uint64, whole bool) bool { return !whole })
	return slices.Sorted(maps.Keys(seen))
}

func (h *History) above(values map[string][]byte, ts uint64) []string {
	var keys []string
	for key := range values {
		if _, at, ok := h.parse(key); ok && at > ts {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// put stores a value in pieces named "{i}-{n}", each by itself, since a request has a limit.
func (h *History) put(ctx context.Context, key string, value any) error {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	pieces := slices.Collect(slices.Chunk(b.Bytes(), pieceBytes))
	for i, p := range pieces {
		if err := h.kv.Put(ctx, map[string][]byte{pieceKey(key, i, len(pieces)): p}); err != nil {
			return err
		}
	}
	return nil
}

func pieceKey(key string, i, n int) string { return fmt.Sprintf("%s%04d-%04d", key, i, n) }

var errIncomplete = errors.New("a piece is missing")

// join gives a value's bytes. Pieces of an older, longer or shorter, value under the same key do not disturb it: the
// number of pieces is in their names, and the value with all of them counts.
func (h *History) join(values map[string][]byte, key string) ([]byte, error) {
	for name := range values {
		rest, ok := strings.CutPrefix(name, key)
		var i, n int
		if _, err := fmt.Sscanf(rest, "%04d-%04d", &i, &n); !ok || err != nil || i != 0 {
			continue
		}
		var b []byte
		for ; i < n; i++ {
			p, ok := values[pieceKey(key, i, n)]
			if !ok {
				break
			}
			b = append(b, p...)
		}
		if i == n {
			return b, nil
		}
	}
	return nil, errIncomplete
}

func (h *History) get(values map[string][]byte, key string, into any) error {
	b, err := h.join(values, key)
	if err == nil {
		var r *gzip.Reader
		if r, err = gzip.NewReader(bytes.NewReader(b)); err == nil {
			if b, err = io.ReadAll(r); err == nil {
				err = json.Unmarshal(b, into)
			}
		}
	}
	if err != nil {
		return fmt.Errorf("schema history: read %s: %w; the metadata store is damaged: create the changefeed again", key, err)
	}
	return nil
}

// difference gives the step from one state to another. Definitions are immutable, so a change is another pointer.
func difference(from, to State) step {
	s := step{Next: to.Next}
	before := map[Ref]*Table{}
	for _, t := range from.Tables {
		before[t.Ref()] = t
	}
	for _, t := range to.Tables {
		if before[t.Ref()] != t {
			s.Tables = append(s.Tables, t)
		}
		delete(before, t.Ref())
	}
	s.Gone = slices.SortedFunc(maps.Keys(before), compareRefs)
	if len(s.Gone) == 0 {
		s.Gone = nil
	}
	schemas := map[string]SchemaState{}
	for _, c := range from.Schemas {
		schemas[c.Name] = c
	}
	for _, c := range to.Schemas {
		if schemas[c.Name] != c {
			s.Schemas = append(s.Schemas, c)
		}
		delete(schemas, c.Name)
	}
	for name := range schemas {
		s.Dropped = append(s.Dropped, name)
	}
	slices.Sort(s.Dropped)
	return s
}

// plus applies a step.
func (s State) plus(p step) State {
	tables := map[Ref]*Table{}
	for _, t := range s.Tables {
		tables[t.Ref()] = t
	}
	for _, r := range p.Gone {
		delete(tables, r)
	}
	for _, t := range p.Tables {
		tables[t.Ref()] = t
	}
	schemas := map[string]SchemaState{}
	for _, c := range s.Schemas {
		schemas[c.Name] = c
	}
	for _, name := range p.Dropped {
		delete(schemas, name)
	}
	for _, c := range p.Schemas {
		schemas[c.Name] = c
	}
	return State{
		Server: s.Server, Next: p.Next,
		Schemas: slices.SortedFunc(maps.Values(schemas), compareSchemas),
		Tables:  slices.SortedFunc(maps.Values(tables), func(a, b *Table) int { return compareRefs(a.Ref(), b.Ref()) }),
	}
}
