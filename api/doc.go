// Package api is the HTTP face of a node: the routes below /api/v1, the types that they take and give, the OpenAPI
// document made from both, and the client that the commands use.
//
// It decides nothing. What is asked goes to a [Control], which the node implements over actor messages, and what it
// answers, or the [Error] it gives, goes back. Every error leaves as application/problem+json with a code that stays the
// same from version to version.
//
// Without TLS a server listens on loopback only, and answers only requests that name it as loopback and come from no web page
// of another origin, since nothing but the machine's own users guards it. With TLS and a CA, who asks for more than /healthz and
// /readyz shows a certificate of that CA. Tokens are planned.
package api
