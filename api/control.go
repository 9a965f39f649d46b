package api

import "context"

// A Control answers what is asked of the cluster. Its errors are [*Error] where a caller can do something about them; any
// other error is an internal one. Its methods are called concurrently, and end with their context.
type Control interface {
	FeedControl
	TableControl
	NodeControl
}

// A FeedControl knows the changefeeds and changes their states.
type FeedControl interface {
	// Changefeeds lists all, by name.
	Changefeeds(context.Context) ([]Changefeed, error)
	Changefeed(ctx context.Context, name string) (Changefeed, error)
	// Create answers once the definition is stored; the changefeed then starts by itself.
	Create(context.Context, Spec) (Changefeed, error)
	// Update changes the definition of a changefeed that does not run: stopped, failed or finished. A patch with IfMatch applies
	// only to the definition that has this Tag; else the error has code Stale.
	Update(ctx context.Context, name string, p Patch) (Changefeed, error)
	// Pause stops a changefeed in order; pausing a stopped one changes nothing.
	Pause(ctx context.Context, name string) (Changefeed, error)
	// Resume lets one that does not run go on, from its checkpoint or from the one that is asked for.
	Resume(ctx context.Context, name string, o ResumeOptions) (Changefeed, error)
	// Remove forgets a changefeed with its checkpoint, in any state. What is downstream stays there.
	Remove(ctx context.Context, name string) error
}

// A TableControl tells where the spans of a changefeed's tables are, and places them.
type TableControl interface {
	// Move, Split and Merge answer once the work is accepted; Spans shows how far it is.
	Move(ctx context.Context, name string, t Table, node string) error
	Split(ctx context.Context, name string, t Table, into int) error
	Merge(ctx context.Context, name string, t Table) error
	// Spans lists spans by table, then start, at most q.Limit of them.
	Spans(ctx context.Context, name string, q SpanQuery) (SpanPage, error)
	// Barriers lists the barriers in flight, the oldest first.
	Barriers(ctx context.Context, name string) ([]Barrier, error)
}

// A NodeControl knows the nodes.
type NodeControl interface {
	// Nodes lists the living ones, by name.
	Nodes(context.Context) ([]Node, error)
	// Drain begins to take everything off a node, or with undo ends that. Nodes shows how far it is.
	Drain(ctx context.Context, node string, undo bool) (Node, error)
	// Health tells how the node that is asked does. It must answer at once.
	Health(context.Context) Health
}
