// Command canal is the baseline of the benchmark: what a service written in an afternoon over go-mysql's canal does. It
// reads the binlog from its start and writes each row as a line of JSON, until it has seen a number of rows.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/go-mysql-org/go-mysql/canal"
	"github.com/go-mysql-org/go-mysql/mysql"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:3306", "upstream")
	user := flag.String("user", "root", "user, without a password")
	first := flag.String("binlog", "bin.000001", "first binlog file")
	tables := flag.String("tables", `bench\..*`, "expression for schema.table")
	rows := flag.Int64("rows", 0, "rows to see before the end")
	out := flag.String("out", "", "file to write")
	flag.Parse()
	if err := run(*addr, *user, *first, *tables, *out, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "canal:", err)
		os.Exit(1)
	}
}

func run(addr, user, first, tables, out string, rows int64) error {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	config := canal.NewDefaultConfig()
	config.Addr, config.User, config.Password = addr, user, ""
	config.Flavor = mysql.MariaDBFlavor
	config.Dump.ExecutionPath = ""
	config.IncludeTableRegex = []string{tables}
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	c, err := canal.NewCanal(config)
	if err != nil {
		return err
	}
	defer c.Close()
	w := &writer{buffer: bufio.NewWriterSize(file, 1<<20), left: rows, done: make(chan error, 1)}
	c.SetEventHandler(w)
	go func() {
		if err := c.RunFrom(mysql.Position{Name: first, Pos: 4}); err != nil {
			w.end(err)
		}
	}()
	if err := <-w.done; err != nil {
		return err
	}
	if err := w.buffer.Flush(); err != nil {
		return err
	}
	return file.Sync()
}

// A writer is told of the rows.
type writer struct {
	canal.DummyEventHandler
	buffer *bufio.Writer
	left   int64
	done   chan error
}

// A line is one row, as this program writes it.
type line struct {
	Database string         `json:"database"`
	Table    string         `json:"table"`
	Type     string         `json:"type"`
	Es       uint32         `json:"es"`
	Data     map[string]any `json:"data"`
}

// OnRow writes the rows of one event.
func (w *writer) OnRow(e *canal.RowsEvent) error {
	if w.left <= 0 {
		return nil
	}
	encoder := json.NewEncoder(w.buffer)
	for _, row := range e.Rows {
		data := make(map[string]any, len(row))
		for i, column := range e.Table.Columns {
			data[column.Name] = row[i]
		}
		l := line{Database: e.Table.Schema, Table: e.Table.Name, Type: e.Action, Es: e.Header.Timestamp, Data: data}
		if err := encoder.Encode(l); err != nil {
			w.end(err)
			return err
		}
		w.left--
	}
	if w.left <= 0 {
		w.end(nil)
	}
	return nil
}

// end tells the main goroutine, once.
func (w *writer) end(err error) {
	select {
	case w.done <- err:
	default:
	}
}
