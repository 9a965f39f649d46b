package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// A State is how a changefeed does.
type State string

// The states of a changefeed.
const (
	Starting State = "starting" // its node was chosen; it reads positions and definitions
	Normal   State = "normal"
	Warning  State = "warning"  // retrying; the reason says why
	Failed   State = "failed"   // no retry can help; the reason says why
	Stopped  State = "stopped"  // paused
	Finished State = "finished" // reached its end
)

// A Changefeed is one replication task: its definition, and how it does.
type Changefeed struct {
	Name    string    `json:"name" doc:"the changefeed's name"`
	UUID    string    `json:"uuid" doc:"new for each creation, also under an old name"`
	Created time.Time `json:"created" doc:"when it was created"`
	From    string    `json:"from" doc:"URI of the upstream, secrets masked"`
	To      string    `json:"to" doc:"URI of the downstream, secrets masked"`
	Config  Config    `json:"config" doc:"its settings"`

	State   State       `json:"state" enum:"starting,normal,warning,failed,stopped,finished" doc:"how it does"`
	Reason  string      `json:"reason,omitempty" doc:"why it is in that state"`
	RetryAt *time.Time  `json:"retry_at,omitempty" doc:"when it tries again, in state warning"`
	Errors  []FeedError `json:"errors" doc:"the last errors, the newest first"`

	Owner          string     `json:"owner,omitempty" doc:"name of the node that runs its maintainer"`
	Epoch          uint64     `json:"epoch" doc:"counts the activations of its maintainer"`
	CheckpointTs   CommitTs   `json:"checkpoint_ts" doc:"every change up to there is durable downstream"`
	CheckpointTime *time.Time `json:"checkpoint_time,omitempty" doc:"wall time of checkpoint_ts"`
	ResolvedTs     CommitTs   `json:"resolved_ts" doc:"every change up to there was read"`
	ResolvedTime   *time.Time `json:"resolved_time,omitempty" doc:"wall time of resolved_ts"`
	Position       string     `json:"position,omitempty" doc:"the upstream's name for the checkpoint"`
	ContactTime    *time.Time `json:"contact_time,omitempty" doc:"when the upstream was last heard from"`
	LagMs          int64      `json:"lag_ms" doc:"how far the downstream is behind the upstream, in milliseconds"`

	Rows           uint64  `json:"rows" doc:"rows written since the maintainer's activation"`
	Bytes          uint64  `json:"bytes" doc:"bytes of rows written since the maintainer's activation"`
	RowsPerSecond  float64 `json:"rows_per_second" doc:"rows written per second, of late"`
	BytesPerSecond float64 `json:"bytes_per_second" doc:"bytes of rows written per second, of late"`
	RelayBytes     uint64  `json:"relay_bytes" doc:"size of the relay log on its owner's disk"`
	Spans          int     `json:"spans" doc:"how many spans it has"`
	Slowest        string  `json:"slowest,omitempty" doc:"the span that holds the checkpoint back, and why"`
	Barrier        string  `json:"barrier,omitempty" doc:"the oldest barrier in flight: key, stage, who is missing"`
}

// A FeedError is one error of a changefeed's past.
type FeedError struct {
	At   time.Time `json:"at" doc:"when it was last seen"`
	Text string    `json:"text" doc:"what, where and fix"`
}

// Tag names the definition as it stands: the ETag of a changefeed, and what If-Match compares.
func (cf Changefeed) Tag() string {
	definition, err := json.Marshal([]any{cf.UUID, cf.From, cf.To, cf.Config})
	if err != nil {
		return "" // nothing in it can fail to be encoded
	}
	sum := sha256.Sum256(definition)
	return hex.EncodeToString(sum[:8])
}

// Config holds the settings of a changefeed. docs/run.md says what each means; the forms are those of the settings there.
type Config struct {
	Tables            []string `json:"tables" doc:"rules that select tables, the last match decides"`
	CaseSensitive     bool     `json:"case_sensitive" doc:"let the rules tell upper from lower case"`
	StartAt           string   `json:"start_at" doc:"where it begins: current, earliest, gtid:SET or FILE:POS"`
	StopAt            string   `json:"stop_at" doc:"where it ends: current, gtid:SET or FILE:POS; empty follows on"`
	SyncpointInterval string   `json:"syncpoint_interval" doc:"upstream time between two consistent cuts, as in 1m; 0s makes none"`
	GiveUpAfter       string   `json:"give_up_after" doc:"how long it may be stuck before it fails, as in 30m0s; 0s: for good"`
	TimeZone          string   `json:"time_zone" doc:"time zone of TIMESTAMP values in the output"`
	Memory            string   `json:"memory" doc:"limit of the rows in flight, as in 1GiB"`
	ServerID          uint32   `json:"server_id" doc:"replica id at the upstream; 0 chooses one"`
}

// A Spec is what a changefeed is made from.
type Spec struct {
	Name   string      `json:"name" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" doc:"letters, digits, '.', '_' and '-', a letter or digit first"`
	From   string      `json:"from" minLength:"1" doc:"URI of the upstream, with its password"`
	To     string      `json:"to" minLength:"1" doc:"URI of the downstream"`
	Config ConfigPatch `json:"config,omitempty" doc:"settings; those that are not given have their defaults"`
}

// A Patch changes a definition; what it does not give stays.
type Patch struct {
	From   *string     `json:"from,omitempty" minLength:"1" doc:"URI of the same upstream, for another host, user or password"`
	To     *string     `json:"to,omitempty" minLength:"1" doc:"URI of the downstream"`
	Config ConfigPatch `json:"config,omitempty" doc:"settings that change"`

	// IfMatch is the Tag that the definition must have, "" any.
	IfMatch string `json:"-"`
}

// A ConfigPatch holds the settings that are given.
type ConfigPatch struct {
	Tables            *[]string `json:"tables,omitempty" minItems:"1" doc:"rules that select tables, the last match decides"`
	CaseSensitive     *bool     `json:"case_sensitive,omitempty" doc:"let the rules tell upper from lower case"`
	StartAt           *string   `json:"start_at,omitempty" doc:"where it begins: current, earliest, gtid:SET or FILE:POS; of use before the first checkpoint only"`
	StopAt            *string   `json:"stop_at,omitempty" doc:"where it ends: current, gtid:SET or FILE:POS; empty follows on"`
	SyncpointInterval *string   `json:"syncpoint_interval,omitempty" doc:"upstream time between two consistent cuts, as in 1m; 0s makes none"`
	GiveUpAfter       *string   `json:"give_up_after,omitempty" doc:"how long it may be stuck before it fails, as in 30m; 0s: for good"`
	TimeZone          *string   `json:"time_zone,omitempty" doc:"time zone of TIMESTAMP values in the output"`
	Memory            *string   `json:"memory,omitempty" doc:"limit of the rows in flight, as in 1GiB"`
	ServerID          *uint32   `json:"server_id,omitempty" doc:"replica id at the upstream; 0 chooses one"`
}

// ResumeOptions say where a changefeed goes on.
type ResumeOptions struct {
	FromCheckpoint *CommitTs `json:"from_checkpoint,omitempty" doc:"an earlier checkpoint to go back to; what was written since is written again"`
}
