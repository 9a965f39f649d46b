package replay

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A field is one field of a CSV line; whether it was quoted tells NULL from the text \N.
type field struct {
	text   string
	quoted bool
}

// readCSV reads a file of the default dialect: comma, double quotes, \N for NULL, CRLF. How many fields a line has
// beyond the columns tells whether it carries a commit-ts and the update mark.
func readCSV(data []byte, d *Definition) ([]Row, error) {
	var rows []Row
	for len(data) > 0 {
		fields, rest, err := csvLine(data)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
		}
		row, err := csvRow(fields, d)
		if err != nil {
			return nil, fmt.Errorf("row %d: %w", len(rows)+1, err)
		}
		rows, data = append(rows, row), rest
	}
	return rows, nil
}

func csvLine(data []byte) (fields []field, rest []byte, err error) {
	for {
		var f field
		if len(data) > 0 && data[0] == '"' {
			if f, data, err = quotedField(data[1:]); err != nil {
				return nil, nil, err
			}
		} else {
			end := bytes.IndexAny(data, ",\r")
			if end < 0 {
				return nil, nil, errors.New("the file ends within a line")
			}
			f, data = field{text: string(data[:end])}, data[end:]
		}
		fields = append(fields, f)
		switch {
		case bytes.HasPrefix(data, []byte(",")):
			data = data[1:]
		case bytes.HasPrefix(data, []byte("\r\n")):
			return fields, data[2:], nil
		default:
			return nil, nil, fmt.Errorf("field %d is followed by neither a comma nor CRLF", len(fields))
		}
	}
}

// quotedField reads a field after its opening quote; a doubled quote stands for one.
func quotedField(data []byte) (field, []byte, error) {
	var text strings.Builder
	for {
		end := bytes.IndexByte(data, '"')
		if end < 0 {
			return field{}, nil, errors.New("the file ends within a quoted field")
		}
		text.Write(data[:end])
		data = data[end+1:]
		if len(data) == 0 || data[0] != '"' {
			return field{text: text.String(), quoted: true}, data, nil
		}
		text.WriteByte('"')
		data = data[1:]
	}
}

func csvRow(fields []field, d *Definition) (Row, error) {
	head := len(fields) - len(d.TableColumns)
	if head != 4 && head != 5 {
		return Row{}, fmt.Errorf("%d fields for %d columns; with the commit-ts there should be 4 or 5 more", len(fields), len(d.TableColumns))
	}
	if fields[1].text != d.Table || fields[2].text != d.Schema {
		return Row{}, fmt.Errorf("a row of %s.%s among those of %s", fields[2].text, fields[1].text, d.Name())
	}
	if op := fields[0].text; op != "I" && op != "U" && op != "D" {
		return Row{}, fmt.Errorf("unknown operation %q", op)
	}
	ts, err := strconv.ParseUint(fields[3].text, 10, 64)
	if err != nil {
		return Row{}, fmt.Errorf("read the commit-ts: %w", err)
	}
	row := Row{Op: Op(fields[0].text[0]), CommitTs: ts}
	for i, f := range fields[head:] {
		v, err := csvValue(f, &d.TableColumns[i])
		if err != nil {
			return Row{}, fmt.Errorf("column %s: %w", d.TableColumns[i].Name, err)
		}
		row.Values = append(row.Values, v)
	}
	return row, nil
}

func csvValue(f field, c *Column) (Value, error) {
	if !f.quoted && f.text == `\N` {
		return Value{Null: true}, nil
	}
	if !c.binary() {
		return Value{Text: f.text}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(f.text)
	if err != nil {
		return Value{}, fmt.Errorf("decode base64: %w", err)
	}
	return Value{Text: string(raw)}, nil
}

// binary tells the types whose values are bytes.
func (c *Column) binary() bool {
	switch c.Type {
	case "BINARY", "VARBINARY", "TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB", "GEOMETRY", "POINT", "LINESTRING",
		"POLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION", "VECTOR":
		return true
	}
	return false
}
