package main

import (
	"net/url"

	"github.com/weir-cdc/weir/config"
)

// sinkURI completes --to with what the changefeed's settings, and this program's own defaults, say for a sink that
// encodes rows into files. What the URI says itself stands.
func sinkURI(c *config.Config) (string, error) {
	u, err := url.Parse(c.To)
	if err != nil {
		return "", &config.Error{Setting: "to", Problem: "is no URI", Fix: "give one like file:///srv/out?protocol=csv"}
	}
	if u.Scheme != "file" {
		return c.To, nil
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return "", &config.Error{Setting: "to", Problem: "its options cannot be read", Fix: "write them as ?name=value&name=value"}
	}
	complete := func(name, value string) {
		if !q.Has(name) {
			q.Set(name, value)
		}
	}
	// Recovery to a point in time reads the commit-ts of each row.
	switch q.Get("protocol") {
	case "", "csv":
		complete("include-commit-ts", "true")
	case "canal-json":
		complete("enable-tidb-extension", "true")
	}
	if c.TimeZone != "UTC" {
		complete("timezone", c.TimeZone)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}
