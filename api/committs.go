package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// A CommitTs is a position in the commit order: Unix milliseconds << 18 | a counter. It is a text in JSON, since many readers
// of JSON keep no more than 53 bits of a number; a number is read, too.
type CommitTs uint64

// ParseCommitTs reads a decimal number above 0.
func ParseCommitTs(text string) (CommitTs, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 64)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is no commit-ts: write the whole number that show gives as the checkpoint", text)
	}
	return CommitTs(n), nil
}

// Time gives the wall time of a commit-ts, the zero time for 0.
func (c CommitTs) Time() time.Time {
	if c == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(c >> 18)).UTC()
}

// MarshalJSON writes a text.
func (c CommitTs) MarshalJSON() ([]byte, error) {
	return []byte(`"` + strconv.FormatUint(uint64(c), 10) + `"`), nil
}

// UnmarshalJSON reads a text or a number.
func (c *CommitTs) UnmarshalJSON(data []byte) error {
	text := string(data)
	if len(data) > 0 && data[0] == '"' {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return fmt.Errorf("%q is no commit-ts: write a whole number from 0 to 18446744073709551615", text)
	}
	*c = CommitTs(n)
	return nil
}

// Schema describes a commit-ts in the OpenAPI document.
func (CommitTs) Schema(huma.Registry) *huma.Schema {
	zero := 0.0
	return &huma.Schema{
		Description: "commit-ts: Unix milliseconds << 18 | a counter; given as a text",
		OneOf: []*huma.Schema{
			{Type: huma.TypeString, Pattern: "^[0-9]{1,20}$"},
			{Type: huma.TypeInteger, Minimum: &zero},
		},
	}
}
