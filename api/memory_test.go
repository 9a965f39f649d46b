package api

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// A memory is a Control whose cluster is a few maps.
type memory struct {
	mu       sync.Mutex
	fails    error // what every call answers
	panics   bool
	feeds    map[string]Changefeed
	tables   map[Table][]string // node of each span
	nodes    map[string]Node
	barriers []Barrier
	resumed  ResumeOptions
}

func newMemory() *memory {
	return &memory{
		feeds:  map[string]Changefeed{},
		tables: map[Table][]string{{"shop", "orders"}: {"n1"}, {"a.b", "c/d"}: {"n1"}},
		nodes: map[string]Node{
			"n1": {Name: "n1", Incarnation: "n1-1f", State: NodeUp, Coordinator: true, Labels: map[string]string{"zone": "a"}, Started: time.Now()},
			"n2": {Name: "n2", Incarnation: "n2-2e", State: NodeUp, Labels: map[string]string{}, Started: time.Now()},
		},
	}
}

var _ Control = (*memory)(nil)

// enter locks, unless every call fails.
func (m *memory) enter() error {
	m.mu.Lock()
	if m.panics {
		m.mu.Unlock()
		panic("boom")
	}
	if m.fails != nil {
		m.mu.Unlock()
		return m.fails
	}
	return nil
}

func sorted[T any](all map[string]T) (list []T) {
	for _, k := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[k])
	}
	return list
}

func (m *memory) Changefeeds(context.Context) ([]Changefeed, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return sorted(m.feeds), nil
}

func (m *memory) find(name string) (Changefeed, error) {
	if cf, ok := m.feeds[name]; ok {
		return cf, nil
	}
	return Changefeed{}, Errorf(NoSuchChangefeed, "changefeed "+name, "there is none")
}

func (m *memory) Changefeed(_ context.Context, name string) (Changefeed, error) {
	if err := m.enter(); err != nil {
		return Changefeed{}, err
	}
	defer m.mu.Unlock()
	return m.find(name)
}

func (m *memory) Create(_ context.Context, s Spec) (Changefeed, error) {
	if err := m.enter(); err != nil {
		return Changefeed{}, err
	}
	defer m.mu.Unlock()
	if _, taken := m.feeds[s.Name]; taken {
		return Changefeed{}, Errorf(ChangefeedExists, "changefeed "+s.Name, "the name is taken")
	}
	c, err := s.Settings()
	if err != nil {
		return Changefeed{}, err
	}
	cf := Changefeed{Name: s.Name, UUID: uuid.NewString(), Created: time.Now().UTC(), Config: ConfigOf(c), State: Normal,
		Errors: []FeedError{}, CheckpointTs: 1_700_000_000_000 << 18, Owner: "n1"}
	from, _ := url.Parse(s.From)
	cf.From, cf.To = from.Redacted(), s.To
	m.feeds[s.Name] = cf
	return cf, nil
}

func (m *memory) edit(name string, allowed func(State) bool, change func(*Changefeed) error) (Changefeed, error) {
	if err := m.enter(); err != nil {
		return Changefeed{}, err
	}
	defer m.mu.Unlock()
	cf, err := m.find(name)
	if err != nil {
		return cf, err
	}
	if !allowed(cf.State) {
		return cf, Errorf(WrongState, "changefeed "+name, "it is %s", cf.State)
	}
	if err := change(&cf); err != nil {
		return cf, err
	}
	m.feeds[name] = cf
	return cf, nil
}

func still(s State) bool { return s == Stopped || s == Failed || s == Finished }

func (m *memory) Update(_ context.Context, name string, p Patch) (Changefeed, error) {
	return m.edit(name, still, func(cf *Changefeed) error {
		if p.IfMatch != "" && p.IfMatch != cf.Tag() {
			return Errorf(Stale, "changefeed "+name, "its definition has changed")
		}
		cf.Config = cf.Config.Apply(p.Config)
		return nil
	})
}

func (m *memory) Pause(_ context.Context, name string) (Changefeed, error) {
	return m.edit(name, func(s State) bool { return s != Finished }, func(cf *Changefeed) error { cf.State = Stopped; return nil })
}

func (m *memory) Resume(_ context.Context, name string, o ResumeOptions) (Changefeed, error) {
	return m.edit(name, still, func(cf *Changefeed) error {
		if o.FromCheckpoint != nil && *o.FromCheckpoint > cf.CheckpointTs {
			return Errorf(NoSuchCheckpoint, "changefeed "+name, "checkpoint %d is not kept", *o.FromCheckpoint)
		}
		m.resumed, cf.State = o, Normal
		return nil
	})
}

func (m *memory) Remove(_ context.Context, name string) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	_, err := m.find(name)
	delete(m.feeds, name)
	return err
}

// place changes where the spans of a table are.
func (m *memory) place(name string, t Table, change func(spans []string) ([]string, error)) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if _, err := m.find(name); err != nil {
		return err
	}
	spans, ok := m.tables[t]
	if !ok {
		return Errorf(NoSuchTable, "table "+t.String(), "no rule selects it")
	}
	spans, err := change(spans)
	if err == nil {
		m.tables[t] = spans
	}
	return err
}

func (m *memory) Move(_ context.Context, name string, t Table, node string) error {
	return m.place(name, t, func(spans []string) ([]string, error) {
		if _, ok := m.nodes[node]; !ok {
			return nil, Errorf(NoSuchNode, "node "+node, "no living node has this name")
		}
		return slices.Repeat([]string{node}, len(spans)), nil
	})
}

func (m *memory) Split(_ context.Context, name string, t Table, into int) error {
	return m.place(name, t, func(spans []string) ([]string, error) { return slices.Repeat(spans[:1], into), nil })
}

func (m *memory) Merge(_ context.Context, name string, t Table) error {
	return m.place(name, t, func(spans []string) ([]string, error) { return spans[:1], nil })
}

func (m *memory) Spans(_ context.Context, name string, q SpanQuery) (SpanPage, error) {
	if err := m.enter(); err != nil {
		return SpanPage{}, err
	}
	defer m.mu.Unlock()
	if _, err := m.find(name); err != nil {
		return SpanPage{}, err
	}
	var page SpanPage
	for t, nodes := range m.tables {
		for i, node := range nodes {
			if (q.Table == Table{} || q.Table == t) && (q.Node == "" || q.Node == node) {
				page.Spans = append(page.Spans, Span{Dispatcher: fmt.Sprintf("%s.%04d", t, i), Table: t, Start: fmt.Sprintf("%016x", i),
					Node: node, State: "replicating"})
			}
		}
	}
	page.Total = len(page.Spans)
	slices.SortFunc(page.Spans, func(a, b Span) int { return slices.Compare([]string{a.Dispatcher}, []string{b.Dispatcher}) })
	page.Spans = slices.DeleteFunc(page.Spans, func(s Span) bool { return s.Dispatcher <= q.After })
	if len(page.Spans) > q.Limit {
		page.Spans = page.Spans[:q.Limit]
		page.Next = page.Spans[q.Limit-1].Dispatcher
	}
	return page, nil
}

func (m *memory) Barriers(_ context.Context, name string) ([]Barrier, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	_, err := m.find(name)
	return m.barriers, err
}

func (m *memory) Nodes(context.Context) ([]Node, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.mu.Unlock()
	return sorted(m.nodes), nil
}

func (m *memory) Drain(_ context.Context, name string, undo bool) (Node, error) {
	if err := m.enter(); err != nil {
		return Node{}, err
	}
	defer m.mu.Unlock()
	n, ok := m.nodes[name]
	if !ok {
		return n, Errorf(NoSuchNode, "node "+name, "no living node has this name")
	}
	n.State = NodeDraining
	if undo {
		n.State = NodeUp
	}
	m.nodes[name] = n
	return n, nil
}

func (m *memory) Health(context.Context) Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fails != nil {
		return Health{Node: "n1", Reasons: []string{"no coordinator is elected"}}
	}
	return Health{Ready: true, Node: "n1", Coordinator: "n1"}
}
