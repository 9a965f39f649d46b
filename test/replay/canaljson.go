package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// canalMessage is one line of canal-json. Values are strings or null.
type canalMessage struct {
	Database, Table string
	IsDDL           bool `json:"isDdl"`
	Type            string
	Old, Data       []map[string]*string
	TiDB            struct {
		CommitTs uint64 `json:"commitTs"`
	} `json:"_tidb"`
}

func readCanalJSON(data []byte, d *Definition) ([]Row, error) {
	var rows []Row
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\r\n"))
		if !whole {
			return nil, fmt.Errorf("row %d: the file ends within a line", len(rows)+1)
		}
		row, err := canalRow(line, d)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
		}
		rows, data = append(rows, row), rest
	}
	return rows, nil
}

func canalRow(line []byte, d *Definition) (Row, error) {
	var m canalMessage
	if err := json.Unmarshal(line, &m); err != nil {
		return Row{}, err
	}
	op, ok := map[string]Op{"INSERT": Insert, "UPDATE": Update, "DELETE": Delete}[m.Type]
	switch {
	case m.IsDDL || !ok:
		return Row{}, fmt.Errorf("type %q is no row", m.Type)
	case m.Table != d.Table || m.Database != d.Schema:
		return Row{}, fmt.Errorf("a row of %s.%s among those of %s", m.Database, m.Table, d.Name())
	case m.TiDB.CommitTs == 0:
		return Row{}, errors.New("it has no _tidb.commitTs; write with enable-tidb-extension")
	case len(m.Data) != 1:
		return Row{}, fmt.Errorf("data has %d rows, want 1", len(m.Data))
	}
	row := Row{Op: op, CommitTs: m.TiDB.CommitTs}
	var err error
	if row.Values, err = canalValues(m.Data[0], nil, d); err != nil {
		return Row{}, fmt.Errorf("data: %w", err)
	}
	if op == Update && len(m.Old) == 1 {
		if row.Old, err = canalValues(m.Old[0], row.Values, d); err != nil {
			return Row{}, fmt.Errorf("old: %w", err)
		}
	}
	return row, nil
}

// canalValues puts an object's values in column order; a column that it lacks is the one of rest, where that is given.
func canalValues(object map[string]*string, rest []Value, d *Definition) ([]Value, error) {
	values := make([]Value, len(d.TableColumns))
	for i := range d.TableColumns {
		c := &d.TableColumns[i]
		text, ok := object[c.Name]
		switch {
		case !ok && rest == nil:
			return nil, fmt.Errorf("column %s is missing", c.Name)
		case !ok:
			values[i] = rest[i]
		case text == nil:
			values[i] = Value{Null: true}
		case c.binary():
			raw, err := latin1(*text)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", c.Name, err)
			}
			values[i] = Value{Text: raw}
		default:
			values[i] = Value{Text: *text}
		}
	}
	return values, nil
}

// latin1 gives the bytes that the characters of s stand for.
func latin1(s string) (string, error) {
	raw := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return "", fmt.Errorf("%q is no byte", r)
		}
		raw = append(raw, byte(r))
	}
	return string(raw), nil
}
