package api

import "time"

// A NodeState is what a node takes part in.
type NodeState string

// The states of a node.
const (
	NodeUp       NodeState = "up"
	NodeDraining NodeState = "draining" // its maintainers, then its spans, are taken off
	NodeDrained  NodeState = "drained"  // it holds nothing, and ends
)

// A Node is a living process of the cluster.
type Node struct {
	Name           string            `json:"name" doc:"its name, which outlives the process"`
	Incarnation    string            `json:"incarnation" doc:"new for each start of the process"`
	State          NodeState         `json:"state" enum:"up,draining,drained" doc:"whether it takes part"`
	Coordinator    bool              `json:"coordinator" doc:"whether it is the elected coordinator"`
	Address        string            `json:"address" doc:"where other nodes reach it"`
	APIAddress     string            `json:"api_address" doc:"where it serves this API"`
	Labels         map[string]string `json:"labels" doc:"its labels"`
	Version        string            `json:"version" doc:"version of its weir"`
	Protocol       int               `json:"protocol" doc:"the newest protocol version that it speaks"`
	Started        time.Time         `json:"started" doc:"when the process began"`
	Maintainers    int               `json:"maintainers" doc:"changefeeds whose maintainer it runs"`
	Spans          int               `json:"spans" doc:"spans on it, of all changefeeds"`
	RowsPerSecond  float64           `json:"rows_per_second" doc:"rows that its sinks write per second, of late"`
	BytesPerSecond float64           `json:"bytes_per_second" doc:"bytes of rows that its sinks write per second, of late"`
}

// Held says how much a drain has yet to take off.
func (n Node) Held() int { return n.Maintainers + n.Spans }

// Health is how one node does.
type Health struct {
	Ready       bool     `json:"ready" doc:"whether it can answer for the cluster"`
	Node        string   `json:"node" doc:"its name"`
	Coordinator string   `json:"coordinator,omitempty" doc:"name of the node that is coordinator; empty if none is known"`
	Reasons     []string `json:"reasons" doc:"why it is not ready"`
}

// Version says what a server is.
type Version struct {
	Version string `json:"version" doc:"version of weir"`
	Commit  string `json:"commit" doc:"the commit that it was built from"`
	Go      string `json:"go" doc:"version of Go that it was built with"`
}
