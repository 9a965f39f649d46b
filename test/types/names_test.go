package types_test

import (
	"fmt"
	"strings"
	"testing"
)

// names are such as a server takes for databases, tables and columns.
var names = []string{
	"plain", "UPPER", "with space", `"quoted"`, "it's", "back`tick", "back\\slash", "sla/sh", "..", "per%cent", "a.b", "com,ma",
	"žluťoučký", "表", "☃", "Ǆ", "new\nline", "tab\there", "{}", "$1", "1", "select", "CDC", "meta", "schema_1_2.json", "#x", "@", "?*", "<>&",
	strings.Repeat("表", 50), strings.Repeat("é", 60), "n o", "-", "null", "\u00a0", "\u200b",
}

// Each name, of a database, of a table and of columns; comments and labels have what names cannot: four-byte characters.
func TestNames(t *testing.T) {
	s := connect(t)
	var recorders []*recorder
	for i, name := range names {
		database := fmt.Sprintf("names%d", i)
		if i%3 == 0 && len(name) < 50 {
			database = "names of " + name
		}
		s.exec("CREATE DATABASE "+quote(database),
			fmt.Sprintf("CREATE TABLE %s.%s (n INT PRIMARY KEY, %[2]s VARCHAR(100) DEFAULT %[3]s COMMENT %[3]s, e ENUM(%[3]s, '\U0001F600') COMMENT '\U0001F600')",
				quote(database), quote(name), literal(name)))
		r := s.record(database, name, true)
		s.exec(fmt.Sprintf("INSERT INTO %s.%s (n, e) VALUES (1, 1), (2, '\U0001F600')", quote(database), quote(name)))
		r.note()
		s.exec(fmt.Sprintf("UPDATE %s.%s SET %[2]s = CONCAT(%[2]s, '\U0001F600')", quote(database), quote(name)))
		r.note()
		recorders = append(recorders, r)
	}
	t.Parallel()
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			checkAll(t, protocol, follows[protocol](t), recorders)
		})
	}
}
