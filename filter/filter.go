// Package filter selects tables by rules in the form that TiDB's tools use: "shop.*", "!shop.tmp_*".
//
// A rule is a schema pattern, a dot and a table pattern; the last rule that matches a table decides, and "!" before a
// rule excludes. A table that no rule matches is not selected. The server's own schemas never are, whatever the rules.
package filter

import "strings"

// A Filter is a parsed list of rules. It is immutable.
type Filter struct {
	rules         []rule
	caseSensitive bool
}

// A rule selects, or excludes, what both of its patterns match.
type rule struct {
	exclude       bool
	schema, table pattern
}

// An Option changes how rules are read.
type Option func(*Filter)

// CaseSensitive makes "Shop.*" and "shop.*" differ. Without it letter case is ignored.
func CaseSensitive() Option { return func(f *Filter) { f.caseSensitive = true } }

// All selects every table but those of the server's own schemas.
func All() *Filter {
	f, err := Parse([]string{"*.*"})
	if err != nil {
		panic(err) // the rule is a constant
	}
	return f
}

// Parse reads the rules. An error is an *Error and tells which rule, where in it, and how to mend it.
func Parse(rules []string, options ...Option) (*Filter, error) {
	f := &Filter{}
	for _, o := range options {
		o(f)
	}
	for _, text := range rules {
		r, err := parseRule(text, f.caseSensitive)
		if err != nil {
			return nil, err
		}
		f.rules = append(f.rules, r)
	}
	if len(f.rules) == 0 {
		return nil, &Error{What: "there is no rule", Fix: `give one, for example "*.*" for all tables`}
	}
	return f, nil
}

// Match tells whether the table is selected.
func (f *Filter) Match(schema, table string) bool {
	if System(schema) {
		return false
	}
	for i := len(f.rules) - 1; i >= 0; i-- {
		r := &f.rules[i]
		if r.schema.match(schema) && r.table.match(table) {
			return !r.exclude
		}
	}
	return false
}

// MatchSchema tells whether a table of the schema could be selected.
func (f *Filter) MatchSchema(schema string) bool {
	if System(schema) {
		return false
	}
	for i := len(f.rules) - 1; i >= 0; i-- {
		r := &f.rules[i]
		switch {
		case !r.schema.match(schema):
		case !r.exclude:
			return true
		case r.table.any():
			return false
		}
	}
	return false
}

// System tells the server's own schemas, which hold no user data.
func System(schema string) bool {
	switch strings.ToLower(schema) {
	case "mysql", "information_schema", "performance_schema", "sys":
		return true
	}
	return false
}
