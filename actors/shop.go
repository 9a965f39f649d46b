package actors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sources"
)

// A shop is the Workshop of a cluster's node: it makes the parts of changefeeds out of their records in the store.
type shop struct {
	o      ServeOptions
	member *cluster.Node
	log    *logrus.Entry

	mu       sync.Mutex
	catalogs map[string]*schema.Catalog // by UUID
	open     map[string]*opened         // by UUID
}

// opened is what a changefeed's maintainer here holds open.
type opened struct {
	source sources.Source
	log    *relay.Log
}

func (p *opened) close() {
	_ = p.log.Close()
	_ = p.source.Close()
}

func newShop(o ServeOptions, member *cluster.Node, log *logrus.Entry) *shop {
	return &shop{o: o, member: member, log: log, catalogs: map[string]*schema.Catalog{}, open: map[string]*opened{}}
}

var _ Workshop = (*shop)(nil)

// catalog gives the definitions of a changefeed, which its actors on this node share.
func (s *shop) catalog(uuid string) *schema.Catalog {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.catalogs[uuid] == nil {
		s.catalogs[uuid] = schema.NewCatalog()
	}
	return s.catalogs[uuid]
}

// read gives a changefeed's record and options.
func (s *shop) read(ctx context.Context, name, uuid string) (record cluster.Changefeed, o Options, err error) {
	if record, err = s.o.Store.Changefeed(ctx, name); err != nil {
		return record, o, err
	}
	if record.UUID != uuid {
		return record, o, fmt.Errorf("changefeed %s was made anew", name)
	}
	uris, err := s.o.Store.URIs(ctx, name)
	if err != nil {
		return record, o, err
	}
	var c api.Config
	if err := json.Unmarshal(record.Config, &c); err != nil {
		return record, o, unusable(name, err)
	}
	settings, err := c.Settings(name, uris.Source, uris.Sink)
	if err != nil {
		return record, o, unusable(name, err)
	}
	if o, err = s.o.Build(settings); err != nil {
		return record, o, unusable(name, err)
	}
	o.DataDir, o.Node, o.Log = s.o.DataDir, s.o.Name, s.log
	return record, o, nil
}

func unusable(name string, err error) error {
	return &sources.Fatal{Kind: "definition", Err: fmt.Errorf("the definition of changefeed %s can not be used here: %w; mend it by changefeed update", name, err)}
}

// Feed opens what the changefeed's maintainer stands on.
func (s *shop) Feed(ctx context.Context, name, uuid string) (FeedParts, error) {
	s.release(uuid) // of an earlier life of the node actor
	s.sweep(ctx)
	record, o, err := s.read(ctx, name, uuid)
	if err != nil {
		return FeedParts{}, err
	}
	source, err := sources.Open(o.From, o.Source)
	if err != nil {
		return FeedParts{}, unusable(name, err)
	}
	p := &parts{source: source, record: record}
	if p.goal, err = p.stopAt(ctx, o); err == nil {
		err = p.openLog(o)
	}
	if err != nil {
		_ = source.Close()
		return FeedParts{}, err
	}
	s.mu.Lock()
	s.open[uuid] = &opened{source, p.log}
	s.mu.Unlock()
	m := material{store: s.o.Store, source: source, log: p.log, catalog: s.catalog(uuid), record: record, goal: p.goal}
	made := m.feed(o)
	made.Close = func() { s.release(uuid) }
	return made, nil
}

// Group opens the changefeed's sink.
func (s *shop) Group(ctx context.Context, name, uuid string) (GroupParts, error) {
	record, o, err := s.read(ctx, name, uuid)
	if err != nil {
		return GroupParts{}, err
	}
	source, err := sources.Open(o.From, o.Source) // for its format; it connects to nothing
	if err != nil {
		return GroupParts{}, err
	}
	defer source.Close()
	return material{source: source, catalog: s.catalog(uuid), record: record}.group(o, newPermit(s.member.LeaseValid))
}

func (s *shop) release(uuid string) {
	s.mu.Lock()
	p := s.open[uuid]
	delete(s.open, uuid)
	s.mu.Unlock()
	if p != nil {
		p.close()
	}
}

func (s *shop) close() {
	s.mu.Lock()
	var ids []string
	for id := range s.open {
		ids = append(ids, id)
	}
	s.mu.Unlock()
	for _, id := range ids {
		s.release(id)
	}
}

// sweep removes relay logs of changefeeds that are no more.
func (s *shop) sweep(ctx context.Context) {
	dir := filepath.Join(s.o.DataDir, "relay")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	feeds, err := s.o.Store.Changefeeds(ctx)
	if err != nil {
		return
	}
	for _, e := range entries {
		known := slices.ContainsFunc(feeds, func(cf cluster.Changefeed) bool { return cf.UUID == e.Name() })
		if e.IsDir() && !known {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				s.log.WithError(err).Warn("remove the relay log of a changefeed that is no more")
			}
		}
	}
}

// openable tells whether the sink's URI can be used.
func openable(o Options) error {
	_, err := sinks.Open(o.To, sinks.Env{Changefeed: o.Changefeed, Catalog: schema.NewCatalog(), Log: o.Log})
	return err
}
