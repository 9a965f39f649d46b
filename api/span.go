package api

import "time"

// A Span is a range of one table's keys, and the dispatcher that replicates it.
type Span struct {
	Dispatcher     string     `json:"dispatcher,omitempty" doc:"the dispatcher that replicates it; none while it is being placed"`
	Table          Table      `json:"table" doc:"the table; empty for the table trigger, which handles DDL"`
	TableID        int64      `json:"table_id" doc:"the table's id"`
	Start          string     `json:"start" doc:"first key hash, 16 hexadecimal digits"`
	End            string     `json:"end,omitempty" doc:"key hash behind the last; empty at the end of the key space"`
	Node           string     `json:"node,omitempty" doc:"name of the node that it is on"`
	State          string     `json:"state" doc:"absent, adding, replicating, moving, removing, splitting or merging"`
	CheckpointTs   CommitTs   `json:"checkpoint_ts" doc:"all of its changes up to there are durable downstream"`
	CheckpointTime *time.Time `json:"checkpoint_time,omitempty" doc:"wall time of checkpoint_ts"`
	BytesPerSecond float64    `json:"bytes_per_second" doc:"its traffic, of late"`
}

// The bounds of one page of spans.
const (
	DefaultSpans = 1000
	MostSpans    = 10000
)

// A SpanQuery selects spans.
type SpanQuery struct {
	Table Table  // the zero Table: of all
	Node  string // "": on all
	Limit int    // 1 to MostSpans
	After string // SpanPage.Next of the page before; "" begins
}

// A SpanPage is a part of a changefeed's spans.
type SpanPage struct {
	Spans []Span `json:"spans" doc:"spans by table, then start"`
	Total int    `json:"total" doc:"how many spans the query selects"`
	Next  string `json:"next,omitempty" doc:"give it as after to read on; empty at the end"`
}

// A Barrier is where dispatchers meet for a DDL or a syncpoint.
type Barrier struct {
	CommitTs CommitTs  `json:"commit_ts" doc:"where it stands in the commit order"`
	Kind     string    `json:"kind" doc:"ddl, syncpoint, or both: ddl+syncpoint"`
	Stage    string    `json:"stage" doc:"gathering, writing, passing"`
	Since    time.Time `json:"since" doc:"when it was first seen"`
	Writer   string    `json:"writer,omitempty" doc:"the dispatcher that holds Write"`
	Spans    int       `json:"spans" doc:"how many spans it holds"`
	Missing  []string  `json:"missing" doc:"whom it waits for, at most 100"`
	Text     string    `json:"text" doc:"all of that in one line"`
}
