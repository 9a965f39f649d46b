package matrix

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// publish writes the table of all cells.
func publish(t *testing.T, results []result) {
	t.Helper()
	var b strings.Builder
	b.WriteString(preface)
	fmt.Fprintf(&b, "%d cells, %d right.\n\n", len(results), len(slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.err != nil })))
	b.WriteString("| the DDL is | killed | statement | beside it | result | seconds |\n|---|---|---|---|---|---:|\n")
	for _, r := range results {
		verdict := "right"
		if r.err != nil {
			verdict = "**wrong**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %.1f |\n", r.stage, r.victim, r.statement, r.shape, verdict, r.seconds)
	}
	if err := os.WriteFile("../../docs/crash-matrix.md", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

const preface = `# Crashes in the midst of a DDL

This table is generated: ` + "`make matrix`" + ` runs every cell and writes it. Package test/matrix is how; an ordinary test run takes a
sample.

Three nodes follow a MariaDB into files. For each cell the maintainer runs on one node, the table trigger, which writes the
statement, on another, and the table t3 on the third; t1 and t2 are beside the first two. The statement is held at a point:

| the DDL is | held |
|---|---|
| before the write | the writer has the order to write, and its sink was not asked |
| written, not reported | the sink has written, and nobody was told |
| pass outstanding | the orders to pass are at their dispatchers, which have not carried them out; of a plain CREATE TABLE, the answer to the trigger's report |
| passed, not reported | the dispatchers have passed, and the maintainer was not told |
| a node not there yet | the dispatchers of one node have not met the statement, all others wait; of a plain CREATE TABLE, the trigger has not |

Then nodes are killed with SIGKILL: the maintainer's, the writer's, the third, or all, and started again, some only after the others
have gone on without them. Beside the statement there is nothing (plain); a syncpoint at the same commit-ts; or the table t3 is
being split into three spans, merged from three, or moved to another node: ordered while the statement is held, or right before it
where it has dropped the table by then. In the first two stages some of the dispatchers that go, or that come, are held too.

A cell is right if, after that, the files replayed equal the upstream row for row, at the statement's commit-ts and at the end, no
row is doubled or in a wrong version, each table has one schema file of the statement, the syncpoint is where it belongs, and
the changefeed never failed. Seconds are those from the kill until all that was committed was in the files; the cells of
a round are killed together, up to fifteen at a time.

`
