package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sources"
)

// material is what a changefeed's actors on one node stand on. A group needs no log.
type material struct {
	store   *cluster.Store
	source  sources.Source
	log     *relay.Log
	catalog *schema.Catalog
	record  cluster.Changefeed
	goal    string
}

// feed gives the puller and the maintainer.
func (m material) feed(o Options) FeedParts {
	entry := o.Log.WithField("changefeed", o.Changefeed)
	return FeedParts{
		Puller: func(maintainer *actor.PID) *actor.Props { return NewPuller(m.source, m.log, maintainer, entry) },
		Maintainer: func(at MaintainerPlace) *actor.Props {
			return NewMaintainer(MaintainerOptions{
				Changefeed: o.Changefeed, UUID: m.record.UUID,
				Activation: ActivationOptions{
					Changefeed: o.Changefeed, Store: m.store, Source: m.source, StartAt: o.StartAt, Catalog: m.catalog, Tables: o.Tables,
					Warn: func(text string) { entry.Warn(text) },
				},
				Source: m.source, Log: m.log, SyncpointMs: uint64(o.SyncpointInterval.Milliseconds()), Memory: o.Memory,
				Goal: m.goal, GiveUpAfter: o.GiveUpAfter, Schedule: o.Schedule, Entry: entry,
				Puller: at.Puller, Home: at.Home, Node: at.Node, Group: at.Group, Grants: at.Grants, Lease: at.Lease,
			})
		},
	}
}

// group gives the group, whose sink asks the permit before it commits; nil: it needs none.
func (m material) group(o Options, p *permit) (GroupParts, error) {
	entry := o.Log.WithField("changefeed", o.Changefeed)
	env := sinks.Env{
		Changefeed: o.Changefeed, ID: m.record.UUID, Catalog: m.catalog, Format: m.source.Format(), Node: o.Node, Log: entry,
	}
	if p != nil {
		env.Shared, env.Permit = true, p.check
	}
	sink, err := sinks.Open(o.To, env)
	if err != nil {
		return GroupParts{}, &sources.Fatal{Kind: "sink", Err: err}
	}
	return GroupParts{Group: func(maintainer *actor.PID) *actor.Props {
		return NewGroup(GroupOptions{
			Changefeed: o.Changefeed, Maintainer: maintainer, Sink: sink, Permit: p, Catalog: m.catalog, Entry: entry,
		})
	}}, nil
}
