package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A Value is a setting's value as text. It is what flag packages call a value.
type Value interface {
	String() string
	Set(text string) error
	Type() string
}

// A Size is a number of bytes. Its text is "64MiB", "1.5GiB", "10GB", "512k" or plain bytes; a unit without "iB" or "B"
// is binary.
type Size int64

// The binary units.
const (
	KiB Size = 1 << (10 * (iota + 1))
	MiB
	GiB
	TiB
)

var units = []struct {
	suffix string
	bytes  float64
}{
	{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
	{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12},
	{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1 << 40},
	{"b", 1}, {"", 1},
}

// Set parses text.
func (s *Size) Set(text string) error {
	number := strings.ToLower(strings.TrimSpace(text))
	for _, u := range units {
		digits, ok := strings.CutSuffix(number, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if err != nil || !(n >= 0) || n*u.bytes >= math.MaxInt64 {
			break
		}
		*s = Size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%q is no size: write one like 64MiB or 1.5GiB", text)
}

// String gives the shortest exact form.
func (s Size) String() string {
	for _, u := range []struct {
		bytes Size
		name  string
	}{{TiB, "TiB"}, {GiB, "GiB"}, {MiB, "MiB"}, {KiB, "KiB"}} {
		if s >= u.bytes && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Type names the kind of value in help.
func (s Size) Type() string { return "size" }

type textValue string

func (v *textValue) Set(text string) error { *v = textValue(text); return nil }
func (v *textValue) String() string        { return string(*v) }
func (v *textValue) Type() string          { return "string" }

type boolValue bool

func (v *boolValue) Set(text string) error {
	b, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	*v = boolValue(b)
	return nil
}
func (v *boolValue) String() string { return strconv.FormatBool(bool(*v)) }
func (v *boolValue) Type() string   { return "bool" }

type durationValue time.Duration

func (v *durationValue) Set(text string) error {
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("%q is no duration: write one like 500ms, 10s or 5m", text)
	}
	*v = durationValue(d)
	return nil
}
func (v *durationValue) String() string { return time.Duration(*v).String() }
func (v *durationValue) Type() string   { return "duration" }

type idValue uint32

func (v *idValue) Set(text string) error {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return fmt.Errorf("%q is no id: write a number from 1 to 4294967295, or 0 to have one chosen", text)
	}
	*v = idValue(n)
	return nil
}
func (v *idValue) String() string { return strconv.FormatUint(uint64(*v), 10) }
func (v *idValue) Type() string   { return "id" }

// A listValue takes texts separated by commas, and the first Set replaces the default.
type listValue struct {
	list *[]string
	set  bool
}

func (v *listValue) Set(text string) error {
	if !v.set {
		*v.list, v.set = nil, true
	}
	*v.list = append(*v.list, split(text)...)
	return nil
}
func (v *listValue) String() string { return strings.Join(*v.list, ",") }
func (v *listValue) Type() string   { return "list" }

// split cuts at commas, but not within the quotes or the regular expression of a rule.
func split(text string) (parts []string) {
	var inside rune
	start := 0
	escaped := false
	for i, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case inside != 0:
			if r == inside {
				inside = 0
			}
		case r == '`' || r == '"' || r == '/':
			inside = r
		case r == ',':
			parts, start = append(parts, strings.TrimSpace(text[start:i])), i+1
		}
	}
	return append(parts, strings.TrimSpace(text[start:]))
}
