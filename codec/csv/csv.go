// Package csv is the protocol "csv": a line for each row, in the form that TiCDC publishes (docs/formats.md).
//
//	op,"table","schema"[,commit-ts][,is-update],column...
//
// Its one invariant: a reader that applies the lines in order has the table. A "U" line carries the new values alone, so
// an update that changes the handle key, and any update of a table without one, is a "D" line and an "I" line.
package csv

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/schema"
)

func init() { codec.Register("csv", open) }

// Options are the protocol's options; New takes them unchecked, codec.Open reads and checks them.
type Options struct {
	Delimiter       string // one to three characters
	Quote           string // one character, or none: then strings carry backslash escapes
	Null            string
	Terminator      string
	Hex             bool // binary as hexadecimal digits, else as base64
	IncludeCommitTs bool
	OutputOldValue  bool // an update is two lines, and each line tells whether it is part of one
	Location        *time.Location
}

// Defaults are the options that hold if none is given.
func Defaults() Options {
	return Options{Delimiter: ",", Quote: `"`, Null: `\N`, Terminator: "\r\n", Location: time.UTC}
}

type protocol struct{ Options }

// New makes the codec.
func New(o Options) codec.Codec { return protocol{o} }

func (protocol) Protocol() string  { return "csv" }
func (protocol) Extension() string { return ".csv" }

func (p protocol) Table(t *schema.Table) codec.Encoder { return newEncoder(p.Options, t) }

func open(o *codec.Options) (codec.Codec, error) {
	d := Defaults()
	opts := Options{
		Delimiter:       o.String("delimiter", d.Delimiter),
		Quote:           o.String("quote", d.Quote),
		Null:            o.String("null", d.Null),
		Terminator:      o.OneOf("terminator", "\r\n", "\n"),
		Hex:             o.OneOf("binary-encoding-method", "base64", "hex") == "hex",
		IncludeCommitTs: o.Bool("include-commit-ts", d.IncludeCommitTs),
		OutputOldValue:  o.Bool("output-old-value", d.OutputOldValue),
		Location:        o.Location("timezone"),
	}
	if err := opts.check(); err != nil {
		return nil, err
	}
	return New(opts), nil
}

const (
	// Numbers stand bare, so what separates them can be no part of one.
	bare = "0123456789+-.eE"
	// A letter behind a backslash could be a line break's.
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

func (o Options) check() error {
	switch {
	case o.Delimiter == "" || len(o.Delimiter) > 3:
		return fmt.Errorf("option delimiter=%q: use one to three characters", o.Delimiter)
	case strings.ContainsAny(o.Delimiter, "\r\n\\"+bare):
		return fmt.Errorf("option delimiter=%q: use no line break, backslash, or character of a number", o.Delimiter)
	case o.Quote == "" && strings.ContainsAny(o.Delimiter, letters):
		return fmt.Errorf("option delimiter=%q: use no letter where there is no quote character", o.Delimiter)
	case len(o.Quote) > 1:
		return fmt.Errorf("option quote=%q: use one character, or none", o.Quote)
	case o.Quote != "" && strings.ContainsAny(o.Quote, "\r\n\\"+bare):
		return fmt.Errorf("option quote=%q: use no line break, backslash, or character of a number", o.Quote)
	case o.Quote != "" && strings.Contains(o.Delimiter, o.Quote):
		return errors.New("options delimiter and quote: use different characters")
	case strings.ContainsAny(o.Null, "\r\n"+o.Quote) || strings.Contains(o.Null, o.Delimiter):
		return fmt.Errorf("option null=%q: use no line break, delimiter or quote", o.Null)
	case o.Quote == "" && !strings.HasPrefix(o.Null, `\`):
		return fmt.Errorf(`option null=%q: without a quote character it must begin with a backslash, to differ from a string`, o.Null)
	}
	return nil
}
