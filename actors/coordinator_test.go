package actors

import (
	"errors"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/cluster"
)

func record(name, uuid string) cluster.Changefeed {
	return cluster.Changefeed{Name: name, UUID: uuid, State: cluster.Normal}
}

func idleCoordinator() *coordinator { return newCoordinator(CoordinatorOptions{Entry: quietEntry()}) }

// A coordinator that knows the nodes but not yet the changefeeds tells nobody to run nothing. (It would ask for its lease
// first, and has none.)
func TestCoordinatorWaitsForTheChangefeeds(t *testing.T) {
	w := newFeederWorld(t)
	c := idleCoordinator()
	w.do(func(ctx actor.Context) {
		c.term, c.counted, c.nodes = 7, true, []cluster.NodeInfo{{Incarnation: "n1"}}
		number := c.number
		c.decide(ctx)
		if c.number != number {
			t.Error("it told the nodes something")
		}
	})
}

// The owner of a changefeed that was removed is not that of the next one of its name: the store knows of none.
func TestAChangefeedMadeAnewHasNoOwner(t *testing.T) {
	w := newFeederWorld(t)
	for name, c := range map[string]struct {
		uuid string // of the changefeed for which an owner was stored
		err  error
		want string
	}{
		"stored":                        {"u2", nil, "n2"},
		"stored for the one before":     {"u1", nil, ""},
		"perhaps stored":                {"u2", errors.New("timeout"), ""},
		"perhaps for the one before it": {"u1", errors.New("timeout"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			co := idleCoordinator()
			co.owners["f"] = "n1"
			w.do(func(ctx actor.Context) {
				co.onFeeds(ctx, []cluster.Changefeed{record("f", "u1")})
				if got := co.feeds["f"].owner; got != "n1" {
					t.Errorf("owner %q, want n1", got)
				}
				co.giving["f"] = true
				co.onFeeds(ctx, []cluster.Changefeed{record("f", "u2")})
				if got := co.feeds["f"].owner; got != "" || !co.giving["f"] {
					t.Errorf("owner %q, want none, and no other before the store has answered", got)
				}
				co.onOwner(ctx, &ownerStored{name: "f", uuid: c.uuid, owner: "n2", err: c.err})
				co.onFeeds(ctx, []cluster.Changefeed{record("f", "u2")})
				if got := co.feeds["f"].owner; got != c.want || co.giving["f"] {
					t.Errorf("owner %q, want %q", got, c.want)
				}
			})
		})
	}
}

// A coordinator that is made anew in its term goes on with higher numbers, else no node would hear it.
func TestAssignNumbersGrowOverLives(t *testing.T) {
	c := idleCoordinator()
	for range 1000 {
		c.number++
	}
	if next := idleCoordinator(); next.number <= c.number {
		t.Errorf("%d after %d", next.number, c.number)
	}
}
