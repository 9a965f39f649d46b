// Package config holds what a user can set: each setting once, with its name, its default, its meaning and its check.
// A setting's flag is --name and its key in a TOML file is name; both go through the same Value, so they cannot differ.
// It reads no environment and no file but the one it is told to.
package config

import (
	"path/filepath"
	"time"
)

// A Config is everything that a node and its changefeed are told.
type Config struct {
	// Changefeed names the replication task in the data directory.
	Changefeed string
	// From and To are the URIs of the upstream and the downstream; FromFile and ToFile name files that hold them.
	From, To         string
	FromFile, ToFile string
	// Tables are the filter's rules.
	Tables        []string
	CaseSensitive bool
	// StartAt is where a new changefeed begins; StopAt where it ends, "" never.
	StartAt, StopAt string
	// SyncpointInterval is the upstream's time between two consistent cuts; 0 makes none.
	SyncpointInterval time.Duration
	// TimeZone is that of TIMESTAMP values in the output.
	TimeZone string
	// Memory bounds the bytes of rows in flight.
	Memory Size
	// DataDir keeps the metadata and the relay log; "" derives it from the URIs.
	DataDir string
	// RelaySize bounds the relay log on disk.
	RelaySize Size
	// GiveUpAfter is how long a changefeed may be in trouble while its checkpoint does not move; 0 for good.
	GiveUpAfter time.Duration
	// ServerID is the replica's id at the upstream; 0 chooses one.
	ServerID uint32

	LogLevel, LogFormat, LogFile string
}

// Default gives every setting's default.
func Default() *Config {
	return &Config{
		Changefeed:        "default",
		Tables:            []string{"*.*"},
		StartAt:           "current",
		SyncpointInterval: time.Minute,
		TimeZone:          "UTC",
		Memory:            1 * GiB,
		RelaySize:         10 * GiB,
		GiveUpAfter:       30 * time.Minute,
		LogLevel:          "info",
		LogFormat:         "text",
	}
}

// A Setting is one thing that can be set. Its Value writes through to the Config that it came from.
type Setting struct {
	Name  string
	Usage string
	Value Value
}

// Settings lists the settings in the order in which help shows them.
func (c *Config) Settings() []Setting {
	return []Setting{
		{"from", "upstream to follow, for example mysql://user:password@host:3306/; also WEIR_FROM", (*textValue)(&c.From)},
		{"from-file", "file that holds the --from URI, to keep a password off the command line", (*textValue)(&c.FromFile)},
		{"to", "where the changes go, for example file:///srv/out?protocol=csv; also WEIR_TO", (*textValue)(&c.To)},
		{"to-file", "file that holds the --to URI", (*textValue)(&c.ToFile)},
		{"tables", "rules that select tables, the last match decides: 'shop.*', '!shop.tmp_*'; repeat or separate by commas", &listValue{list: &c.Tables}},
		{"case-sensitive", "let the rules of --tables tell upper from lower case", (*boolValue)(&c.CaseSensitive)},
		{"start-at", "where a new changefeed begins: current, earliest, gtid:SET or FILE:POS; a known one resumes", (*textValue)(&c.StartAt)},
		{"stop-at", "end when all up to there is downstream: current, gtid:SET or FILE:POS; empty follows on", (*textValue)(&c.StopAt)},
		{"syncpoint-interval", "upstream time between two consistent cuts over all tables; 0 makes none", (*durationValue)(&c.SyncpointInterval)},
		{"time-zone", "time zone of TIMESTAMP values in the output", (*textValue)(&c.TimeZone)},
		{"memory", "limit of the rows in flight", &c.Memory},
		{"changefeed", "name of the replication task in the data directory", (*textValue)(&c.Changefeed)},
		{"data-dir", "folder of the metadata and the relay log; default: derived from --from, --to and --changefeed", (*textValue)(&c.DataDir)},
		{"relay-size", "limit of the relay log on disk", &c.RelaySize},
		{"give-up-after", "end with an error when something has not worked and the checkpoint has not moved for so long; 0 tries for good", (*durationValue)(&c.GiveUpAfter)},
		{"server-id", "replica id at the upstream; 0 chooses one", (*idValue)(&c.ServerID)},
		{"log-level", "debug, info, warn or error", (*textValue)(&c.LogLevel)},
		{"log-format", "text or json", (*textValue)(&c.LogFormat)},
		{"log-file", "file that the log is appended to; default: standard error", (*textValue)(&c.LogFile)},
	}
}

// Location gives the time zone; Check has seen that it exists.
func (c *Config) Location() *time.Location {
	l, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return time.UTC
	}
	return l
}

// Home says which folders of the user the default data directory may lie in.
type Home struct {
	State string // $XDG_STATE_HOME
	User  string // the home folder
}

// DefaultDataDir gives the data directory of a changefeed between two ends that were given none, so that the same
// command, given again, resumes: weir/KEY in the user's folder for state. "" if the user has no such folder.
func (h Home) DefaultDataDir(key string) string {
	switch {
	case filepath.IsAbs(h.State):
		return filepath.Join(h.State, "weir", key)
	case filepath.IsAbs(h.User):
		return filepath.Join(h.User, ".local", "state", "weir", key)
	}
	return ""
}
