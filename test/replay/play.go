package replay

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the parser needs a driver of literals
)

// The values of Definition.Type that do more than change a table's columns or keys.
const (
	typeNone              = 0 // a table that existed at the start
	typeDropDatabase      = 2
	typeCreateTable       = 3
	typeDropTable         = 4
	typeTruncateTable     = 11
	typeRenameTable       = 14
	typeDropPartition     = 20
	typeCreateView        = 21
	typeTruncatePartition = 23
	typeDropView          = 24
)

// A step is what the output has at one commit-ts: the effects of one statement, or the tables of the start.
type step struct {
	ts        uint64
	versions  []*Version
	databases []*Definition
}

func (o *Output) steps() []step {
	at := map[uint64]*step{}
	get := func(ts uint64) *step {
		if at[ts] == nil {
			at[ts] = &step{ts: ts}
		}
		return at[ts]
	}
	for _, v := range o.Versions {
		s := get(v.TableVersion)
		s.versions = append(s.versions, v)
	}
	for _, d := range o.Databases {
		s := get(d.TableVersion)
		s.databases = append(s.databases, d)
	}
	var all []step
	for _, s := range at {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b step) int { return compare(a.ts, b.ts) })
	return all
}

// A life is a table that exists while the output is played, with the version that is open.
type life struct {
	version *Version
	table   *Table
}

// A player plays an output from its first version to its checkpoint.
type player struct {
	checkpoint uint64
	lives      map[string]*life // by schema.table
	ended      map[*Version]uint64
	problems   []Problem
}

// Final plays the output up to its checkpoint. It returns the state, and everything seen that must not be in an output,
// the Problems of Read included. An error tells that the output holds what this package cannot play.
func (o *Output) Final() (State, []Problem, error) {
	p := &player{checkpoint: o.CheckpointTs, lives: map[string]*life{}, ended: map[*Version]uint64{}}
	p.problems = append(p.problems, o.Problems...)
	for _, s := range o.steps() {
		if s.ts > o.CheckpointTs {
			break
		}
		if err := p.execute(&s); err != nil {
			return nil, nil, err
		}
		for _, v := range s.versions {
			p.play(v)
		}
	}
	for _, v := range o.Versions {
		p.checkVersion(v)
		p.checkDoubled(v)
	}
	state := State{}
	for name, l := range p.lives {
		state[name] = l.table
	}
	return state, p.problems, nil
}

// execute does to the state what the step's statement does.
func (p *player) execute(s *step) error {
	for _, d := range s.databases {
		if d.Type == typeDropDatabase {
			p.dropDatabase(d.Schema, s.ts)
		}
	}
	if err := p.rename(s); err != nil {
		return err
	}
	for _, v := range s.versions {
		if err := p.define(v, s.ts); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) define(v *Version, ts uint64) error {
	name := v.Name()
	old := p.lives[name]
	switch v.Type {
	case typeCreateView, typeDropView:
		return nil
	case typeDropPartition, typeTruncatePartition:
		return fmt.Errorf("play %s: %q takes rows away without row events", v.File, v.Query)
	case typeDropTable:
		p.end(name, ts)
		return nil
	case typeNone, typeCreateTable, typeTruncateTable:
		old = nil
	}
	p.end(name, ts)
	table := newTable(&v.Definition)
	if old != nil {
		table = old.table
		table.reshape(&v.Definition)
	}
	p.lives[name] = &life{version: v, table: table}
	return nil
}

// end ends the open version of a table, if it has one.
func (p *player) end(name string, ts uint64) {
	if l := p.lives[name]; l != nil {
		p.ended[l.version] = ts
		delete(p.lives, name)
	}
}

func (p *player) dropDatabase(schema string, ts uint64) {
	for name, l := range p.lives {
		if l.version.Schema == schema {
			p.end(name, ts)
		}
	}
}

// rename moves tables as the step's statement says; define then gives them their new versions. Each file of the
// statement carries the whole of it, so it is read once.
func (p *player) rename(s *step) error {
	i := slices.IndexFunc(s.versions, func(v *Version) bool { return v.Query != "" && v.Type > typeTruncateTable })
	if i < 0 {
		return nil
	}
	v := s.versions[i]
	moves, err := renames(v.Query, v.Schema)
	if err != nil && v.Type == typeRenameTable {
		return fmt.Errorf("play %s: %w", v.File, err)
	}
	for _, m := range moves {
		l := p.lives[m.from]
		if l == nil {
			continue // not a table of this output
		}
		p.ended[l.version] = s.ts
		delete(p.lives, m.from)
		p.end(m.to, s.ts)
		p.lives[m.to] = l
	}
	return nil
}

// A move is one table's rename.
type move struct{ from, to string }

// renames reads the renames of a statement. The session's default schema is not in the output: schema is as near as one
// gets, and right unless a statement moves a table between databases and names one of the two only.
func renames(query, schema string) ([]move, error) {
	nodes, _, err := parser.New().Parse(query, "", "")
	if err != nil {
		return nil, err
	}
	var moves []move
	for _, node := range nodes {
		switch n := node.(type) {
		case *ast.RenameTableStmt:
			for _, t := range n.TableToTables {
				moves = append(moves, move{qualify(t.OldTable, schema), qualify(t.NewTable, schema)})
			}
		case *ast.AlterTableStmt:
			for _, spec := range n.Specs {
				if spec.Tp == ast.AlterTableRenameTable {
					moves = append(moves, move{qualify(n.Table, schema), qualify(spec.NewTable, schema)})
				}
			}
		}
	}
	return moves, nil
}

func qualify(t *ast.TableName, schema string) string {
	if t.Schema.O != "" {
		schema = t.Schema.O
	}
	return schema + "." + t.Name.O
}

// play applies a version's rows to its table. Those of a dropped table change nothing.
func (p *player) play(v *Version) {
	l := p.lives[v.Name()]
	for i := range v.Rows {
		r := &v.Rows[i]
		if r.CommitTs > p.checkpoint || l == nil || l.version != v {
			continue
		}
		if kind := l.table.apply(r); kind != "" {
			p.problem(kind, r, fmt.Sprintf("%c at commit-ts %d", r.Op, r.CommitTs))
		}
	}
}

// checkVersion compares each row's commit-ts with the life of its version.
func (p *player) checkVersion(v *Version) {
	end, ended := p.ended[v]
	for i := range v.Rows {
		r := &v.Rows[i]
		switch {
		case r.CommitTs <= v.TableVersion || v.Type == typeDropTable:
			p.problem(WrongVersion, r, fmt.Sprintf("commit-ts %d in version %d", r.CommitTs, v.TableVersion))
		case ended && r.CommitTs >= end:
			p.problem(WrongVersion, r, fmt.Sprintf("commit-ts %d in version %d, which ended at %d", r.CommitTs, v.TableVersion, end))
		}
	}
}

// checkDoubled looks for rows written twice. A keyless table may hold the same row twice, and so may a transaction that
// sets a row to and fro: the writer of a test must do neither.
func (p *player) checkDoubled(v *Version) {
	if len(v.Key()) == 0 {
		return
	}
	seen := map[string]*Row{}
	for i := range v.Rows {
		r := &v.Rows[i]
		id := string(r.Op) + strconv.FormatUint(r.CommitTs, 10) + " " + Print(r.Values)
		if first := seen[id]; first != nil {
			p.problem(Doubled, r, "also "+first.Where())
		}
		seen[id] = r
	}
}

func (p *player) problem(kind string, r *Row, text string) {
	p.problems = append(p.problems, Problem{Kind: kind, Where: r.Where(), Text: text})
}
