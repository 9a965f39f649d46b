package codec

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Options reads a protocol's options from URI query values. What a Maker asks for is what the protocol knows; the
// first invalid value, and any option nobody asked for, becomes the error of Open.
type Options struct {
	protocol string
	values   url.Values
	known    []string
	err      error
}

// String reads a text, def if it is not given.
func (o *Options) String(name, def string) string {
	o.known = append(o.known, name)
	switch values := o.values[name]; len(values) {
	case 0:
		return def
	case 1:
		return values[0]
	default:
		o.invalid(name, strings.Join(values, ", "), "give it once")
		return def
	}
}

// Bool reads "true" or "false".
func (o *Options) Bool(name string, def bool) bool {
	switch s := o.String(name, ""); {
	case s == "true":
		return true
	case s == "false":
		return false
	case s != "" || o.values.Has(name):
		o.invalid(name, s, "use true or false")
	}
	return def
}

// OneOf reads one of the allowed words, of which the first is the default.
func (o *Options) OneOf(name string, allowed ...string) string {
	s := o.String(name, allowed[0])
	if !slices.Contains(allowed, s) {
		quoted := make([]string, len(allowed))
		for i, a := range allowed {
			quoted[i] = fmt.Sprintf("%q", a)
		}
		o.invalid(name, s, "use "+strings.Join(quoted, " or "))
	}
	return s
}

// Location reads a time zone, "UTC" if it is not given.
func (o *Options) Location(name string) *time.Location {
	s := o.String(name, "UTC")
	loc, err := time.LoadLocation(s)
	if s == "" || err != nil {
		o.invalid(name, s, `use a name of the IANA database, for example "UTC" or "Europe/Berlin"`)
		return time.UTC
	}
	return loc
}

func (o *Options) invalid(name, value, fix string) {
	if o.err == nil {
		o.err = fmt.Errorf("protocol %s: option %s=%q: %s", o.protocol, name, value, fix)
	}
}

func (o *Options) check() error {
	if o.err != nil {
		return o.err
	}
	slices.Sort(o.known)
	for _, name := range slices.Sorted(maps.Keys(o.values)) {
		if !slices.Contains(o.known, name) {
			return fmt.Errorf("protocol %s: unknown option %q: known are %s", o.protocol, name, strings.Join(o.known, ", "))
		}
	}
	return nil
}
