package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/google/uuid"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/config"
	"github.com/weir-cdc/weir/messages"
)

// A Control answers for the cluster by what the coordinator and the maintainers say, and changes it by changing the store,
// which they watch.
// It outlives the incarnations of its node.
type Control struct {
	store *cluster.Store
	// try checks a definition beyond its form; it may connect to the upstream, and may complete the settings.
	try func(context.Context, *config.Config) error

	mu          sync.Mutex
	root        *actor.RootContext // of the present incarnation; nil between two
	node        *actor.PID
	name        string
	coordinator string // name
}

// attach makes the control speak through an incarnation of the node; nil ends that.
func (c *Control) attach(root *actor.RootContext, node *actor.PID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.root, c.node, c.coordinator = root, node, ""
}

func (c *Control) setCoordinator(incarnation string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.coordinator = nodeOf(incarnation)
}

func (c *Control) through() (*actor.RootContext, *actor.PID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.root, c.node
}

var _ api.Control = (*Control)(nil)

// askTimeout bounds a question to the coordinator.
const askTimeout = 5 * time.Second

// ask puts a question to the coordinator and decodes the answer into out.
func (c *Control) ask(ctx context.Context, kind, changefeed string, body, out any) error {
	msg := &messages.Ask{Kind: kind, Changefeed: changefeed}
	if body != nil {
		var err error
		if msg.Body, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode the question: %w", err)
		}
	}
	root, node := c.through()
	if root == nil {
		return &api.Error{Code: api.NotReady, What: "the node starts over", Fix: "try again in a few seconds"}
	}
	future := root.RequestFuture(node, msg, askTimeout)
	done := make(chan struct{})
	var result any
	var err error
	go func() { // its timeout ends it
		defer close(done)
		result, err = future.Result()
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	reply, ok := result.(*messages.Answer)
	switch {
	case err != nil || !ok:
		return &api.Error{Code: api.NoCoordinator, What: "the coordinator does not answer", Fix: "try again in a few seconds"}
	case reply.Code != "":
		return &api.Error{Code: api.Code(reply.Code), What: reply.What, Where: reply.Where, Fix: reply.Fix}
	case out == nil:
		return nil
	}
	return json.Unmarshal(reply.Body, out)
}

// Changefeeds lists all, by name.
func (c *Control) Changefeeds(ctx context.Context) (feeds []api.Changefeed, err error) {
	err = c.ask(ctx, askChangefeeds, "", nil, &feeds)
	return feeds, err
}

// Changefeed gives one.
func (c *Control) Changefeed(ctx context.Context, name string) (api.Changefeed, error) {
	record, err := c.store.Changefeed(ctx, name)
	if err != nil {
		return api.Changefeed{}, refused(name, err)
	}
	return c.shown(ctx, record), nil
}

// shown gives a changefeed as the coordinator shows it, but with the record as just read: the coordinator may not have
// seen a change yet.
func (c *Control) shown(ctx context.Context, record cluster.Changefeed) api.Changefeed {
	stored := describeRecord(&record)
	var feeds []api.Changefeed
	if err := c.ask(ctx, askChangefeeds, record.Name, nil, &feeds); err != nil || len(feeds) != 1 || feeds[0].UUID != record.UUID {
		return stored
	}
	out := feeds[0]
	if !(out.State == api.Starting && (record.State == cluster.Normal || record.State == cluster.Warning)) {
		out.State = stored.State
	}
	out.From, out.To, out.Config, out.Reason, out.Errors = stored.From, stored.To, stored.Config, stored.Reason, stored.Errors
	return out
}

// refused makes an error of the store one that a caller can do something about.
func refused(name string, err error) error {
	var e *api.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, cluster.ErrNoChangefeed):
		return noChangefeed(name)
	case errors.Is(err, cluster.ErrExists):
		return &api.Error{Code: api.ChangefeedExists, What: "there is a changefeed " + name + " already", Where: "name", Fix: "choose another name, or remove that one first"}
	}
	return err
}

// Create stores a definition; the coordinator finds it there.
func (c *Control) Create(ctx context.Context, s api.Spec) (api.Changefeed, error) {
	given, err := s.Settings()
	if err != nil {
		return api.Changefeed{}, err
	}
	settings, err := c.settings(ctx, given)
	if err != nil {
		return api.Changefeed{}, err
	}
	body, err := json.Marshal(settings)
	if err != nil {
		return api.Changefeed{}, fmt.Errorf("encode the settings: %w", err)
	}
	record, err := cluster.NewChangefeed(s.Name, uuid.NewString(), s.From, s.To, body, time.Now())
	if err != nil {
		return api.Changefeed{}, &api.Error{Code: api.InvalidSetting, What: err.Error()}
	}
	if err := c.store.CreateWith(ctx, record, cluster.URIs{Source: s.From, Sink: s.To}); err != nil {
		return api.Changefeed{}, refused(s.Name, err)
	}
	return c.shown(ctx, record), nil
}

// settings checks a definition and gives it in full.
func (c *Control) settings(ctx context.Context, given *config.Config) (api.Config, error) {
	if err := c.try(ctx, given); err != nil {
		var e *api.Error
		if !errors.As(err, &e) {
			err = &api.Error{Code: api.InvalidSetting, What: err.Error(), Where: "body"}
		}
		return api.Config{}, err
	}
	return api.ConfigOf(given), nil
}

// errState tells that a changefeed is not in a state for what was asked.
func errState(cf *cluster.Changefeed, what, fix string) error {
	return &api.Error{Code: api.WrongState, What: fmt.Sprintf("changefeed %s is %s: %s", cf.Name, cf.State, what), Where: "state", Fix: fix}
}

func runs(cf *cluster.Changefeed) bool {
	return cf.State == cluster.Normal || cf.State == cluster.Warning
}

// Update changes the definition of a changefeed that does not run.
func (c *Control) Update(ctx context.Context, name string, p api.Patch) (api.Changefeed, error) {
	cf, err := c.store.Changefeed(ctx, name)
	if err != nil {
		return api.Changefeed{}, refused(name, err)
	}
	uris, err := c.store.URIs(ctx, name)
	if err != nil && !errors.Is(err, cluster.ErrNoURIs) {
		return api.Changefeed{}, refused(name, err)
	}
	was := describeRecord(&cf)
	switch {
	case p.IfMatch != "" && p.IfMatch != was.Tag():
		return api.Changefeed{}, &api.Error{Code: api.Stale, What: "the definition of " + name + " has changed", Where: "If-Match", Fix: "read it again"}
	case runs(&cf):
		return api.Changefeed{}, errState(&cf, "its definition changes only while it does not run", "pause it first")
	case p.From != nil && !cf.SameSource(*p.From):
		return api.Changefeed{}, &api.Error{Code: api.InvalidSetting, What: "from names another upstream", Where: "body.from", Fix: "create another changefeed for it"}
	case p.To != nil && !cf.SameSink(*p.To):
		return api.Changefeed{}, &api.Error{Code: api.InvalidSetting, What: "to names another downstream", Where: "body.to", Fix: "create another changefeed for it"}
	}
	if p.From != nil {
		uris.Source = *p.From
	}
	if p.To != nil {
		uris.Sink = *p.To
	}
	given, err := was.Config.Apply(p.Config).Settings(name, uris.Source, uris.Sink)
	if err != nil {
		return api.Changefeed{}, err
	}
	settings, err := c.settings(ctx, given)
	if err != nil {
		return api.Changefeed{}, err
	}
	body, err := json.Marshal(settings)
	if err != nil {
		return api.Changefeed{}, fmt.Errorf("encode the settings: %w", err)
	}
	if err := c.store.Configure(ctx, name, cf.Version, body, &uris); err != nil {
		if errors.Is(err, cluster.ErrChanged) {
			err = &api.Error{Code: api.Stale, What: "the definition of " + name + " has changed meanwhile", Fix: "try again"}
		}
		return api.Changefeed{}, refused(name, err)
	}
	return c.Changefeed(ctx, name)
}

// edit changes a record.
func (c *Control) edit(ctx context.Context, name string, change func(*cluster.Changefeed) error) (api.Changefeed, error) {
	if err := c.store.Update(ctx, name, change); err != nil {
		return api.Changefeed{}, refused(name, err)
	}
	return c.Changefeed(ctx, name)
}

// Pause stops a changefeed in order.
func (c *Control) Pause(ctx context.Context, name string) (api.Changefeed, error) {
	return c.edit(ctx, name, func(cf *cluster.Changefeed) error {
		switch {
		case cf.State == cluster.Stopped:
			return nil
		case !runs(cf):
			return errState(cf, "there is nothing to pause", "resume it, or leave it")
		}
		cf.Become(cluster.Status{State: cluster.Stopped})
		return nil
	})
}

// Resume lets a changefeed go on.
func (c *Control) Resume(ctx context.Context, name string, o api.ResumeOptions) (api.Changefeed, error) {
	if o.FromCheckpoint != nil {
		if _, err := c.store.ResetCheckpoint(ctx, name, strconv.FormatUint(uint64(*o.FromCheckpoint), 10)); err != nil {
			return api.Changefeed{}, c.noReset(ctx, name, err)
		}
	}
	return c.edit(ctx, name, func(cf *cluster.Changefeed) error {
		if runs(cf) {
			if o.FromCheckpoint != nil {
				return errState(cf, "it runs", "pause it first")
			}
			return nil
		}
		cf.Become(cluster.Status{State: cluster.Normal})
		return nil
	})
}

func (c *Control) noReset(ctx context.Context, name string, err error) error {
	cf, readErr := c.store.Changefeed(ctx, name)
	switch {
	case readErr != nil:
		return refused(name, readErr)
	case runs(&cf):
		return errState(&cf, "it goes back to a checkpoint only while it does not run", "pause it first")
	case errors.Is(err, cluster.ErrNoSuchCheckpoint) || errors.Is(err, cluster.ErrNoCheckpoint):
		return &api.Error{Code: api.NoSuchCheckpoint, What: err.Error(), Where: "from_checkpoint"}
	}
	return err
}

// Remove forgets a changefeed.
func (c *Control) Remove(ctx context.Context, name string) error {
	if err := c.store.Remove(ctx, name); err != nil {
		return refused(name, err)
	}
	return nil
}

// The bodies of questions about spans.
type (
	moveAsk struct {
		Table api.Table
		Node  string
	}
	splitAsk struct {
		Table api.Table
		Into  int
	}
)

// Move has a table's spans served by a node.
func (c *Control) Move(ctx context.Context, name string, t api.Table, node string) error {
	return c.ask(ctx, askMove, name, moveAsk{t, node}, nil)
}

// Split cuts a table into spans.
func (c *Control) Split(ctx context.Context, name string, t api.Table, into int) error {
	return c.ask(ctx, askSplit, name, splitAsk{t, into}, nil)
}

// Merge makes a table one span again.
func (c *Control) Merge(ctx context.Context, name string, t api.Table) error {
	return c.ask(ctx, askMerge, name, splitAsk{Table: t}, nil)
}

// Spans lists spans.
func (c *Control) Spans(ctx context.Context, name string, q api.SpanQuery) (page api.SpanPage, err error) {
	err = c.ask(ctx, askSpans, name, q, &page)
	return page, err
}

// Barriers lists the barriers in flight.
func (c *Control) Barriers(ctx context.Context, name string) (list []api.Barrier, err error) {
	err = c.ask(ctx, askBarriers, name, nil, &list)
	return list, err
}

// Nodes lists the living nodes.
func (c *Control) Nodes(ctx context.Context) (nodes []api.Node, err error) {
	err = c.ask(ctx, askNodes, "", nil, &nodes)
	return nodes, err
}

// Drain begins to take everything off a node, or ends that.
func (c *Control) Drain(ctx context.Context, node string, undo bool) (api.Node, error) {
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return api.Node{}, err
	}
	staying := 0
	var found *api.Node
	for i := range nodes {
		switch {
		case nodes[i].Name == node:
			found = &nodes[i]
		case nodes[i].State == api.NodeUp:
			staying++
		}
	}
	switch {
	case found == nil:
		return api.Node{}, &api.Error{Code: api.NoSuchNode, What: "no living node is named " + node, Where: "node", Fix: "weir nodes lists them"}
	case staying == 0 && !undo:
		return api.Node{}, &api.Error{Code: api.WrongState, What: "no other node is left to take over what " + node + " has", Where: "node", Fix: "start another node first"}
	}
	if err := c.store.SetDraining(ctx, node, !undo); err != nil {
		return api.Node{}, err
	}
	found.State = api.NodeDraining
	if undo {
		found.State = api.NodeUp
	}
	return *found, nil
}

// Health tells how this node does.
func (c *Control) Health(context.Context) api.Health {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := api.Health{Ready: true, Node: c.name, Coordinator: c.coordinator, Reasons: []string{}}
	if c.root == nil {
		h.Reasons = append(h.Reasons, "the node joins the cluster")
	} else if c.coordinator == "" {
		h.Reasons = append(h.Reasons, "no coordinator is known")
	}
	h.Ready = len(h.Reasons) == 0
	return h
}
