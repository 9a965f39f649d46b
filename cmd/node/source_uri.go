package main

import (
	"net/url"
	"strconv"
)

// withServerID hands --server-id to a source that takes it in its URI. It is not part of what identifies the upstream,
// so the changefeed's own URI goes without; and one that names an id itself keeps it.
func withServerID(uri string, id uint32) string {
	u, err := url.Parse(uri)
	if err != nil || id == 0 || u.Query().Has("server-id") {
		return uri // the source says what is wrong with the URI
	}
	q := u.Query()
	q.Set("server-id", strconv.FormatUint(uint64(id), 10))
	u.RawQuery = q.Encode()
	return u.String()
}
