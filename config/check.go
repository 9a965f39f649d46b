package config

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/weir-cdc/weir/filter"
)

// An Error is a setting that cannot be used as it is.
type Error struct {
	Setting string
	Problem string
	Fix     string
}

func (e *Error) Error() string { return "--" + e.Setting + ": " + e.Problem + ": " + e.Fix }

// Resolve reads the URIs from where they were put instead of in From and To: a file, else the environment.
func (c *Config) Resolve(getenv func(string) string) error {
	if err := resolve(&c.From, "from", c.FromFile, getenv("WEIR_FROM")); err != nil {
		return err
	}
	return resolve(&c.To, "to", c.ToFile, getenv("WEIR_TO"))
}

func resolve(uri *string, name, file, environment string) error {
	switch {
	case *uri != "" && file != "":
		return &Error{name, "--" + name + "-file is given too", "give one of the two"}
	case *uri != "":
	case file != "":
		text, err := os.ReadFile(file)
		if err != nil {
			return &Error{name + "-file", err.Error(), "name a readable file that holds the URI"}
		}
		*uri = strings.TrimSpace(string(text))
	default:
		*uri = environment
	}
	return nil
}

const (
	fromFix = "give the upstream, as in mysql://user@host:3306/"
	toFix   = "give the downstream, as in file:///srv/out"
)

// CheckURIs looks at the two ends alone, either of which may be missing, but not both.
func (c *Config) CheckURIs() error {
	if c.To == "" {
		return checkURI("from", c.From, fromFix)
	}
	if c.From == "" {
		return checkURI("to", c.To, toFix)
	}
	return errors.Join(checkURI("from", c.From, fromFix), checkURI("to", c.To, toFix))
}

// Check looks at every setting by itself and tells all that is wrong. Nothing is connected to.
func (c *Config) Check() error {
	return errors.Join(
		checkURI("from", c.From, fromFix),
		checkURI("to", c.To, toFix),
		c.checkTables(),
		c.checkPositions(),
		c.checkSizes(),
		c.checkSyncpoints(),
		c.checkPatience(),
		c.checkTimeZone(),
		oneOf("log-level", c.LogLevel, "debug", "info", "warn", "error"),
		oneOf("log-format", c.LogFormat, "text", "json"),
	)
}

// checkURI never repeats the URI, which may hold a password.
func checkURI(name, uri, fix string) error {
	if uri == "" {
		return &Error{name, "is missing", fix}
	}
	if u, err := url.Parse(uri); err != nil || u.Scheme == "" {
		return &Error{name, "is no URI", fix + "; a password's special characters are written as %40 for @, %2F for /, %3A for :"}
	}
	return nil
}

func (c *Config) checkTables() error {
	if _, err := filter.Parse(c.Tables); err != nil {
		return fmt.Errorf("--tables: %w", err)
	}
	return nil
}

func (c *Config) checkPositions() error {
	if c.StartAt == "" {
		return &Error{"start-at", "is empty", "give current, earliest, gtid:SET or FILE:POS"}
	}
	if c.StopAt == "earliest" {
		return &Error{"stop-at", "earliest is before every change", "give current, gtid:SET or FILE:POS"}
	}
	return nil
}

// Below these a changefeed could not hold one large row, or one segment of the relay log.
const (
	leastMemory    = 64 * MiB
	leastRelaySize = 256 * MiB
)

func (c *Config) checkSizes() error {
	return errors.Join(
		atLeast("memory", c.Memory, leastMemory),
		atLeast("relay-size", c.RelaySize, leastRelaySize),
	)
}

func atLeast(name string, size, least Size) error {
	if size < least {
		return &Error{name, fmt.Sprintf("%v is too small", size), fmt.Sprintf("give at least %v", least)}
	}
	return nil
}

func (c *Config) checkSyncpoints() error {
	if c.SyncpointInterval < 0 || c.SyncpointInterval > 0 && c.SyncpointInterval < time.Second {
		return &Error{"syncpoint-interval", fmt.Sprintf("%v is too short", c.SyncpointInterval), "give at least 1s, or 0 for no syncpoints"}
	}
	return nil
}

func (c *Config) checkPatience() error {
	if c.GiveUpAfter < 0 || c.GiveUpAfter > 0 && c.GiveUpAfter < time.Second {
		return &Error{"give-up-after", fmt.Sprintf("%v is too short", c.GiveUpAfter), "give at least 1s, or 0 to try for good"}
	}
	return nil
}

func (c *Config) checkTimeZone() error {
	if _, err := time.LoadLocation(c.TimeZone); err != nil {
		return &Error{"time-zone", fmt.Sprintf("%q is not known", c.TimeZone), "give a name like UTC or Europe/Berlin"}
	}
	return nil
}

func oneOf(name, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return &Error{name, fmt.Sprintf("%q is not known", value), "give " + strings.Join(choices, ", ")}
}
