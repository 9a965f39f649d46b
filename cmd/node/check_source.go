package main

import (
	"context"
	"net/url"

	"github.com/weir-cdc/weir/sources"
	"github.com/weir-cdc/weir/sources/mysql"
)

// checkSource looks at an upstream.
func checkSource(ctx context.Context, uri string) []finding {
	source, err := sources.Open(uri, sources.Settings{})
	if err != nil {
		return []finding{{Status: statusError, Name: "uri", Detail: err.Error()}}
	}
	if err := source.Close(); err != nil {
		return []finding{{Status: statusError, Name: "uri", Detail: err.Error()}}
	}
	findings := []finding{{Status: statusOK, Name: "uri", Detail: mask(uri)}}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return findings // a built-in workload needs nothing
	}
	for _, f := range mysql.Check(ctx, uri) {
		findings = append(findings, finding{Status: string(f.Status), Name: f.Item, Detail: f.Detail, Fix: f.Fix})
	}
	return findings
}
