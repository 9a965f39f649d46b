package schema

import (
	"context"
	"errors"
	"fmt"
)

// A Reader reads a table's definition as it is in the upstream now; every sources.Source is one.
type Reader interface {
	// ReadTable gives ErrNoTable, or an error that wraps it, if there is no such table.
	ReadTable(ctx context.Context, ref Ref) (*Table, error)
}

// ReadBack reads the definitions that a statement needs which Apply could not read, for ApplyRead.
func ReadBack(ctx context.Context, r Reader, u *Unreadable) (map[Ref]*Table, error) {
	read := make(map[Ref]*Table, len(u.Refs))
	for _, ref := range u.Refs {
		t, err := r.ReadTable(ctx, ref)
		switch {
		case errors.Is(err, ErrNoTable):
		case err != nil:
			return nil, fmt.Errorf("read the definition of %s back: %w", ref, err)
		default:
			read[ref] = t
		}
	}
	return read, nil
}

// ApplyOrRead applies a statement, reading definitions back where it must.
func ApplyOrRead(ctx context.Context, k *Tracker, r Reader, s Statement) (*DDL, error) {
	ddl, err := k.Apply(s)
	var u *Unreadable
	if !errors.As(err, &u) {
		return ddl, err
	}
	read, err := ReadBack(ctx, r, u)
	if err != nil {
		return nil, err
	}
	return k.ApplyRead(s, read)
}
