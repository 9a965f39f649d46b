package replay

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Upstream reads a table from the upstream as Table.Rows gives it, with the values in the form that the protocol ("csv"
// or "canal-json") writes them in. The columns are those of the table's newest version in the output.
func Upstream(ctx context.Context, db *sql.DB, schema, table string, columns []Column, protocol string) (map[string]int, error) {
	expressions := make([]string, len(columns))
	for i := range columns {
		expressions[i] = expression(&columns[i], protocol)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// TIMESTAMP is written in UTC.
	if _, err := conn.ExecContext(ctx, "SET time_zone = '+00:00'"); err != nil {
		return nil, err
	}
	query := "SELECT " + strings.Join(expressions, ", ") + " FROM " + quote(schema) + "." + quote(table)
	result, err := conn.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("read %s.%s: %w", schema, table, err)
	}
	defer result.Close()
	return scan(result, len(columns))
}

func scan(result *sql.Rows, width int) (map[string]int, error) {
	printed := map[string]int{}
	raw, to := make([]sql.RawBytes, width), make([]any, width)
	for i := range raw {
		to[i] = &raw[i]
	}
	values := make([]Value, width)
	for result.Next() {
		if err := result.Scan(to...); err != nil {
			return nil, err
		}
		for i, b := range raw {
			values[i] = Value{Text: string(b), Null: b == nil}
		}
		printed[Print(values)]++
	}
	return printed, result.Err()
}

// expression selects a column in the written form: BIT as a number, and ENUM and SET too in canal-json.
func expression(c *Column, protocol string) string {
	number := c.Type == "BIT" || protocol == "canal-json" && (c.Type == "ENUM" || c.Type == "SET")
	if number { // of 64 labels the server would give a signed one
		return "CAST(" + quote(c.Name) + " + 0 AS UNSIGNED)"
	}
	return quote(c.Name)
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// Diff tells how got differs from want, a few rows of it; "" if they are equal.
func Diff(got, want map[string]int) string {
	var lines []string
	for row, n := range want {
		if got[row] < n {
			lines = append(lines, fmt.Sprintf("missing %dx %s", n-got[row], row))
		}
	}
	for row, n := range got {
		if want[row] < n {
			lines = append(lines, fmt.Sprintf("extra   %dx %s", n-want[row], row))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	slices.Sort(lines)
	total := len(lines)
	if total > 10 {
		lines = append(lines[:10], "...")
	}
	return fmt.Sprintf("%d rows differ:\n%s", total, strings.Join(lines, "\n"))
}
