package sources

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
)

// Settings are what a source is told beside its URI.
type Settings struct {
	ServerID uint32 // as a replica; 0 chooses one
	Log      *logrus.Entry
}

// An Opener makes the source that a URI names. It checks the URI, and connects to nothing.
type Opener func(uri string, s Settings) (Source, error)

var openers = map[string]Opener{}

// Register makes a URI scheme known to Open. It is called while the program is put together, and panics on a repeated
// scheme.
func Register(scheme string, open Opener) {
	if _, taken := openers[scheme]; taken {
		panic("sources: scheme " + scheme + " is registered twice")
	}
	openers[scheme] = open
}

// Open makes the source that a URI names.
func Open(uri string, s Settings) (Source, error) {
	u, err := url.Parse(uri)
	if err != nil {
		// The parser's error repeats the whole URI, which may hold a password.
		return nil, fmt.Errorf("parse the source URI: it is no URI: use one like %s", examples())
	}
	open, ok := openers[u.Scheme]
	if !ok {
		return nil, fmt.Errorf("unknown source scheme %q: use one like %s", u.Scheme, examples())
	}
	return open(uri, s)
}

func examples() string {
	var list []string
	for _, scheme := range slices.Sorted(maps.Keys(openers)) {
		list = append(list, scheme+"://...")
	}
	return strings.Join(list, " or ")
}
