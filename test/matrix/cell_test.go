package matrix

import (
	"fmt"
	"slices"
	"strings"
)

// A stage is where the statement is when nodes die.
type stage string

const (
	beforeWrite    stage = "before the write"
	notReported    stage = "written, not reported"
	passing        stage = "pass outstanding"
	passed         stage = "passed, not reported"
	notThere       stage = "a node not there yet"
	dropDatabase         = statement("drop database")
	dropTables           = statement("drop table")
	renameTables         = statement("rename")
	truncateTable        = statement("truncate")
	createTable          = statement("create")
	createLike           = statement("create like")
	plain                = shape("plain")
	syncpoint            = shape("syncpoint")
	split                = shape("split")
	merged               = shape("merged")
	moved                = shape("moved")
	maintainerNode       = victim("maintainer's node")
	writerNode           = victim("writer's node")
	anotherNode          = victim("another node")
	allNodes             = victim("all nodes")
)

// points maps the stages to the names of fault points.
var points = map[stage]string{
	beforeWrite: "writing", notReported: "written", passing: "passing", passed: "passed", notThere: "meeting",
}

// A victim is who dies. The maintainer, the writer (the table trigger) and the table t3 are on a node each.
type victim string

// A statement is the DDL. Those over several tables have a table on each node.
type statement string

// A shape is what else happens: a syncpoint at the statement's commit-ts, or an operation on the table t3.
type shape string

var (
	stages     = []stage{beforeWrite, notReported, passing, passed, notThere}
	victims    = []victim{maintainerNode, writerNode, anotherNode, allNodes}
	statements = []statement{dropDatabase, dropTables, renameTables, truncateTable, createTable, createLike}
	shapes     = []shape{plain, syncpoint, split, merged, moved}
)

// A cell is one crash.
type cell struct {
	stage     stage
	victim    victim
	statement statement
	shape     shape
}

func (c cell) String() string {
	return fmt.Sprintf("%s / %s / %s / %s", c.stage, c.victim, c.statement, c.shape)
}

// cells lists the whole matrix; those that die alike stand together.
func cells() (all []cell) {
	for _, a := range stages {
		for _, b := range victims {
			for _, c := range statements {
				for _, d := range shapes {
					all = append(all, cell{a, b, c, d})
				}
			}
		}
	}
	return all
}

// ddl gives the statement's text for the tables of a database.
func (s statement) ddl(db string) string {
	text := map[statement]string{
		dropDatabase:  "DROP DATABASE %s",
		dropTables:    "DROP TABLE %[1]s.t1, %[1]s.t2, %[1]s.t3",
		renameTables:  "RENAME TABLE %[1]s.t1 TO %[1]s.r1, %[1]s.t2 TO %[1]s.r2, %[1]s.t3 TO %[1]s.r3",
		truncateTable: "TRUNCATE TABLE %s.t3",
		createTable:   "CREATE TABLE %s.made (" + columns + ")",
		createLike:    "CREATE TABLE %[1]s.made LIKE %[1]s.t3",
	}
	return fmt.Sprintf(text[s], db)
}

// columns is what every table has.
const columns = "id INT PRIMARY KEY, n BIGINT NOT NULL, txt VARCHAR(40)"

// after lists the tables of the cell's database behind the statement.
func (s statement) after() []string {
	switch s {
	case dropDatabase, dropTables:
		return nil
	case renameTables:
		return []string{"r1", "r2", "r3"}
	case createTable, createLike:
		return []string{"made", "t1", "t2", "t3"}
	}
	return []string{"t1", "t2", "t3"}
}

// kind gives the type of the statement's schema files, and how many there are.
func (s statement) kind() (kind, files int) {
	switch s {
	case dropDatabase:
		return 2, 1
	case dropTables:
		return 4, 3
	case renameTables:
		return 14, 3
	case truncateTable:
		return 11, 1
	}
	return 3, 1
}

// operates tells that the shape is an operation on the table.
func (s shape) operates() bool { return s == split || s == merged || s == moved }

// gone tells that the statement has taken the table's dispatchers when it is held, so that the operation has to come first.
func (c cell) gone() bool {
	return (c.stage == passing || c.stage == passed) && slices.Contains([]statement{dropDatabase, dropTables, truncateTable}, c.statement)
}

// parts is how many spans the table t3 has before the operation.
func (c cell) parts() int {
	if c.shape == merged {
		return 3
	}
	return 1
}

// held is how many dispatchers come to the point.
func (c cell) held() int {
	switch {
	case c.stage == beforeWrite, c.stage == notReported, c.statement == createTable:
		return 1 // the table trigger
	case c.stage == notThere:
		return c.parts()
	case c.statement == renameTables:
		return 3 + c.parts()
	case c.statement == createLike:
		return 1 + c.parts()
	}
	return 1 // the spans of dropped tables pass nothing
}

// chosen tells that the parts are all in the cell's name.
func (c cell) chosen(parts string) bool {
	for _, p := range strings.Split(parts, ",") {
		if !slices.Contains(strings.Split(c.String(), " / "), p) {
			return false
		}
	}
	return true
}
