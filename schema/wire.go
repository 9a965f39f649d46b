package schema

import (
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// EncodeTable gives a definition in the form that the history keeps too: JSON, gzipped if large. DecodeTable gives back an
// equal one.
func EncodeTable(t *Table) ([]byte, error) {
	b, err := encode(t)
	if err != nil {
		return nil, fmt.Errorf("encode the definition of %s (version %d): %w", t.Ref(), t.Version, err)
	}
	return b, nil
}

// DecodeTable undoes EncodeTable.
func DecodeTable(b []byte) (*Table, error) {
	t := new(Table)
	if err := decode(b, t); err != nil {
		return nil, fmt.Errorf("decode a definition of %d bytes: %w", len(b), err)
	}
	return t, nil
}

// columnFields is a Column without its methods.
type columnFields Column

// columnJSON adds to a column what JSON's text can not hold: a default of bytes that are no UTF-8.
type columnJSON struct {
	columnFields
	DefaultBytes []byte `json:",omitempty"`
}

// MarshalJSON implements json.Marshaler.
func (c Column) MarshalJSON() ([]byte, error) {
	j := columnJSON{columnFields: columnFields(c)}
	if c.Default != nil && !utf8.ValidString(*c.Default) {
		j.Default, j.DefaultBytes = nil, []byte(*c.Default)
	}
	return json.Marshal(j)
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *Column) UnmarshalJSON(b []byte) error {
	j := columnJSON{columnFields: columnFields(*c)}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	if *c = Column(j.columnFields); j.DefaultBytes != nil {
		text := string(j.DefaultBytes)
		c.Default = &text
	}
	return nil
}
