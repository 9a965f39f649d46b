package feed

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/messages"
	"github.com/weir-cdc/weir/relay"
	"github.com/weir-cdc/weir/rows"
	"github.com/weir-cdc/weir/schema"
	"github.com/weir-cdc/weir/sources"
)

// names is a Definitions with fixed tables; a DDL raises the version of the table that its query names.
type names map[string]*schema.Table

func (n names) Table(ref schema.Ref, _ *schema.Table, _ uint64) (*schema.Table, error) {
	if ref.Name == "broken" {
		return nil, errors.New("column a is missing")
	}
	return n[ref.Name], nil
}

func (n names) Apply(s *schema.Statement) (*schema.DDL, []schema.TableID, error) {
	before := n[s.Query]
	if before == nil {
		return nil, nil, nil
	}
	after := *before
	after.Version = s.CommitTs
	n[s.Query] = &after
	return &schema.DDL{CommitTs: s.CommitTs, Kind: schema.AddColumn, Influence: schema.Normal,
		Changes: []schema.Change{{Before: before, After: &after}}}, nil, nil
}

func twoTables() names {
	return names{"a": {ID: 1, Version: 5, Schema: "s", Name: "a"}, "b": {ID: 2, Version: 5, Schema: "s", Name: "b"}}
}

// stream is a short way to write what a walker tells: "a@10.0" rows of a at commit-ts 10, "ddl a@11", "commit 11".
func stream(t *testing.T, c *Cutter, script ...string) {
	t.Helper()
	for _, step := range script {
		var name string
		var ts uint64
		var ordinal uint32
		var err error
		switch {
		case strings.HasPrefix(step, "commit "):
			fmt.Sscanf(step, "commit %d", &ts)
			err = c.Commit(relay.Mark{Ts: ts, Position: fmt.Sprint("p", ts)}, int64(ts))
		case strings.HasPrefix(step, "part "):
			fmt.Sscanf(step, "part %d", &ts)
			err = c.Commit(relay.Mark{Ts: ts}, int64(ts))
		case strings.HasPrefix(step, "ddl "):
			fmt.Sscanf(strings.Replace(step, "@", " ", 1), "ddl %s %d", &name, &ts)
			err = c.DDL(&schema.Statement{CommitTs: ts, Query: name})
		default:
			fmt.Sscanf(strings.NewReplacer("@", " ", ".", " ").Replace(step), "%s %d %d", &name, &ts, &ordinal)
			err = c.Rows(&sources.RowsEvent{CommitTs: ts, Ordinal: ordinal, Table: schema.Ref{Schema: "s", Name: name},
				Op: rows.Insert, Body: []byte("row of " + name), Layout: []byte("layout")})
		}
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
	}
}

func describe(s Segment) string {
	var b strings.Builder
	for _, i := range s.Items {
		switch {
		case i.Batch != nil:
			fmt.Fprintf(&b, "t%d v%d:", i.Batch.TableId, i.Batch.TableVersion)
			for _, c := range i.Batch.Chunks {
				fmt.Fprintf(&b, " %d.%d", c.CommitTs, c.Ordinal)
			}
		case i.Event.Key.Kind == messages.EventKind_EVENT_SYNCPOINT:
			fmt.Fprintf(&b, "syncpoint %d at %s", i.Event.Key.CommitTs, i.Event.SourcePosition)
		default:
			fmt.Fprintf(&b, "ddl %d tables %v", i.Event.Key.CommitTs, i.Event.Info.Tables)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "resolved %d", s.Resolved)
	return b.String()
}

func TestCutter(t *testing.T) {
	for _, c := range []struct {
		name             string
		skip, syncpoints uint64
		from             uint64
		script           []string
		want             string
	}{
		{
			name:   "one batch a table, and one transaction may fill several",
			script: []string{"a@10.0", "b@10.1", "commit 10", "a@11.0", "commit 11"},
			want:   "t1 v5: 10.0 11.0\nt2 v5: 10.1\nresolved 11",
		},
		{
			name:   "a DDL parts the rows before it from those behind, which have the new version",
			script: []string{"a@10.0", "commit 10", "ddl a@11", "commit 11", "a@12.0", "commit 12"},
			want:   "t1 v5: 10.0\nddl 11 tables [1]\nt1 v11: 12.0\nresolved 12",
		},
		{
			name:   "a statement about nothing replicated is no event",
			script: []string{"a@10.0", "commit 10", "ddl x@11", "commit 11", "a@12.0", "commit 12"},
			want:   "t1 v5: 10.0\nt1 v5: 12.0\nresolved 12",
		},
		{
			name:   "tables that nobody replicates leave nothing",
			script: []string{"x@10.0", "commit 10"},
			want:   "resolved 10",
		},
		{
			name: "what is at or below the start is passed over",
			skip: 11, script: []string{"a@10.0", "commit 10", "ddl a@11", "commit 11", "a@12.0", "commit 12"},
			want: "t1 v5: 12.0\nresolved 12",
		},
		{
			name: "an unfinished transaction resolves nothing", script: []string{"a@10.0", "commit 10", "a@11.0"},
			want: "t1 v5: 10.0 11.0\nresolved 10",
		},
		{
			name: "a syncpoint stands behind the first transaction past the boundary, and behind its DDL",
			from: 90 << syncpointShift, syncpoints: 100,
			script: []string{
				fmt.Sprintf("a@%d.0", 95<<syncpointShift), fmt.Sprintf("commit %d", 95<<syncpointShift),
				fmt.Sprintf("ddl a@%d", 205<<syncpointShift), fmt.Sprintf("commit %d", 205<<syncpointShift),
				fmt.Sprintf("a@%d.0", 206<<syncpointShift), fmt.Sprintf("commit %d", 206<<syncpointShift),
			},
			want: fmt.Sprintf("t1 v5: %d.0\nddl %d tables [1]\nsyncpoint %[2]d at p%[2]d\nt1 v%[2]d: %d.0\nresolved %[3]d",
				95<<syncpointShift, 205<<syncpointShift, 206<<syncpointShift),
		},
		{
			name: "a syncpoint waits for the end of the upstream's transaction",
			from: 90 << syncpointShift, syncpoints: 100,
			script: []string{
				fmt.Sprintf("ddl a@%d", 205<<syncpointShift), fmt.Sprintf("part %d", 205<<syncpointShift),
				fmt.Sprintf("a@%d.0", 206<<syncpointShift), fmt.Sprintf("commit %d", 206<<syncpointShift),
			},
			want: fmt.Sprintf("ddl %d tables [1]\nt1 v%[1]d: %d.0\nsyncpoint %[2]d at p%[2]d\nresolved %[2]d",
				205<<syncpointShift, 206<<syncpointShift),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			cutter := NewCutter(twoTables(), relay.Mark{Ts: c.from}, c.skip, c.syncpoints)
			stream(t, cutter, c.script...)
			if got := describe(cutter.Take(1000)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// The boundaries of syncpoints follow from the stream alone: a walk from any mark finds the same ones.
func TestSyncpointsDoNotDependOnWhereTheWalkBegan(t *testing.T) {
	var whole, from []string
	collect := func(start uint64, into *[]string) {
		c := NewCutter(twoTables(), relay.Mark{Ts: start << syncpointShift}, 0, 10)
		for ms := start + 3; ms < 200; ms += 3 {
			if err := c.Commit(relay.Mark{Ts: ms << syncpointShift, Position: "p"}, int64(ms)); err != nil {
				t.Fatal(err)
			}
		}
		for _, i := range c.Take(0).Items {
			if ms := i.Event.Key.CommitTs >> syncpointShift; ms > 93 {
				*into = append(*into, fmt.Sprint(ms))
			}
		}
	}
	collect(30, &whole)
	collect(93, &from)
	if len(whole) == 0 || fmt.Sprint(whole) != fmt.Sprint(from) {
		t.Errorf("from 30: %v, from 93: %v", whole, from)
	}
}

func TestRowsThatCannotBeReadNameTheTable(t *testing.T) {
	c := NewCutter(twoTables(), relay.Mark{}, 0, 0)
	err := c.Rows(&sources.RowsEvent{CommitTs: 7, Table: schema.Ref{Schema: "s", Name: "broken"}, Body: []byte{1}})
	if err == nil || !strings.Contains(err.Error(), "s.broken at commit-ts 7: column a is missing") {
		t.Errorf("got %v", err)
	}
}

// Few rows among many bytes are copied out, lest they hold all the bytes in memory.
func TestSparseRowsAreCopied(t *testing.T) {
	big := make([]byte, 1<<20)
	copy(big, "layoutbody")
	c := NewCutter(twoTables(), relay.Mark{}, 0, 0)
	for i := range uint32(2) {
		if err := c.Rows(&sources.RowsEvent{CommitTs: 9, Ordinal: i, Table: schema.Ref{Schema: "s", Name: "a"}, Op: rows.Insert,
			Layout: big[:6:6], Body: big[6:10:10]}); err != nil {
			t.Fatal(err)
		}
	}
	seg := c.Take(len(big))
	copy(big, "XXXXXXXXXX")
	for _, chunk := range seg.Items[0].Batch.Chunks {
		if string(chunk.Layout) != "layout" || string(chunk.Body) != "body" {
			t.Errorf("the chunk changed with the block: layout %q, body %q", chunk.Layout, chunk.Body)
		}
	}
}
