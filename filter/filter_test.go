package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/filter"
)

func TestMatch(t *testing.T) {
	cases := []struct {
		rules     string // separated by spaces unless one is given with a tab
		table     string
		want      bool
		sensitive bool
	}{
		{rules: "shop.*", table: "shop.orders", want: true},
		{rules: "shop.*", table: "shop2.orders"},
		{rules: "shop.*", table: "Shop.Orders", want: true},
		{rules: "shop.*", table: "Shop.Orders", sensitive: true},
		{rules: "shop.* !shop.tmp_*", table: "shop.tmp_1"},
		{rules: "shop.* !shop.tmp_*", table: "shop.tmp", want: true},
		{rules: "shop.* !shop.tmp_* shop.tmp_keep", table: "shop.tmp_keep", want: true},
		{rules: "!shop.tmp_*", table: "shop.a"},
		{rules: "!shop.tmp_* *.*", table: "shop.tmp_1", want: true},
		{rules: "*.*", table: "mysql.user"},
		{rules: "mysql.* sys.*", table: "MySQL.user"},
		{rules: "sys.*", table: "sys.x"},
		{rules: "information_schema.*", table: "information_schema.tables"},
		{rules: "performance_schema.*", table: "performance_schema.threads"},
		{rules: "db?.t", table: "db1.t", want: true},
		{rules: "db?.t", table: "db.t"},
		{rules: "db[0-9].t[abc]", table: "db7.tb", want: true},
		{rules: "db[0-9].t[abc]", table: "dbx.tb"},
		{rules: "db[!0-9].t", table: "dbx.t", want: true},
		{rules: "db[!0-9].t", table: "db1.t"},
		{rules: `"a*b".t`, table: "a*b.t", want: true},
		{rules: `"a*b".t`, table: "axb.t"},
		{rules: "`sh``op`.*", table: "sh`op.x", want: true},
		{rules: `a\*b.t`, table: "a*b.t", want: true},
		{rules: `/^db\d{2,}$/./^t/`, table: "db12.table", want: true},
		{rules: `/^db\d{2,}$/./^t/`, table: "db1.table"},
		{rules: `!/^db/.* other.*`, table: "db1.x"},
		{rules: `/a\/b/.*`, table: "a/b.x", want: true},
		{rules: "größe.*", table: "GRÖSSE.x"},
		{rules: "größe.*", table: "Größe.x", want: true},
		{rules: "shop.*", table: "shop.line\nbreak", want: true},
	}
	for _, c := range cases {
		var options []filter.Option
		if c.sensitive {
			options = append(options, filter.CaseSensitive())
		}
		f, err := filter.Parse(strings.Fields(c.rules), options...)
		if err != nil {
			t.Errorf("Parse(%s): %v", c.rules, err)
			continue
		}
		schema, table, _ := strings.Cut(c.table, ".")
		if got := f.Match(schema, table); got != c.want {
			t.Errorf("%s matches %q: got %v, want %v", c.rules, c.table, got, c.want)
		}
	}
}

func TestMatchSchema(t *testing.T) {
	cases := []struct {
		rules, schema string
		want          bool
	}{
		{"shop.*", "shop", true},
		{"shop.*", "other", false},
		{"*.* !tmp.*", "tmp", false},
		{"*.* !tmp.x", "tmp", true},
		{"*.* !tmp.* tmp.keep", "tmp", true},
		{"!shop.*", "shop", false},
		{"*.*", "sys", false},
		{"*.orders", "anything", true},
	}
	for _, c := range cases {
		f, err := filter.Parse(strings.Fields(c.rules))
		if err != nil {
			t.Errorf("Parse(%s): %v", c.rules, err)
			continue
		}
		if got := f.MatchSchema(c.schema); got != c.want {
			t.Errorf("%s, schema %s: got %v, want %v", c.rules, c.schema, got, c.want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	cases := []struct {
		rule   string
		column int
		says   string
	}{
		{"", 0, "empty"},
		{"shop", 5, "missing"},
		{"shop.", 6, "empty"},
		{".orders", 1, "empty"},
		{"!", 2, "empty"},
		{"shop.a.b", 7, "after the table"},
		{"shop.a b", 7, "no meaning"},
		{"shop.*,other.*", 7, "no meaning"},
		{`"shop.*`, 1, "no end"},
		{`"shop"x.*`, 7, "dot"},
		{"/shop.*", 1, "no end"},
		{"/a(/.*", 1, "regular expression"},
		{"s[a.*", 2, "no end"},
		{"s[].*", 2, "empty"},
		{"s[z-a].*", 2, "backwards"},
		{`s.t\`, 4, "nothing follows"},
		{"@rules.txt", 1, "file"},
		{"größe.a%", 8, "no meaning"},
	}
	for _, c := range cases {
		_, err := filter.Parse([]string{c.rule})
		var e *filter.Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%q): got %v, want a *filter.Error", c.rule, err)
			continue
		}
		if e.Column != c.column || !strings.Contains(e.Error(), c.says) || e.Fix == "" {
			t.Errorf("Parse(%q): got column %d, %v; want column %d, %q", c.rule, e.Column, e, c.column, c.says)
		}
	}
	if _, err := filter.Parse(nil); err == nil {
		t.Error("Parse of no rules: got no error")
	}
}

func TestAll(t *testing.T) {
	if f := filter.All(); !f.Match("a", "b") || f.Match("mysql", "user") {
		t.Error("All must select every table but the server's own")
	}
}
