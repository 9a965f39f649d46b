package matrix

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/cluster"
	"github.com/weir-cdc/weir/test/replay"
)

// A trial is a cell while it is tried.
type trial struct {
	cell
	*round
	name    string // of the changefeed
	db      string
	feed    *cluster.Feed
	tables  []string                  // of db that can be written to now
	cut     map[string]map[string]int // what the upstream held right after the statement, by table
	err     error
	end     error // why it is not at the end
	seconds float64
	// way is where a dispatcher on its way out or in is held too; "" nowhere.
	way string
}

// patience bounds how long the cluster may take to get ready for a crash.
const patience = 30 * time.Second

// prepare makes the cell's tables, empty, and its changefeed.
func (r *round) prepare(c cell) *trial {
	r.serial++
	x := &trial{cell: c, round: r, db: fmt.Sprintf("c%d", r.serial), tables: []string{"t1", "t2", "t3"}}
	x.name = strings.ReplaceAll(fmt.Sprintf("%s-%s-%s", x.db, c.statement, c.shape), " ", "-")
	r.server.MustExec(r.t, fmt.Sprintf("CREATE DATABASE %s; CREATE DATABASE %[1]s_x; CREATE TABLE %[1]s_x.fin (%s)", x.db, columns))
	for _, t := range x.tables {
		r.server.MustExec(r.t, fmt.Sprintf("CREATE TABLE %s.%s (%s)", x.db, t, columns))
	}
	interval := "0s"
	if c.shape == syncpoint {
		interval = "1s"
	}
	var position string
	if err := r.server.DB().QueryRowContext(r.t.Context(), "SELECT @@gtid_binlog_pos").Scan(&position); err != nil {
		r.t.Fatal(err)
	}
	x.feed = r.Create(x.name, cluster.FeedOptions{Server: r.server, Config: api.ConfigPatch{
		Tables: &[]string{x.db + ".*", x.db + "_x.*"}, StartAt: pointer("gtid:" + position), SyncpointInterval: &interval,
	}})
	return x
}

// place brings the maintainer, the table trigger and the tables where they belong.
func (x *trial) place() error {
	var err error
	var cf api.Changefeed
	if !poll(patience, func() bool {
		cf, err = x.feed.Show()
		return err == nil && cf.State == api.Normal && cf.Owner == x.maintainer.Name
	}) {
		return fmt.Errorf("not placed: state %s %s, owner %s; %w", cf.State, cf.Reason, cf.Owner, err)
	}
	at := map[string]*cluster.Node{"t1": x.maintainer, "t2": x.writer, "t3": x.another}
	for _, t := range x.tables {
		if err := x.ask("move", t, at[t].Name); err != nil {
			return err
		}
	}
	for _, t := range x.tables {
		if err := x.awaitSpans(t, 1, at[t]); err != nil {
			return err
		}
	}
	if x.shape == merged {
		if err := x.ask("split", "t3", ""); err != nil {
			return err
		}
		if err := x.awaitSpans("t3", x.parts(), x.another); err != nil {
			return err
		}
	}
	return x.awaitSpans("", 1, x.writer)
}

// ask orders an operation on a table, until it is accepted.
func (x *trial) ask(operation, table, node string) error {
	client, ctx := x.Client(), x.t.Context()
	var err error
	if poll(patience, func() bool {
		t := api.Table{Schema: x.db, Name: table}
		switch operation {
		case "move":
			err = client.Move(ctx, x.name, t, node)
		case "split":
			err = client.Split(ctx, x.name, t, 3)
		case "merge":
			err = client.Merge(ctx, x.name, t)
		}
		return err == nil || isCode(err, api.NoSuchTable)
	}) && err == nil {
		return nil
	}
	return fmt.Errorf("%s table %s: %w", operation, table, err)
}

func isCode(err error, code api.Code) bool {
	var e *api.Error
	return errors.As(err, &e) && e.Code == code
}

// awaitSpans waits until a table's spans are on a node; "" is the table trigger.
func (x *trial) awaitSpans(table string, count int, node *cluster.Node) error {
	var err error
	var got []api.Span
	if poll(patience, func() bool {
		var all []api.Span
		if all, err = x.spans(x.name, api.Table{}); err != nil {
			return false
		}
		got = nil
		for _, s := range all {
			if s.Table.Name == table && (table == "" || s.Table.Schema == x.db) {
				got = append(got, s)
			}
		}
		for _, s := range got {
			if s.Node != node.Name || s.State != "replicating" {
				return false
			}
		}
		return len(got) == count
	}) {
		return nil
	}
	return fmt.Errorf("table %q: got spans %+v, %w, want %d on %s", table, got, err, count, node.Name)
}

// begin writes rows, arms the point and runs the statement, and writes rows behind it.
func (x *trial) begin() error {
	if err := x.writeAfter(); err != nil {
		return err
	}
	if x.stage == notThere {
		x.arm(points[x.stage], x.late())
	} else {
		x.arm(points[x.stage], x.Nodes...)
	}
	if x.shape == syncpoint {
		x.newSecond()
	}
	if x.gone() {
		if err := x.order("t3"); err != nil {
			return err
		}
	}
	if err := x.server.Exec(x.t.Context(), x.statement.ddl(x.db)); err != nil {
		return err
	}
	x.tables = x.statement.after()
	var err error
	if x.cut, err = x.upstream(); err != nil {
		return err
	}
	return x.writeAfter()
}

// arm has nodes hold the dispatchers that come to a point.
func (x *trial) arm(point string, nodes ...*cluster.Node) {
	for _, n := range nodes {
		x.put("", x.ordersOf(n), x.name, point)
	}
}

// late is the node whose dispatchers are not there yet.
func (x *trial) late() *cluster.Node {
	if x.statement == createTable {
		return x.writer // there is no other party
	}
	return x.another
}

// writeAfter writes rows of all kinds to all tables that there are, in one transaction.
func (x *trial) writeAfter() error {
	x.number++
	text := []string{"BEGIN"}
	for _, t := range append([]string{x.db + "_x.fin"}, x.qualified()...) {
		first := x.number * 1000
		text = append(text,
			fmt.Sprintf("INSERT INTO %s SELECT seq, %d, CONCAT('row ', seq) FROM seq_%d_to_%d", t, x.number, first, first+19),
			fmt.Sprintf("UPDATE %s SET n = n + 1000000, txt = 'changed, \"so\"' WHERE id %% 1000 BETWEEN 3 AND 6 AND n = %d", t, x.number-1),
			fmt.Sprintf("UPDATE %s SET id = id + 500 WHERE id %% 1000 BETWEEN 7 AND 12 AND n < %d", t, x.number),
			fmt.Sprintf("DELETE FROM %s WHERE id %% 1000 = 13 AND id < %d", t, first))
	}
	conn, err := x.server.DB().Conn(x.t.Context())
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = conn.ExecContext(x.t.Context(), "USE "+x.db+"_x; "+strings.Join(append(text, "COMMIT"), "; "))
	return err
}

func (x *trial) qualified() (names []string) {
	for _, t := range x.tables {
		names = append(names, x.db+"."+t)
	}
	return names
}

// awaitHeld waits until the statement is held where it should be.
func (x *trial) awaitHeld() error {
	if !poll(patience, func() bool { return x.reached(points[x.stage]) >= x.held() }) {
		return fmt.Errorf("%d dispatchers came to the point %s, want %d", x.reached(points[x.stage]), points[x.stage], x.held())
	}
	if x.stage != notThere || x.statement == createTable {
		return nil
	}
	// All others wait.
	var list []api.Barrier
	var err error
	if !poll(patience, func() bool {
		list, err = x.Client().Barriers(x.t.Context(), x.name)
		return err == nil && len(list) > 0 && len(list[0].Missing) == x.held()
	}) {
		return fmt.Errorf("the others do not wait: %+v, %w", list, err)
	}
	return nil
}

// reached counts the dispatchers that have come to a point.
func (x *trial) reached(point string) (n int) {
	for _, node := range x.Nodes {
		data, err := os.ReadFile(filepath.Join(x.ordersOf(node), x.name, point+".reached"))
		if err == nil {
			n += strings.Count(string(data), "\n")
		}
	}
	return n
}

// release lets the dispatchers go that wait at the point.
func (x *trial) release() {
	for _, n := range x.Nodes {
		if err := os.RemoveAll(filepath.Join(x.ordersOf(n), x.name)); err != nil {
			x.t.Fatal(err)
		}
	}
}

// operate orders the cell's operation, if it was not before the statement.
func (x *trial) operate() error {
	if !x.shape.operates() || x.gone() {
		return nil
	}
	if x.stage == beforeWrite || x.stage == notReported {
		x.way = []string{"", "leaving", "arriving"}[x.random.IntN(3)]
	}
	if x.way != "" {
		x.arm(x.way, x.Nodes...)
	}
	// The name by which the table is known depends on how far the statement is.
	err := x.order("t3")
	if isCode(err, api.NoSuchTable) && x.statement == renameTables {
		err = x.order("r3")
	}
	if err == nil && x.way != "" && !poll(patience, func() bool { return x.reached(x.way) > 0 }) {
		return fmt.Errorf("no dispatcher came to the point %s", x.way)
	}
	return err
}

func (x *trial) order(table string) error {
	switch x.shape {
	case split:
		return x.ask("split", table, "")
	case merged:
		return x.ask("merge", table, "")
	case moved:
		return x.ask("move", table, x.maintainer.Name)
	}
	return nil
}

// upstream reads what the upstream holds now.
func (x *trial) upstream() (map[string]map[string]int, error) {
	state := map[string]map[string]int{}
	for _, name := range append(x.qualified(), x.db+"_x.fin") {
		schema, table, _ := strings.Cut(name, ".")
		rows, err := replay.Upstream(x.t.Context(), x.server.DB(), schema, table, []replay.Column{{Name: "id"}, {Name: "n"}, {Name: "txt"}}, x.feed.Protocol)
		if err != nil {
			return nil, err
		}
		state[name] = rows
	}
	return state, nil
}
