package parse

import (
	"fmt"
	"strings"
	"testing"

	oracle "github.com/pingcap/tidb/pkg/parser"
	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // values of literals
)

// ours prints the columns and keys of CREATE TABLE and ALTER TABLE ... ADD, CHANGE and MODIFY.
func ours(st *Statement) string {
	var b strings.Builder
	for i := range st.Actions {
		a := &st.Actions[i]
		if c := a.Column; c != nil {
			fmt.Fprintf(&b, "column %s %s %d,%d", strings.ToLower(c.Name), c.Type.Name, c.Type.Length, c.Type.Scale)
			fmt.Fprintf(&b, " unsigned=%v zerofill=%v notnull=%v auto=%v pk=%v unique=%v generated=%v elems=%q\n",
				c.Type.Unsigned, c.Type.ZeroFill, c.NotNull, c.AutoIncrement, c.PrimaryKey, c.Unique, c.Generated, c.Type.Elems)
		}
		if ix := a.Index; ix != nil && a.Do == AddIndex {
			fmt.Fprintf(&b, "key %s primary=%v unique=%v", strings.ToLower(ix.Name), ix.Primary, ix.Unique)
			for _, p := range ix.Parts {
				fmt.Fprintf(&b, " %s(%d)", strings.ToLower(p.Column), p.Length)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// theirs prints the same of the oracle's tree.
func theirs(node ast.StmtNode) string {
	var b strings.Builder
	switch n := node.(type) {
	case *ast.CreateTableStmt:
		for _, c := range n.Cols {
			theirColumn(&b, c)
		}
		for _, k := range n.Constraints {
			theirKey(&b, k)
		}
	case *ast.AlterTableStmt:
		for _, s := range n.Specs {
			for _, c := range s.NewColumns {
				if s.Tp != ast.AlterTableAlterColumn && c.Tp != nil {
					theirColumn(&b, c)
				}
			}
			if s.Constraint != nil {
				theirKey(&b, s.Constraint)
			}
			for _, k := range s.NewConstraints {
				theirKey(&b, k)
			}
		}
	}
	return b.String()
}

var theirTypes = map[byte]string{
	mysql.TypeTiny: "TINYINT", mysql.TypeShort: "SMALLINT", mysql.TypeInt24: "MEDIUMINT", mysql.TypeLong: "INT", mysql.TypeLonglong: "BIGINT",
	mysql.TypeFloat: "FLOAT", mysql.TypeDouble: "DOUBLE", mysql.TypeNewDecimal: "DECIMAL", mysql.TypeBit: "BIT", mysql.TypeYear: "YEAR",
	mysql.TypeDate: "DATE", mysql.TypeDuration: "TIME", mysql.TypeDatetime: "DATETIME", mysql.TypeTimestamp: "TIMESTAMP", mysql.TypeString: "CHAR",
	mysql.TypeVarchar: "VARCHAR", mysql.TypeTinyBlob: "TINYTEXT", mysql.TypeBlob: "TEXT", mysql.TypeMediumBlob: "MEDIUMTEXT", mysql.TypeLongBlob: "LONGTEXT",
	mysql.TypeEnum: "ENUM", mysql.TypeSet: "SET", mysql.TypeJSON: "JSON", mysql.TypeGeometry: "GEOMETRY",
}

func theirColumn(b *strings.Builder, c *ast.ColumnDef) {
	name := theirTypes[c.Tp.GetType()]
	if c.Tp.GetCharset() == "binary" && Bytes(name) != "" {
		name = Bytes(name)
	}
	var notNull, auto, pk, unique, generated bool
	for _, o := range c.Options {
		switch o.Tp {
		case ast.ColumnOptionNotNull:
			notNull = true
		case ast.ColumnOptionNull:
			notNull = notNull && false
		case ast.ColumnOptionAutoIncrement:
			auto, notNull = true, true
		case ast.ColumnOptionPrimaryKey:
			pk, notNull = true, true
		case ast.ColumnOptionUniqKey:
			unique = true
		case ast.ColumnOptionGenerated:
			generated = true
		}
	}
	flags := c.Tp.GetFlag()
	fmt.Fprintf(b, "column %s %s %d,%d", c.Name.Name.L, name, c.Tp.GetFlen(), c.Tp.GetDecimal())
	fmt.Fprintf(b, " unsigned=%v zerofill=%v notnull=%v auto=%v pk=%v unique=%v generated=%v elems=%q\n",
		mysql.HasUnsignedFlag(flags), mysql.HasZerofillFlag(flags), notNull, auto, pk, unique, generated, c.Tp.GetElems())
}

func theirKey(b *strings.Builder, k *ast.Constraint) {
	var primary, unique bool
	switch k.Tp {
	case ast.ConstraintPrimaryKey:
		primary, unique = true, true
	case ast.ConstraintUniq, ast.ConstraintUniqKey, ast.ConstraintUniqIndex:
		unique = true
	case ast.ConstraintKey, ast.ConstraintIndex, ast.ConstraintFulltext:
	default:
		return
	}
	name := strings.ToLower(k.Name)
	if primary {
		name = "primary"
	}
	fmt.Fprintf(b, "key %s primary=%v unique=%v", name, primary, unique)
	for _, p := range k.Keys {
		if p.Column == nil {
			b.WriteString(" (0)")
			continue
		}
		fmt.Fprintf(b, " %s(%d)", p.Column.Name.L, max(p.Length, 0))
	}
	b.WriteString("\n")
}

// normal forgets what the two parsers show differently on purpose, and the order of columns and keys.
func normal(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		f := strings.Fields(l)
		if len(f) < 4 || f[0] != "column" {
			continue
		}
		length, scale, _ := strings.Cut(f[3], ",")
		if length == "-1" || length == "0" {
			length = "default"
		}
		if scale == "-1" || scale == "0" {
			scale = "default"
		}
		switch f[2] {
		case "DATE", "TIME", "DATETIME", "TIMESTAMP", "YEAR", "TINYINT", "CHAR", "BINARY", "BIT", "ENUM", "SET", "JSON", "FLOAT", "DOUBLE", "DECIMAL":
			if _, err := fmt.Sscan(length, new(int)); err != nil || f[2] != "DECIMAL" && f[2] != "CHAR" && f[2] != "BINARY" && f[2] != "BIT" || length == "1" || length == "10" {
				length, scale = "any", "any"
			}
		}
		f[3] = length + "," + scale
		lines[i] = strings.Join(f, " ")
	}
	var columns, keys []string
	for _, l := range lines {
		if strings.HasPrefix(l, "key") {
			keys = append(keys, l)
		} else {
			columns = append(columns, l)
		}
	}
	return strings.Join(append(columns, keys...), "\n")
}

// disagreement compares our reading of a statement with the oracle's; it is false where the oracle takes it for something
// else than a table's definition, or not at all.
func disagreement(p *oracle.Parser, query string) (string, bool) {
	nodes, _, err := p.Parse(query, "", "")
	if err != nil || len(nodes) != 1 {
		return fmt.Sprint("the oracle: ", err), false
	}
	st, err := Parse(query, Options{})
	if err != nil {
		return err.Error(), true
	}
	if got, want := normal(ours(st)), normal(theirs(nodes[0])); got != want {
		return fmt.Sprintf("got\n%swant\n%s", got, want), true
	}
	return "", true
}

// agreed are statements of MySQL's, which no server here can judge: a second parser does.
var agreed = []string{
	"create table t (id bigint unsigned not null auto_increment, a varchar(255) character set utf8mb4 collate utf8mb4_bin default 'x' comment 'it''s', primary key (id), unique key ua (a(10)), key (id, a)) engine=InnoDB auto_increment=7 default charset=utf8mb4 comment='x' row_format=dynamic stats_persistent=1",
	"create table t (a int primary key, b int unique, c int as (a + 1) stored not null, d json, e datetime(6) default current_timestamp(6) on update current_timestamp(6), h bit(5) default b'101')",
	"create table t (a int, b int, key ((a + b)), unique key f ((lower(b)), a desc) visible comment 'c', check (a > 0) not enforced, constraint c check ((b <> 'x)')))",
	"create table t (a int column_format dynamic storage disk, b int, e nchar(3), f national varchar(4), g long varbinary)",
	"create table t (a int references p (x) on delete set null on update no action, b int, constraint fk foreign key ix (b) references p (y) match simple on delete cascade) partition by range columns (a, b) (partition p0 values less than (1, maxvalue) comment = 'x', partition p1 values less than (maxvalue, maxvalue))",
	"create table t (a enum('x','y,z','it''s'), b set('a') not null, c decimal(10,2) unsigned zerofill, d double(8,3), e float(30), f float(3), g real, h numeric(5), i dec, j fixed(3,1))",
	"create table if not exists `d``b`.`t` (`a``b` int, `select` text(300), `c` blob(10), `d` tinyint(1), `e` bool default true, `f` serial)",
	"create table t (a timestamp null default null, b timestamp default 0, c time(3), d year(4), e date default '2020-01-01', f datetime default (now()))",
	"create table t (a int default -5, b double default 1.5e-3, c varchar(5) default x'41', d varchar(9) default _utf8mb4'x' collate utf8mb4_bin not null, f varbinary(3) default 0x4142, g int not null null, h int null not null)",
	"create table t (a int /* c */, -- d\n b int # e\n, c int /*!80000 unsigned */ /*+ hint */)",
	"alter table t add column a int not null first, add (b int, c int), add index (b), add unique u (c), add primary key (a, b), add fulltext ft (d) with parser ngram",
	"alter table t modify a bigint unsigned not null after b, change b c varchar(3), drop column d, drop index i, drop primary key, drop foreign key f, rename index x to y, rename column p to q",
	"alter table t alter a set default 5, alter column b drop default, alter c set default (uuid()), alter index i invisible, alter check c not enforced, drop check c, drop constraint k",
	"alter table t convert to character set utf8mb4 collate utf8mb4_0900_ai_ci, engine = innodb, algorithm = inplace, lock = none, auto_increment 5, comment 'a, add b int'",
	"alter table t add partition (partition p3 values less than (10)), algorithm=inplace",
	"alter table t rename to u, add x int, force",
}

func TestAgreesWithAnotherParser(t *testing.T) {
	p := oracle.New()
	for _, query := range agreed {
		what, understood := disagreement(p, query)
		if !understood || what != "" {
			t.Errorf("%s\n%s", query, what)
		}
	}
}
