package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A State is how a changefeed does, as an operator sees it.
type State string

// The states of a changefeed.
const (
	Normal   State = "normal"
	Warning  State = "warning"  // retrying; the reason says why
	Failed   State = "failed"   // no retry can help; the reason says why
	Stopped  State = "stopped"  // by an operator
	Finished State = "finished" // reached its end
)

// A Changefeed is the record of one replication task. It holds no secret: the passwords in its URIs are masked; see URIs.
type Changefeed struct {
	Name       string          `json:"name"`
	UUID       string          `json:"uuid"` // new for each creation, also under an old name
	Source     string          `json:"source"`
	Sink       string          `json:"sink"`
	SourceHash string          `json:"source_hash"` // of IdentityOf the source URI
	SinkHash   string          `json:"sink_hash"`
	Config     json.RawMessage `json:"config,omitempty"`
	Version    uint64          `json:"version"` // of the configuration and the URIs; each change counts
	State      State           `json:"state"`
	Reason     string          `json:"reason,omitempty"`  // of the state, never row data or credentials
	RetryAt    time.Time       `json:"retry_at,omitzero"` // of a warning
	Since      time.Time       `json:"since,omitzero"`    // when the state began
	Errors     []FeedError     `json:"errors,omitempty"`  // the last ones, the newest last
	Created    time.Time       `json:"created"`
}

// NewChangefeed makes the record of a changefeed between two URIs, in state normal.
func NewChangefeed(name, uuid, source, sink string, config json.RawMessage, created time.Time) (Changefeed, error) {
	cf := Changefeed{Name: name, UUID: uuid, Config: config, Version: 1, State: Normal, Since: created.UTC(), Created: created.UTC()}
	if err := checkName("changefeed", name); err != nil {
		return cf, err
	}
	err := cf.between(source, sink)
	return cf, err
}

// between notes the URIs, masked.
func (cf *Changefeed) between(source, sink string) (err error) {
	if cf.Source, cf.SourceHash, err = describe(source); err != nil {
		return fmt.Errorf("changefeed %s: source %w", cf.Name, err)
	}
	if cf.Sink, cf.SinkHash, err = describe(sink); err != nil {
		return fmt.Errorf("changefeed %s: sink %w", cf.Name, err)
	}
	return nil
}

// SameSource tells whether the URI names the upstream that the changefeed was made for; user, password and secret
// options may differ.
func (cf Changefeed) SameSource(uri string) bool { return sameIdentity(uri, cf.SourceHash) }

// SameSink tells whether the URI names the downstream that the changefeed was made for.
func (cf Changefeed) SameSink(uri string) bool { return sameIdentity(uri, cf.SinkHash) }

func sameIdentity(uri, hash string) bool {
	h, err := IdentityOf(uri)
	return err == nil && h == hash
}

const masked = "xxxxx"

// Mask replaces the password and every secret option of a URI.
func Mask(uri string) (string, error) {
	u, err := parse(uri)
	if err != nil {
		return "", err
	}
	if _, has := u.User.Password(); has {
		u.User = url.UserPassword(u.User.Username(), masked)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errNotURI
	}
	for name := range q {
		if isSecret(name) {
			q[name] = []string{masked}
		}
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// IdentityOf hashes what says which upstream or downstream a URI names: scheme, host, path and the options, in any
// order, but those that are secret or only say how the connection is encrypted.
func IdentityOf(uri string) (string, error) {
	u, err := parse(uri)
	if err != nil {
		return "", err
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", errNotURI
	}
	for name := range q {
		if isSecret(name) || isEncryption(name) {
			q.Del(name)
		}
	}
	id := strings.Join([]string{strings.ToLower(u.Scheme), strings.ToLower(u.Host), strings.TrimRight(u.Path, "/"), q.Encode()}, "\n")
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16]), nil
}

func describe(uri string) (shown, hash string, err error) {
	if shown, err = Mask(uri); err != nil {
		return "", "", err
	}
	hash, err = IdentityOf(uri)
	return shown, hash, err
}

// errNotURI repeats nothing of the text, as net/url's own errors do: a password may be in it.
var errNotURI = errors.New("is not a URI: write scheme://user:password@host:port/path and percent-encode special characters")

func parse(uri string) (*url.URL, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return nil, errNotURI
	}
	return u, nil
}

var secretWords = []string{"password", "passwd", "secret", "token", "credential", "access-key", "access_key", "accesskey", "account-key", "private-key"}

func isSecret(option string) bool {
	option = strings.ToLower(option)
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(option, w) })
}

// isEncryption tells the options tls, tls-ca, tls-cert and so on.
func isEncryption(option string) bool {
	option = strings.ToLower(option)
	return option == "tls" || strings.HasPrefix(option, "tls-")
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)

// checkName sees that a name of something can be part of a key.
func checkName(what, name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("%s name %q: use 1 to 128 letters, digits, '.', '_' and '-', a letter or digit first", what, name)
	}
	return nil
}
