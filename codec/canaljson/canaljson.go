// Package canaljson is the protocol "canal-json": a JSON object for each row change, in the form that TiCDC publishes
// (docs/formats.md), its keys always in the same order. Every value is a string or null; what is written is valid JSON
// whatever bytes a column holds.
package canaljson

import (
	"time"

	"github.com/weir-cdc/weir/codec"
	"github.com/weir-cdc/weir/schema"
)

func init() { codec.Register("canal-json", open) }

// Options are the protocol's options.
type Options struct {
	Extension   bool   // end each message in "_tidb", which tells the commit-ts
	OnlyUpdated bool   // an UPDATE's "old" has the changed columns alone
	FullTypes   bool   // "mysqlType" has lengths, digits and labels
	Terminator  string // after each message
	Location    *time.Location
}

// Defaults are the options that hold if none is given.
func Defaults() Options { return Options{Terminator: "\r\n", Location: time.UTC} }

type protocol struct{ opts Options }

var _ codec.Messenger = protocol{}

// New makes the codec.
func New(o Options) codec.Codec { return protocol{o} }

func (protocol) Protocol() string  { return "canal-json" }
func (protocol) Extension() string { return ".json" }

func (p protocol) Table(t *schema.Table) codec.Encoder { return newEncoder(p.opts, t) }

func open(o *codec.Options) (codec.Codec, error) {
	d := Defaults()
	compatible := o.Bool("content-compatible", false)
	return New(Options{
		Extension:   o.Bool("enable-tidb-extension", d.Extension),
		OnlyUpdated: o.Bool("only-output-updated-columns", compatible) || compatible,
		FullTypes:   compatible,
		Terminator:  o.OneOf("terminator", d.Terminator, "\n", ""),
		Location:    o.Location("timezone"),
	}), nil
}
