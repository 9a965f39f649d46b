package storage_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sinks"
	"github.com/weir-cdc/weir/sinks/sinktest"
	"github.com/weir-cdc/weir/sinks/storage"
)

// ts is the commit-ts of the n-th transaction of 2023-11-14.
func ts(n uint64) uint64 { return 1_700_000_000_000<<18 + n }

const day = 86_400_000 << 18

func TestOptions(t *testing.T) {
	for uri, want := range map[string]string{
		"file://tmp/out":                                             "file:///path",
		"file:///tmp/out?protocol=xml":                               "csv",
		"file:///tmp/out?flush-interval=5":                           "like 5s",
		"file:///tmp/out?file-size=many":                             "64MiB",
		"file:///tmp/out?worker-count=0":                             "from 1",
		"file:///tmp/out?date-separator=week":                        "none, year, month or day",
		"file:///tmp/out?file-index-digit=2":                         "from 6 to 20",
		"file:///tmp/out?use-table-id-as-path=yes":                   "true or false",
		"file:///tmp/out?colour=red":                                 "colour",
		"file:///tmp/out?file-expiration-days=3&date-separator=none": "date-separator=day",
		"s4:///tmp/out":                                              "file://",
	} {
		if _, err := sinks.Open(uri, sinks.Env{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error that tells of %q", uri, err, want)
		}
	}
}

// TestFolder tells whose folder it is.
func TestFolder(t *testing.T) {
	state := func(dir, options string, change func(*sinks.Env)) string {
		open := opener(t, dir, options)
		w := sinktest.NewWorld(t, func(env sinks.Env) *actor.Props {
			change(&env)
			return open(env)
		})
		defer w.Stop()
		return w.Owner.AwaitState(messages.ErrorKind_ERROR_FATAL).Reason
	}
	same := func(*sinks.Env) {}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := state(foreign, "", same); len(find(t, foreign, func(string) bool { return true })) != 1 || !strings.Contains(got, "thesis.txt") || !strings.Contains(got, "empty folder") {
		t.Errorf("a folder with foreign files: %s", got)
	}
	if err := os.WriteFile(filepath.Join(foreign, "file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := state(filepath.Join(foreign, "file"), "", same); !strings.Contains(got, "no folder") {
		t.Errorf("a file for a folder: %s", got)
	}

	dir := t.TempDir()
	w := sinktest.NewWorld(t, opener(t, dir, ""))
	holder := w.Probe("trigger", nil)
	holder.Syncpoint(ts(1), "x")
	if got := state(dir, "", same); !strings.Contains(got, "another process") {
		t.Errorf("a folder in use: %s", got)
	}
	w.Stop()
	for want, try := range map[string]func() string{
		`changefeed "test", not "other"`: func() string { return state(dir, "", func(e *sinks.Env) { e.Changefeed = "other" }) },
		"an earlier changefeed":          func() string { return state(dir, "", func(e *sinks.Env) { e.ID = "2" }) },
		"date-separator day, not month":  func() string { return state(dir, "&date-separator=month", same) },
		"file-index-digit 20, not 6":     func() string { return state(dir, "&file-index-digit=6", same) },
		"use-table-id-as-path false":     func() string { return state(dir, "&use-table-id-as-path=true", same) },
	} {
		if got := try(); !strings.Contains(got, want) || !strings.Contains(got, dir) {
			t.Errorf("got %s, want one that tells of %q and the folder", got, want)
		}
	}
}

// TestTree writes a bit of everything and looks at the tree.
func TestTree(t *testing.T) {
	dir := t.TempDir()
	w := sinktest.NewWorld(t, opener(t, dir, "&file-index-digit=6&flush-interval=1h"))
	odd := w.Publish(sinktest.Table(1, ts(0), "shop", "../up"))
	p := w.Probe("d1", sinktest.Whole(odd))
	p.Write(sinktest.Batch(odd, sinktest.Insert(ts(1), 0, `a "quoted", line`, 1)))
	p.Flush()
	p.Write(sinktest.Batch(odd, sinktest.Insert(ts(2), 0, "b", 2), sinktest.Insert(ts(2)+day, 0, "c", 3)))
	p.Flush()
	altered := w.Publish(sinktest.Table(1, ts(3)+day, "shop", "../up"))
	p.Execute(&messages.DDL{CommitTs: ts(3) + day, Kind: uint32(schema.ModifyColumn), Query: "ALTER ...",
		Changes: []*messages.TableChange{{Before: sinktest.Ref(odd), After: sinktest.Ref(altered)}}})
	p.Write(sinktest.Batch(odd, sinktest.Insert(ts(2)+day, 7, "never", 9))) // a row at or below the DDL, from nowhere
	p.Flush()
	p.Write(sinktest.Batch(altered, sinktest.Insert(ts(4)+day, 0, "d", 4)))
	p.Flush()
	p.Execute(&messages.DDL{CommitTs: ts(5) + day, Kind: uint32(schema.DropTable), Query: "DROP TABLE ...",
		Changes: []*messages.TableChange{{Before: sinktest.Ref(altered)}}})
	p.Execute(&messages.DDL{CommitTs: ts(6) + day, Kind: uint32(schema.CreateSchema), Query: "CREATE DATABASE metadata", Database: "metadata"})
	p.Send(&messages.Checkpoint{CommitTs: ts(7) + day})
	p.Syncpoint(ts(7)+day, "0-1-5")
	w.Stop()

	v0, v1 := fmt.Sprintf("shop/%%2E.%%2Fup/%d/", ts(0)), fmt.Sprintf("shop/%%2E.%%2Fup/%d/", ts(3)+day)
	meta := "shop/%2E.%2Fup/meta/schema_"
	want := []string{
		".weir.json", ".weir.lock", fmt.Sprintf("%%6Detadata/meta/schema_%d_2799242869.json", ts(6)+day),
		v0 + "2023-11-14/CDC000001.csv", v0 + "2023-11-14/CDC000002.csv", v0 + "2023-11-14/meta/CDC.index",
		v0 + "2023-11-15/CDC000001.csv", v0 + "2023-11-15/meta/CDC.index", v0 + "meta/CDC.json",
		v1 + "2023-11-15/CDC000001.csv", v1 + "2023-11-15/meta/CDC.index", v1 + "meta/CDC.json",
		fmt.Sprint(meta, ts(0), "_"), fmt.Sprint(meta, ts(3)+day, "_"), fmt.Sprint(meta, ts(5)+day, "_"),
		"metadata", fmt.Sprintf("syncpoints/%020d.json", ts(7)+day),
	}
	var got []string
	for _, path := range find(t, dir, func(string) bool { return true }) {
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(rel, meta) {
			rel = rel[:strings.LastIndex(rel, "_")+1]
		}
		got = append(got, rel)
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the tree is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	wantFile(t, filepath.Join(dir, v0+"2023-11-14/CDC000001.csv"), fmt.Sprintf("\"I\",\"../up\",\"shop\",%d,1,\"a \"\"quoted\"\", line\"\r\n", ts(1)))
	wantFile(t, filepath.Join(dir, v0+"2023-11-14/meta/CDC.index"), "CDC000002.csv\n")
	wantFile(t, filepath.Join(dir, "metadata"), fmt.Sprintf(`{"checkpoint-ts":%d}`, ts(7)+day))
	kinds := map[schema.Kind]string{}
	for _, f := range readSchemas(t, dir) {
		kinds[f.Type] = f.Schema + "|" + f.Table + "|" + f.Query
	}
	wantKinds := map[schema.Kind]string{0: "shop|../up|", schema.ModifyColumn: "shop|../up|ALTER ...",
		schema.DropTable: "shop|../up|DROP TABLE ...", schema.CreateSchema: "metadata||CREATE DATABASE metadata"}
	if !maps.Equal(kinds, wantKinds) {
		t.Errorf("the schema files are %v, want %v", kinds, wantKinds)
	}
	points, err := storage.Syncpoints(dir)
	if err != nil || len(points) != 1 || points[0].SourcePosition != "0-1-5" || points[0].WallTime.Format("2006-01-02") != "2023-11-15" {
		t.Errorf("the syncpoints are %v, %v", points, err)
	}
}

func wantFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q (%v), want %q", path, got, err, want)
	}
}

// TestSeveralTables: a DDL over tables writes a schema file for each, and a database's DDL one alone.
func TestSeveralTables(t *testing.T) {
	dir := t.TempDir()
	w := sinktest.NewWorld(t, opener(t, dir, ""))
	a, b := w.Publish(sinktest.Table(1, ts(0), "shop", "a")), w.Publish(sinktest.Table(2, ts(0), "shop", "b"))
	a2, b2 := w.Publish(sinktest.Table(1, ts(1), "shop", "b")), w.Publish(sinktest.Table(2, ts(1), "shop", "a"))
	p := w.Probe("trigger", nil)
	p.Execute(&messages.DDL{CommitTs: ts(1), Kind: uint32(schema.RenameTable), Query: "RENAME TABLE a TO x, b TO a, x TO b", Schema: "shop",
		Changes: []*messages.TableChange{{Before: sinktest.Ref(a), After: sinktest.Ref(a2)}, {Before: sinktest.Ref(b), After: sinktest.Ref(b2)}}})
	p.Execute(&messages.DDL{CommitTs: ts(2), Kind: uint32(schema.DropSchema), Query: "DROP DATABASE shop", Database: "shop",
		Changes: []*messages.TableChange{{Before: sinktest.Ref(a2)}, {Before: sinktest.Ref(b2)}}})
	var got []string
	for path, f := range readSchemas(t, dir) {
		got = append(got, filepath.Dir(path)+" "+f.Table+" "+f.Query)
	}
	slices.Sort(got)
	want := []string{"shop/a/meta a RENAME TABLE a TO x, b TO a, x TO b", "shop/b/meta b RENAME TABLE a TO x, b TO a, x TO b", "shop/meta  DROP DATABASE shop"}
	if !slices.Equal(got, want) {
		t.Errorf("the schema files are %q, want %q", got, want)
	}
}

// TestClaimBeforeCheckpoint: a folder whose claim was not permitted yet gets no metadata, which another process would take
// for somebody else's.
func TestClaimBeforeCheckpoint(t *testing.T) {
	dir := t.TempDir()
	open := opener(t, dir, "")
	var asked atomic.Int32
	w := sinktest.NewWorld(t, func(env sinks.Env) *actor.Props {
		env.Shared, env.Retry = true, sinks.Backoff{First: time.Second, Most: time.Second}
		env.Permit = func() error {
			if asked.Add(1) == 1 {
				return errors.New("not yet")
			}
			return nil
		}
		return open(env)
	})
	defer w.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for asked.Load() == 0 {
		<-tick.C
	}
	w.Owner.Send(&messages.Checkpoint{CommitTs: 5})
	for there := false; !there; <-tick.C {
		_, err := os.Stat(filepath.Join(dir, "metadata"))
		there = err == nil
		if _, err := os.Stat(filepath.Join(dir, ".weir.json")); there && err != nil {
			t.Fatalf("metadata is there, and the folder is nobody's: %v", err)
		}
	}
}

// TestCheckpoint: metadata never goes back.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	w := sinktest.NewWorld(t, opener(t, dir, ""))
	for _, n := range []uint64{5, 9, 7} {
		w.Owner.Send(&messages.Checkpoint{CommitTs: n})
	}
	w.Probe("trigger", nil).Syncpoint(ts(1), "x")
	w.Stop()
	w.Start(opener(t, dir, ""))
	w.Owner.Send(&messages.Checkpoint{CommitTs: 8})
	w.Probe("trigger", nil).Syncpoint(ts(2), "x")
	w.Stop()
	var m map[string]uint64
	data, err := os.ReadFile(filepath.Join(dir, "metadata"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &m); err != nil || m["checkpoint-ts"] != 9 {
		t.Errorf("metadata holds %s, want 9", data)
	}
}
