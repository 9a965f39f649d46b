package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// ReadFile sets what a TOML file sets, except the settings that the caller keeps: those given as flags. Keys are the
// settings' names; an unknown one is an error that names the nearest.
func (c *Config) ReadFile(path string, keep func(name string) bool) error {
	return readFile(path, c.Settings(), keep)
}

func readFile(path string, settings []Setting, keep func(name string) bool) error {
	var keys map[string]any
	if _, err := toml.DecodeFile(path, &keys); err != nil {
		return fmt.Errorf("read %s: %w", path, fileError(err))
	}
	values := map[string]Value{}
	for _, s := range settings {
		values[s.Name] = s.Value
	}
	for _, name := range sortedKeys(keys) {
		v, known := values[name]
		if !known {
			return fmt.Errorf("read %s: unknown key %q%s", path, name, suggest(name, settings))
		}
		if keep(name) {
			continue
		}
		if err := setTOML(v, keys[name]); err != nil {
			return fmt.Errorf("read %s: key %s: %w", path, name, err)
		}
	}
	return nil
}

// fileError leaves out what the parser quotes of the file, which may hold a password.
func fileError(err error) error {
	var p toml.ParseError
	if errors.As(err, &p) {
		return fmt.Errorf("line %d: it is no TOML: write one setting a line, as in: tables = [\"shop.*\"]", p.Position.Line)
	}
	var pathError *os.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// setTOML sets a value from a TOML string, number, truth value, or list of strings.
func setTOML(v Value, value any) error {
	switch value := value.(type) {
	case string:
		return v.Set(value)
	case int64, bool, float64:
		if d, ok := v.(*durationValue); ok && value != int64(0) {
			return fmt.Errorf("%v has no unit: write a text like %q", value, time.Duration(*d))
		}
		return v.Set(strings.TrimSpace(fmt.Sprint(value)))
	case []any:
		list, ok := v.(*listValue)
		if !ok {
			return errors.New("a list is given where one value is wanted")
		}
		texts := make([]string, len(value))
		for i, item := range value {
			if texts[i], ok = item.(string); !ok {
				return fmt.Errorf("item %d is no string", i+1)
			}
		}
		*list.list, list.set = texts, true
		return nil
	}
	return errors.New("it is neither a string, a number, true or false, nor a list of strings")
}

// Suggest says which setting an unknown name may stand for, as the end of an error, or nothing.
func Suggest(name string) string { return Default().suggest(name) }

func (c *Config) suggest(name string) string { return suggest(name, c.Settings()) }

func suggest(name string, settings []Setting) string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.Name
	}
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// Nearest gives the one of the names that an unknown name may stand for, "" if it is like none.
func Nearest(name string, names []string) (best string) {
	distance := 4
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	for _, n := range names {
		if d := edits(name, strings.ReplaceAll(n, "_", "-")); d < distance && d < len(n) {
			best, distance = n, d
		}
	}
	return best
}

// edits counts the letters to add, drop or replace to make b out of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
