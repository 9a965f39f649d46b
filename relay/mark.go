package relay

// A Mark is a boundary between transactions of the upstream's stream: everything up to it is on one side.
type Mark struct {
	// Ts is the commit-ts of the last transaction before the boundary: the recurrence goes on from it.
	Ts uint64 `json:"ts"`
	// Position is the source's own position of the boundary, as the source prints it.
	Position string `json:"position"`
}

// An Offset is a place in the log: the number of payload bytes ever appended before it. It only grows, also over
// restarts and trims, as long as the log is not Reset.
type Offset int64
