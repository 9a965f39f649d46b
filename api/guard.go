package api

import (
	"io"
	stdlog "log"
	"net"
	"net/http"
)

// A guard lets through who may ask. It is not authentication of users, which is planned: it keeps out web pages, which can make a
// browser on this machine ask, and who has no certificate.
type guard struct {
	surface      *surface
	origins      *http.CrossOriginProtection
	anyHost      bool // with TLS the certificate names the host
	certificates bool
}

func newGuard(s *surface, f TLSFiles) *guard {
	return &guard{surface: s, origins: http.NewCrossOriginProtection(), anyHost: f.given(), certificates: f.CA != ""}
}

func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := g.check(r); err != nil {
		g.surface.refuse(w, r, err)
		return
	}
	g.surface.ServeHTTP(w, r)
}

func (g *guard) check(r *http.Request) error {
	if !g.anyHost && !loopbackHost(hostOf(r.Host)) {
		return &Error{Code: WrongHost, Where: "Host", What: "the request names no loopback address, as a page whose name was bound anew would",
			Fix: "ask for 127.0.0.1 or localhost; a proxy must set the Host header so"}
	}
	if err := g.origins.Check(r); err != nil {
		return &Error{Code: CrossOrigin, Where: "Origin", What: "a web page of another origin asks", Fix: "ask from a page of this server, or from no page"}
	}
	if g.certificates && !g.surface.open[r.URL.Path] && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0) {
		return &Error{Code: CertificateMissing, Where: "TLS", What: "a certificate is wanted and none was shown",
			Fix: "give weir --tls-cert and --tls-key, of a certificate that the server's CA signed"}
	}
	return nil
}

func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	if len(hostport) > 1 && hostport[0] == '[' && hostport[len(hostport)-1] == ']' {
		return hostport[1 : len(hostport)-1]
	}
	return hostport
}

// newErrorLog takes what net/http logs: handshakes that failed, and the like.
func newErrorLog(w io.Writer) *stdlog.Logger { return stdlog.New(w, "", 0) }
