package sinks

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
)

// An Env is what a sink is given by whoever starts it.
type Env struct {
	// Changefeed names the replication task, and ID tells it from others of the same name: an earlier one that was
	// removed. The downstream's record of its owner holds both.
	Changefeed, ID string
	// Catalog resolves the (table id, version) of a batch.
	Catalog *schema.Catalog
	// Format reads the source's row images.
	Format rows.Format
	// Log carries the changefeed's fields.
	Log *logrus.Entry
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Owner is told SinkState and SinkStarted; nil means the sink's parent.
	Owner *actor.PID
	// Retry is the backoff after an error; the zero value means 1 s to 1 min.
	Retry Backoff
	// Permit is asked right before each step that a reader of the downstream, or another node, could see. An error
	// means: write nothing now. Nil means always allowed. It is called from any goroutine, and does not block.
	Permit func() error
	// Shared tells that other processes write to the same downstream under the same changefeed, each its own spans. What
	// a process does late, after another has taken its spans over, must not show: see package doc.
	Shared bool
	// Node is the name of this node, for logs.
	Node string
}

// withDefaults fills in what may be left out.
func (e Env) withDefaults() Env {
	if e.Now == nil {
		e.Now = time.Now
	}
	if e.Log == nil {
		e.Log = logrus.NewEntry(logrus.StandardLogger())
	}
	if e.Node != "" {
		e.Log = e.Log.WithField("node", e.Node)
	}
	if e.Catalog == nil {
		e.Catalog = schema.NewCatalog()
	}
	e.Retry = e.Retry.withDefaults()
	return e
}

// An Opener makes a sink out of its URI: it checks the URI and its options, and touches no downstream. What is wrong
// with the downstream itself is told by SinkState.
type Opener func(u *url.URL, env Env) (*actor.Props, error)

var openers = map[string]Opener{}

// Register makes a URI scheme known to Open. It is called from init functions only, and panics on a repeated scheme.
func Register(scheme string, open Opener) {
	if _, taken := openers[scheme]; taken {
		panic("sinks: scheme " + scheme + " is registered twice")
	}
	openers[scheme] = open
}

// Schemes lists the registered schemes, sorted.
func Schemes() []string { return slices.Sorted(maps.Keys(openers)) }

// Open makes the sink that a URI names.
func Open(uri string, env Env) (*actor.Props, error) {
	u, err := url.Parse(uri)
	if err != nil {
		// The parser's error repeats the whole URI, which may hold a password.
		return nil, fmt.Errorf("parse the sink URI: it is no URI: use one like %s", examples())
	}
	open, ok := openers[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("unknown sink scheme %q: use one like %s", u.Scheme, examples())
	}
	props, err := open(u, env.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("sink %s: %w", u.Scheme, err)
	}
	return props, nil
}

func examples() string {
	list := make([]string, 0, len(openers))
	for _, s := range Schemes() {
		list = append(list, s+"://...")
	}
	return strings.Join(list, " or ")
}

// A Backoff spaces retries: First, then twice as long each time, up to Most.
type Backoff struct{ First, Most time.Duration }

func (b Backoff) withDefaults() Backoff {
	if b.First <= 0 {
		b.First = time.Second
	}
	if b.Most <= 0 {
		b.Most = time.Minute
	}
	return b
}

// After is the pause after the n-th failure in a row, n from 1.
func (b Backoff) After(n int) time.Duration {
	d := b.First
	for ; n > 1 && d < b.Most; n-- {
		d *= 2
	}
	return min(d, b.Most)
}
