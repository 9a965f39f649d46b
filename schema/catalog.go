package schema

import (
	"slices"
	"sync"
)

// A Catalog holds the published table definitions of one changefeed on one node, every version that may still be
// asked for. Whoever reads the stream publishes; sinks look up by (id, version). It is safe for concurrent use.
type Catalog struct {
	mu     sync.RWMutex
	tables map[TableID][]*Table // by version, ascending
}

// NewCatalog makes an empty Catalog.
func NewCatalog() *Catalog { return &Catalog{tables: map[TableID][]*Table{}} }

// Publish adds a definition; publishing the same (id, version) again replaces it.
func (c *Catalog) Publish(t *Table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	versions := c.tables[t.ID]
	i, found := slices.BinarySearchFunc(versions, t.Version, compareVersion)
	if found {
		versions = slices.Clone(versions)
		versions[i] = t
	} else {
		versions = slices.Insert(slices.Clone(versions), i, t)
	}
	c.tables[t.ID] = versions
}

// Table gives the definition of exactly this version.
func (c *Catalog) Table(id TableID, version uint64) (*Table, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	versions := c.tables[id]
	i, found := slices.BinarySearchFunc(versions, version, compareVersion)
	if !found {
		return nil, false
	}
	return versions[i], true
}

// At gives the newest definition of the table whose version is at or below commit-ts ts.
func (c *Catalog) At(id TableID, ts uint64) (*Table, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	versions := c.tables[id]
	i, found := slices.BinarySearchFunc(versions, ts, compareVersion)
	if !found {
		i--
	}
	if i < 0 {
		return nil, false
	}
	return versions[i], true
}

// Compact forgets versions that no row above commit-ts ts can belong to: all below the newest one at or below ts.
func (c *Catalog) Compact(ts uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, versions := range c.tables {
		i, found := slices.BinarySearchFunc(versions, ts, compareVersion)
		if !found {
			i--
		}
		if i > 0 {
			c.tables[id] = slices.Clone(versions[i:])
		}
	}
}

func compareVersion(t *Table, version uint64) int {
	switch {
	case t.Version < version:
		return -1
	case t.Version > version:
		return 1
	}
	return 0
}
