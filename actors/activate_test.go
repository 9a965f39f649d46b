package actors

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/cluster"
	"github.com/weir-cdc/weir/filter"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources/workload"
)

// newActivations gives what the activations of a new changefeed need.
func newActivations(t *testing.T) ActivationOptions {
	ctx := t.Context()
	quiet := logrus.New()
	quiet.SetOutput(io.Discard)
	etcd, err := cluster.Embed(ctx, cluster.EmbedOptions{Dir: t.TempDir(), Log: logrus.NewEntry(quiet)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = etcd.Close() })
	store := cluster.NewStore(etcd.Client())
	record, err := cluster.NewChangefeed("test", "1", bankURI, "blackhole://", nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Create(ctx, record); err != nil {
		t.Fatal(err)
	}
	source, err := workload.Open(bankURI)
	if err != nil {
		t.Fatal(err)
	}
	return ActivationOptions{
		Changefeed: "test", Store: store, Source: source, StartAt: "earliest", Catalog: schema.NewCatalog(), Tables: filter.All(),
		Warn: func(text string) { t.Log(text) },
	}
}

func activateForTest(t *testing.T, o ActivationOptions) *activation {
	t.Helper()
	a, err := activateFeed(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.end)
	return a
}

// tablesAt are the replicated tables that an activation finds at ts.
func tablesAt(t *testing.T, a *activation, ts uint64) map[int64]bool {
	t.Helper()
	tables, err := a.restore(t.Context(), ts)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[int64]bool{}
	for _, table := range tables {
		ids[int64(table.ID)] = true
	}
	return ids
}

// Activations in quick succession, each of which breaks down before its live walk has told anything, find the tables that
// were made above the checkpoint as long as the table trigger lives that has passed them.
func TestQuickActivationsKeepTablesAboveTheCheckpoint(t *testing.T) {
	o := newActivations(t)
	first := activateForTest(t, o)
	at := first.checkpoint.CommitTs
	before := tablesAt(t, first, at)
	if _, _, err := first.live.Apply(&schema.Statement{CommitTs: at + 10, Default: "bank", Query: "create table made_above (id int primary key)"}); err != nil {
		t.Fatal(err)
	}
	for life := range 3 {
		got := tablesAt(t, activateForTest(t, o), at+10)
		if len(got) != len(before)+1 {
			t.Fatalf("activation %d: got %d tables, want %d and the one that was made", life+2, len(got), len(before))
		}
	}
}
