package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	clientv3 "go.etcd.io/etcd/client/v3"
)

var (
	// ErrNoURIs tells that a changefeed was made without its URIs being kept.
	ErrNoURIs = errors.New("the URIs of the changefeed are not kept")
	// ErrChanged tells that somebody else changed a changefeed's configuration meanwhile.
	ErrChanged = errors.New("configuration changed meanwhile")
)

// URIs are the upstream and the downstream of a changefeed, with their secrets: a node that takes over has nobody to
// ask. They have a key of their own, which only that node reads; the record shows them masked. Printed, they are
// masked too.
type URIs struct{ Source, Sink string }

// String masks the secrets.
func (u URIs) String() string {
	source, _ := Mask(u.Source)
	sink, _ := Mask(u.Sink)
	return source + " -> " + sink
}

// GoString masks the secrets.
func (u URIs) GoString() string { return u.String() }

// MarshalJSON masks the secrets.
func (u URIs) MarshalJSON() ([]byte, error) { return json.Marshal(u.String()) }

// storedURIs is what is under the key.
type storedURIs struct {
	Source string `json:"source"`
	Sink   string `json:"sink"`
}

func (u URIs) put(changefeed string) (clientv3.Op, error) {
	value, err := json.Marshal(storedURIs(u))
	if err != nil {
		return clientv3.Op{}, fmt.Errorf("encode the URIs of changefeed %s: %w", changefeed, err)
	}
	return clientv3.OpPut(urisKey+changefeed, string(value)), nil
}

// CreateWith adds a changefeed and keeps its URIs; ErrExists if the name is taken.
func (s *Store) CreateWith(ctx context.Context, cf Changefeed, uris URIs) error {
	if !cf.SameSource(uris.Source) || !cf.SameSink(uris.Sink) {
		return fmt.Errorf("create changefeed %s: the URIs are not those of its record", cf.Name)
	}
	put, err := uris.put(cf.Name)
	if err != nil {
		return err
	}
	return s.create(ctx, cf, put)
}

// URIs reads the URIs of a changefeed; ErrNoURIs if none are kept.
func (s *Store) URIs(ctx context.Context, changefeed string) (URIs, error) {
	var u storedURIs
	revision, err := s.read(ctx, urisKey+changefeed, &u)
	if err != nil {
		return URIs{}, fmt.Errorf("read the URIs of changefeed %s: %w", changefeed, err)
	}
	if revision == 0 {
		return URIs{}, fmt.Errorf("%w: %s: give them by changefeed update", ErrNoURIs, changefeed)
	}
	return URIs(u), nil
}

// Configure gives a changefeed another configuration and, if uris is not nil, other URIs. version is that of the record
// that the caller has seen: if the stored one is another, the error is ErrChanged.
func (s *Store) Configure(ctx context.Context, name string, version uint64, config json.RawMessage, uris *URIs) error {
	for {
		err := s.configure(ctx, name, version, config, uris)
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}

func (s *Store) configure(ctx context.Context, name string, version uint64, config json.RawMessage, uris *URIs) error {
	cf, revision, err := s.changefeed(ctx, name)
	if err != nil {
		return err
	}
	if cf.Version != version {
		return fmt.Errorf("%w: changefeed %s has version %d, not %d: look at it again", ErrChanged, name, cf.Version, version)
	}
	cf.Config = config
	cf.Version++
	var ops []clientv3.Op
	if uris != nil {
		if err := cf.between(uris.Source, uris.Sink); err != nil {
			return err
		}
		put, err := uris.put(name)
		if err != nil {
			return err
		}
		ops = append(ops, put)
	}
	return s.replace(ctx, cf, revision, ops...)
}
