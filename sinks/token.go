package sinks

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Token is a dispatcher's place in the order of dispatchers: its id "epoch.n" as two numbers. Of two dispatchers for
// one key the one with the higher token came later, and fences the other wherever it has claimed.
type Token struct{ Epoch, N uint64 }

// ParseToken reads a dispatcher's id.
func ParseToken(dispatcher string) (Token, error) {
	epoch, n, _ := strings.Cut(dispatcher, ".")
	var t Token
	var err1, err2 error
	t.Epoch, err1 = strconv.ParseUint(epoch, 10, 64)
	t.N, err2 = strconv.ParseUint(n, 10, 64)
	if err := errors.Join(err1, err2); err != nil || t.IsZero() {
		return Token{}, fmt.Errorf("dispatcher id %q is not of the form epoch.n", dispatcher)
	}
	return t, nil
}

// IsZero tells that t is no dispatcher's.
func (t Token) IsZero() bool { return t == Token{} }

// Compare orders tokens as cmp.Compare does.
func (t Token) Compare(u Token) int {
	if c := cmp.Compare(t.Epoch, u.Epoch); c != 0 {
		return c
	}
	return cmp.Compare(t.N, u.N)
}

func (t Token) String() string { return fmt.Sprintf("%d.%d", t.Epoch, t.N) }

// MarshalText makes a token's text.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText undoes MarshalText.
func (t *Token) UnmarshalText(text []byte) (err error) {
	*t, err = ParseToken(string(text))
	return err
}
