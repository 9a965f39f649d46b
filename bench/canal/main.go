// Command canal is the baseline of the benchmark: what a service written in an afternoon over go-mysql's canal does. It
// reads the binlog from its start and writes each row as a line of JSON, until it has seen a number of rows. With
// -tuned it encodes by hand in the place of encoding/json, which shows what is left to gain on this path.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"

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
	tuned := flag.Bool("tuned", false, "encode by hand")
	flag.Parse()
	config := canal.NewDefaultConfig()
	config.Addr, config.User, config.Password = *addr, *user, ""
	config.Flavor = mysql.MariaDBFlavor
	config.Dump.ExecutionPath = ""
	config.IncludeTableRegex = []string{*tables}
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	encode := plain
	if *tuned {
		encode = byHand
	}
	if err := run(config, *first, *out, &writer{encode: encode, left: *rows, done: make(chan error, 1)}); err != nil {
		fmt.Fprintln(os.Stderr, "canal:", err)
		os.Exit(1)
	}
}

func run(config *canal.Config, first, out string, w *writer) error {
	file, err := os.Create(out)
	if err != nil {
		return err
	}
	defer file.Close()
	c, err := canal.NewCanal(config)
	if err != nil {
		return err
	}
	defer c.Close()
	w.buffer = bufio.NewWriterSize(file, 1<<20)
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
	encode encoder
	line   []byte
	left   int64
	done   chan error
}

// An encoder appends one row of an event as a line of JSON.
type encoder func(line []byte, e *canal.RowsEvent, row []any) ([]byte, error)

// OnRow writes the rows of one event.
func (w *writer) OnRow(e *canal.RowsEvent) error {
	if w.left <= 0 {
		return nil
	}
	for _, row := range e.Rows {
		var err error
		if w.line, err = w.encode(w.line[:0], e, row); err == nil {
			_, err = w.buffer.Write(w.line)
		}
		if err != nil {
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

// A record is one row, for encoding/json.
type record struct {
	Database string         `json:"database"`
	Table    string         `json:"table"`
	Type     string         `json:"type"`
	Es       uint32         `json:"es"`
	Data     map[string]any `json:"data"`
}

func plain(line []byte, e *canal.RowsEvent, row []any) ([]byte, error) {
	data := make(map[string]any, len(row))
	for i, column := range e.Table.Columns {
		data[column.Name] = row[i]
	}
	text, err := json.Marshal(record{Database: e.Table.Schema, Table: e.Table.Name, Type: e.Action, Es: e.Header.Timestamp, Data: data})
	return append(append(line, text...), '\n'), err
}

func byHand(line []byte, e *canal.RowsEvent, row []any) ([]byte, error) {
	line = append(line, `{"database":`...)
	line = strconv.AppendQuote(line, e.Table.Schema)
	line = append(line, `,"table":`...)
	line = strconv.AppendQuote(line, e.Table.Name)
	line = append(line, `,"type":`...)
	line = strconv.AppendQuote(line, e.Action)
	line = append(line, `,"es":`...)
	line = strconv.AppendUint(line, uint64(e.Header.Timestamp), 10)
	line = append(line, `,"data":{`...)
	for i, column := range e.Table.Columns {
		if i > 0 {
			line = append(line, ',')
		}
		line = append(strconv.AppendQuote(line, column.Name), ':')
		var err error
		if line, err = appendValue(line, row[i]); err != nil {
			return line, err
		}
	}
	return append(line, "}}\n"...), nil
}

// appendValue writes the common types itself: reflection would cost more than the rest of the program.
func appendValue(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case int8:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int16:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64), nil
	}
	text, err := json.Marshal(v)
	return append(b, text...), err
}
