package cluster

import (
	"fmt"
	"time"

	"github.com/weir-cdc/weir/sinks/storage"
	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/replay"
	"github.com/weir-cdc/weir/test/weir"
)

// judge compares the files with the upstream: at the end, and at every syncpoint.
func (w *world) judge() {
	w.Helper()
	o := w.feed.Compare()
	w.load.CheckCuts(o, w.out())
	w.compareCuts(o)
	w.note("judged")
}

// compareCuts plays the files up to every syncpoint, and a replica of the upstream up to the transaction that the syncpoint
// names, and compares all their tables.
func (w *world) compareCuts(o *replay.Output) {
	w.Helper()
	points, err := storage.Syncpoints(w.out())
	if err != nil {
		w.Fatal(err)
	}
	begin := time.Now()
	replica := mariadb.Start(w, mariadb.Args("--server-id=2"))
	replica.MustExec(w, fmt.Sprintf("CHANGE MASTER TO master_host = '127.0.0.1', master_port = %d, master_user = 'root', master_use_gtid = slave_pos", w.server.Port()))
	for _, p := range points {
		number, err := number(p.SourcePosition)
		if err != nil {
			w.Fatalf("syncpoint %d at %q: %v", p.CommitTs, p.SourcePosition, err)
		}
		w.replicate(replica, fmt.Sprintf("0-1-%d", number))
		state, _, err := o.Cut(p.CommitTs).Final()
		if err != nil {
			w.Fatal(err)
		}
		weir.CompareState(w, replica, state, w.feed.Protocol)
		if w.Failed() {
			w.Fatalf("at syncpoint %d at %s", p.CommitTs, p.SourcePosition)
		}
	}
	w.Logf("%d syncpoints equal the upstream at their transactions, seen in %v", len(points), time.Since(begin).Round(time.Millisecond))
}

// replicate lets the replica go on up to a transaction.
func (w *world) replicate(replica *mariadb.Server, gtid string) {
	w.Helper()
	replica.MustExec(w, fmt.Sprintf("STOP SLAVE; START SLAVE UNTIL master_gtid_pos = '%s'", gtid))
	var late int
	if err := replica.DB().QueryRowContext(w.Context(), "SELECT MASTER_GTID_WAIT(?, 30)", gtid).Scan(&late); err != nil {
		w.Fatal(err)
	}
	if late != 0 {
		w.Fatalf("the replica does not reach %s", gtid)
	}
}
