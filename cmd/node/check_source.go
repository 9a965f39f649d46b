package main

import (
	"context"
	"fmt"
	"net/url"
)

// checkSource looks at an upstream.
func checkSource(_ context.Context, uri string) []finding {
	u, err := url.Parse(uri)
	if err != nil {
		return []finding{{Status: statusError, Name: "uri", Detail: "it is no URI"}}
	}
	switch u.Scheme {
	case "workload":
		return []finding{{Status: statusOK, Name: "uri", Detail: "a built-in workload needs nothing"}}
	}
	return []finding{{Status: statusError, Name: "uri", Detail: fmt.Sprintf("unknown source scheme %q", u.Scheme)}}
}
