package schema_test

import (
	"path/filepath"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"

	"github.com/weir-cdc/weir/schema"
)

// compareRows has each table write a row, and compares the columns of its row image, hidden ones too, with the tracker's.
func (r *replay) compareRows() {
	r.t.Helper()
	r.exec("SET sql_mode='', foreign_key_checks=0")
	defer r.exec("SET sql_mode=default, foreign_key_checks=1")
	r.where()
	from := r.at
	written := map[schema.Ref]bool{}
	for _, t := range r.tracker.Tables() {
		name := "`" + strings.ReplaceAll(t.Schema, "`", "``") + "`.`" + strings.ReplaceAll(t.Name, "`", "``") + "`"
		// A table that takes no row of defaults alone stays out.
		if _, err := r.db.ExecContext(r.t.Context(), "INSERT IGNORE INTO "+name+" VALUES ()"); err == nil {
			written[t.Ref()] = true
		}
	}
	parser := replication.NewBinlogParser()
	parser.SetFlavor("mariadb")
	seen := 0
	err := parser.ParseFile(filepath.Join(server.DataDir(), r.log), from, func(e *replication.BinlogEvent) error {
		m, ok := e.Event.(*replication.TableMapEvent)
		if !ok {
			return nil
		}
		ref := schema.Ref{Schema: string(m.Schema), Name: string(m.Table)}
		t := r.tracker.Lookup(ref)
		if t == nil || !written[ref] {
			return nil
		}
		seen++
		var got []string
		for _, c := range t.Columns {
			got = append(got, c.Name)
		}
		if g, w := strings.Join(got, ","), strings.Join(m.ColumnNameString(), ","); g != w {
			r.t.Errorf("the row image of %s:\ngot  %s\nwant %s", ref, g, w)
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("%d row images of %d tables", seen, len(written))
}
