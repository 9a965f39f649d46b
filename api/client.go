package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ClientOptions say how a client reaches the cluster.
type ClientOptions struct {
	// Servers are URLs of nodes, tried in turn.
	Servers []string
	// TLS holds the CA of the servers, "" for those that the machine trusts, and the certificate that the client shows.
	TLS TLSFiles
	// Timeout bounds one call, tries included; 0 is longer than a server takes.
	Timeout time.Duration
	// Agent is the User-Agent.
	Agent string
}

// A Client asks the cluster through the API. It is a Control: its errors are the server's, or have code ServerUnreachable.
type Client struct {
	servers []string
	timeout time.Duration
	agent   string
	http    *http.Client
}

var _ Control = (*Client)(nil)

// NewClient makes a client. Nothing is connected to.
func NewClient(o ClientOptions) (*Client, error) {
	c := &Client{timeout: o.Timeout, agent: o.Agent}
	if c.timeout == 0 {
		c.timeout = callTimeout + 10*time.Second
	}
	for _, text := range o.Servers {
		server, err := serverURL(text)
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, server)
	}
	if len(c.servers) == 0 {
		c.servers = []string{"http://" + DefaultAddr}
	}
	conf, err := clientTLS(o.TLS)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = conf
	transport.DialContext = (&net.Dialer{Timeout: 3 * time.Second}).DialContext
	c.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

func serverURL(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return "", &Error{Code: InvalidSetting, Where: "--server", What: fmt.Sprintf("%q is no server", text), Fix: "give a URL like http://" + DefaultAddr}
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.Path, "/"), nil
}

func clientTLS(f TLSFiles) (conf *tls.Config, err error) {
	conf = &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		if conf.RootCAs, err = f.pool(); err != nil {
			return nil, err
		}
	}
	if f.Cert != "" || f.Key != "" {
		cert, err := f.certificate()
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{cert}
	}
	return conf, nil
}

// Changefeeds lists all changefeeds.
func (c *Client) Changefeeds(ctx context.Context) ([]Changefeed, error) {
	list, err := ask[ChangefeedList](ctx, c, "GET", feedsPath, nil)
	return list.Changefeeds, err
}

// Changefeed shows one.
func (c *Client) Changefeed(ctx context.Context, name string) (Changefeed, error) {
	return ask[Changefeed](ctx, c, "GET", feedURL(name), nil)
}

// Create makes a changefeed.
func (c *Client) Create(ctx context.Context, s Spec) (Changefeed, error) {
	return ask[Changefeed](ctx, c, "POST", feedsPath, s)
}

// Update changes a definition.
func (c *Client) Update(ctx context.Context, name string, p Patch) (Changefeed, error) {
	var headers []string
	if p.IfMatch != "" {
		headers = []string{"If-Match", strconv.Quote(p.IfMatch)}
	}
	return ask[Changefeed](ctx, c, "PATCH", feedURL(name), p, headers...)
}

// Pause stops a changefeed in order.
func (c *Client) Pause(ctx context.Context, name string) (Changefeed, error) {
	return ask[Changefeed](ctx, c, "POST", feedURL(name)+"/pause", nil)
}

// Resume lets a changefeed go on.
func (c *Client) Resume(ctx context.Context, name string, o ResumeOptions) (Changefeed, error) {
	return ask[Changefeed](ctx, c, "POST", feedURL(name)+"/resume", o)
}

// Remove forgets a changefeed.
func (c *Client) Remove(ctx context.Context, name string) error {
	_, err := ask[none](ctx, c, "DELETE", feedURL(name), nil)
	return err
}

// Move moves a table to a node.
func (c *Client) Move(ctx context.Context, name string, t Table, node string) error {
	_, err := ask[Accepted](ctx, c, "POST", tableURL(name, t)+"/move", MoveOptions{To: node})
	return err
}

// Split splits a table.
func (c *Client) Split(ctx context.Context, name string, t Table, into int) error {
	_, err := ask[Accepted](ctx, c, "POST", tableURL(name, t)+"/split", SplitOptions{Into: into})
	return err
}

// Merge merges a table's spans.
func (c *Client) Merge(ctx context.Context, name string, t Table) error {
	_, err := ask[Accepted](ctx, c, "POST", tableURL(name, t)+"/merge", nil)
	return err
}

// Spans lists spans.
func (c *Client) Spans(ctx context.Context, name string, q SpanQuery) (SpanPage, error) {
	values := url.Values{}
	if q.Table != (Table{}) {
		values.Set("table", q.Table.String())
	}
	if q.Node != "" {
		values.Set("node", q.Node)
	}
	if q.Limit != 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.After != "" {
		values.Set("after", q.After)
	}
	path := feedURL(name) + "/spans"
	if len(values) > 0 {
		path += "?" + values.Encode()
	}
	return ask[SpanPage](ctx, c, "GET", path, nil)
}

// Barriers lists the barriers in flight.
func (c *Client) Barriers(ctx context.Context, name string) ([]Barrier, error) {
	list, err := ask[BarrierList](ctx, c, "GET", feedURL(name)+"/barriers", nil)
	return list.Barriers, err
}

// Nodes lists the living nodes.
func (c *Client) Nodes(ctx context.Context) ([]Node, error) {
	list, err := ask[NodeList](ctx, c, "GET", nodesPath, nil)
	return list.Nodes, err
}

// Drain takes everything off a node, or ends that.
func (c *Client) Drain(ctx context.Context, node string, undo bool) (Node, error) {
	method := "POST"
	if undo {
		method = "DELETE"
	}
	return ask[Node](ctx, c, method, strings.Replace(drainPath, "{node}", url.PathEscape(node), 1), nil)
}

// Health tells how the first node that answers does.
func (c *Client) Health(ctx context.Context) Health {
	h, err := ask[Health](ctx, c, "GET", readyPath, nil)
	var e *Error
	if errors.As(err, &e) {
		for _, d := range e.Also {
			h.Reasons = append(h.Reasons, d.What)
		}
		if len(h.Reasons) == 0 {
			h.Reasons = []string{e.Error()}
		}
	}
	return h
}

// Version tells the version of the first node that answers.
func (c *Client) Version(ctx context.Context) (Version, error) {
	return ask[Version](ctx, c, "GET", "/api/v1/version", nil)
}

func feedURL(name string) string { return feedsPath + "/" + url.PathEscape(name) }

func tableURL(name string, t Table) string {
	return feedURL(name) + "/tables/" + url.PathEscape(t.String())
}

// ask makes one call at the servers in turn, until one takes it.
func ask[R any](ctx context.Context, c *Client, method, path string, body any, headers ...string) (result R, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var text []byte
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return result, fmt.Errorf("encode the request: %w", err)
		}
	}
	var tried []Detail
	var refused *Error
	for _, server := range c.servers {
		req, err := http.NewRequestWithContext(ctx, method, server+path, bytes.NewReader(text))
		if err != nil {
			return result, fmt.Errorf("make the request: %w", err)
		}
		c.dress(req, text != nil, headers)
		response, err := c.http.Do(req)
		if err != nil {
			tried = append(tried, Detail{Where: server, What: cause(err), Fix: remedy(server, err)})
			if method != http.MethodGet && !unsent(err) {
				return result, &Error{Code: ServerUnreachable, Where: server, What: "no answer: " + cause(err),
					Fix: "look with show whether it has happened, before it is tried again"}
			}
			continue
		}
		err = read(response, &result)
		if !errors.As(err, &refused) || refused.Code != NoCoordinator && refused.Code != NotReady {
			return result, err
		}
	}
	if refused != nil {
		return result, refused
	}
	e := &Error{Code: ServerUnreachable, Where: tried[0].Where, What: "no answer: " + tried[0].What, Fix: tried[0].Fix, Also: tried[1:]}
	return result, e
}

func (c *Client) dress(req *http.Request, hasBody bool, headers []string) {
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", c.agent)
	if hasBody {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
}

// answerLimit is above the largest answer, a page of spans.
const answerLimit = 64 << 20

// read decodes an answer: the result, or the problem as an error.
func read(r *http.Response, into any) error {
	defer r.Body.Close()
	text, err := io.ReadAll(io.LimitReader(r.Body, answerLimit))
	if err != nil {
		return &Error{Code: ServerUnreachable, Where: r.Request.URL.Host, What: "the answer broke off: " + cause(err), Fix: "try again"}
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) //nolint:errcheck // then it is no kind that is known
	var p Problem
	switch {
	case kind == "application/problem+json" && json.Unmarshal(text, &p) == nil && p.Code != "":
		return p.err()
	case r.StatusCode == http.StatusNoContent:
		return nil
	case r.StatusCode < 300 && kind == "application/json":
		if err := json.Unmarshal(text, into); err == nil {
			return nil
		}
	}
	e := &Error{Code: ServerUnreachable, Where: r.Request.URL.Host, What: "what answers there is no weir node: " + r.Status,
		Fix: "name another server with --server or WEIR_SERVER"}
	if bytes.Contains(text, []byte("HTTP request to an HTTPS server")) { // as net/http says it
		e.What, e.Fix = "it speaks TLS", "write https:// for it, and give --tls-ca, --tls-cert and --tls-key"
	}
	return e
}

// remedy tells what to do about a server that can not be asked.
func remedy(server string, err error) string {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var plain tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &authority):
		return "give the CA that signed its certificate by --tls-ca"
	case errors.As(err, &name):
		return "name it as its certificate does, or issue it another"
	case errors.As(err, &plain):
		return "write http:// for it: it does not speak TLS"
	case errors.As(err, &op) && op.Op == "remote error", // crypto/tls gives an alert of the other side as one; it may close first
		strings.HasPrefix(server, "https:") && (errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)):
		return "it may refuse this side's certificate: give one that its CA signed by --tls-cert and --tls-key"
	}
	return "start a node there with weir node, or name another server with --server or WEIR_SERVER"
}

// unsent tells that a request has not left.
func unsent(err error) bool {
	var op *net.OpError
	var cert *tls.CertificateVerificationError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &cert)
}

// cause leaves out what net/http adds: the method and the URL.
func cause(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "not in time"
	}
	return err.Error()
}
