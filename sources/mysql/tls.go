package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"
)

// A tlsMode is how the connections to the upstream are encrypted, and what is asked of its certificate.
type tlsMode string

// The modes.
const (
	tlsOff        tlsMode = "false"       // not encrypted
	tlsVerify     tlsMode = "true"        // signed by a known authority, for this host
	tlsVerifyCA   tlsMode = "verify-ca"   // signed by an authority of tls-ca, for any host
	tlsSkipVerify tlsMode = "skip-verify" // any
)

// A tlsOptions holds the options of the URI that are about TLS.
type tlsOptions struct {
	mode          tlsMode
	ca, cert, key string // files in PEM form
}

// settings reads the files. It gives nil for connections that are not encrypted.
func (o tlsOptions) settings(host string) (*tls.Config, error) {
	switch o.mode {
	case tlsOff:
		if o.ca+o.cert+o.key != "" {
			return nil, badURI("tls-ca, tls-cert and tls-key need tls=true, verify-ca or skip-verify")
		}
		return nil, nil
	case tlsVerifyCA:
		if o.ca == "" {
			return nil, badURI("tls=verify-ca needs tls-ca=FILE with the certificate of the authority that signed the server's")
		}
	case tlsVerify, tlsSkipVerify:
	default:
		return nil, badURI(fmt.Sprintf("tls=%s; it must be true, verify-ca, skip-verify or false", o.mode))
	}
	c := &tls.Config{ServerName: host, InsecureSkipVerify: o.mode != tlsVerify, MinVersion: tls.VersionTLS12}
	if err := o.addAuthority(c); err != nil {
		return nil, err
	}
	if o.mode == tlsVerifyCA {
		c.VerifyConnection = verifyChain(c.RootCAs)
	}
	return c, o.addCertificate(c)
}

func (o tlsOptions) addAuthority(c *tls.Config) error {
	if o.ca == "" {
		return nil
	}
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return badURI(fmt.Sprintf("tls-ca: %v; name a file that weir can read, with the certificate of the authority in PEM form", err))
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return badURI(fmt.Sprintf("tls-ca: %s holds no certificate in PEM form; name the file of the authority that signed the server's", o.ca))
	}
	return nil
}

func (o tlsOptions) addCertificate(c *tls.Config) error {
	if o.cert == "" && o.key == "" {
		return nil
	}
	if o.cert == "" || o.key == "" {
		return badURI("tls-cert and tls-key go together; name both files, in PEM form")
	}
	pair, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return badURI(fmt.Sprintf("tls-cert and tls-key: %v; name files that weir can read, the certificate's and its private key's, in PEM form and "+
			"without a passphrase", err))
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// verifyChain checks who signed a server's certificate, but not for which host it is: the ones that servers make for
// themselves are for none.
func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(s tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, c := range s.PeerCertificates[1:] {
			between.AddCert(c)
		}
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
}

// tlsError says what keeps TLS from coming about, and what to do about it; nil for other errors.
func (c *config) tlsError(err error) error {
	refuse := func(format string, args ...any) error {
		return fatal(kindTLS, "connect to %s by TLS: %s", c.addr, fmt.Sprintf(format, args...))
	}
	var (
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		other     *tls.CertificateVerificationError
		alert     tls.AlertError
	)
	switch {
	case c.tls == nil:
		return nil
	case errors.As(err, &authority):
		return refuse("the server's certificate%s was not signed by %s; give tls-ca=FILE with the certificate of the authority that did",
			signer(authority.Cert), c.authority)
	case errors.As(err, &host):
		return refuse("the server's certificate is not for %s (%s); name the server in the URI as its certificate does, or give tls=verify-ca, "+
			"which asks only who signed it", c.host, strings.TrimPrefix(host.Error(), "x509: "))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired: // which a renewed one mends
		return fmt.Errorf("connect to %s by TLS: the server's certificate has expired, or is not valid yet (%s); renew it there, or set this "+
			"machine's clock", c.addr, invalid.Detail)
	case errors.As(err, &invalid), errors.As(err, &other):
		return refuse("the server's certificate is not to be trusted (%v); replace it there", err)
	case errors.As(err, &alert), strings.Contains(err.Error(), "remote error: tls: "): // the latter once it was thought to stand
		return refuse("the server refuses (%s); give a tls-cert that an authority of the server's ssl_ca signed", alertText(err))
	case len(c.tls.Certificates) > 0 && hungUp(err): // what it said may have been lost with the connection
		return fmt.Errorf("connect to %s by TLS: the server hung up; if it does so again, give a tls-cert that an authority of the server's "+
			"ssl_ca signed", c.addr)
	case strings.Contains(err.Error(), "does not support TLS"): // both drivers say it so
		return refuse("the server has no TLS; set ssl_cert and ssl_key in its configuration file and restart it, or leave tls out of the URI")
	}
	return nil
}

// hungUp tells that the server ended the connection without a word, as both drivers put it.
func hungUp(err error) bool {
	return errors.Is(err, gomysql.ErrBadConn) || errors.Is(err, driver.ErrInvalidConn) ||
		strings.HasSuffix(err.Error(), "bad connection")
}

// alertText gives what the other end said last.
func alertText(err error) string {
	text := firstLine(err)
	if i := strings.Index(text, "tls: "); i >= 0 {
		text = text[i+len("tls: "):]
	}
	alert, _, _ := strings.Cut(text, ":")
	return alert
}

// signer names who signed a certificate.
func signer(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	return fmt.Sprintf(" (of %q, signed by %q)", c.Subject, c.Issuer)
}

// protection tells how a connection to the upstream is protected.
type protection struct {
	version  string // "TLSv1.3"; "" for none
	mode     tlsMode
	loopback bool // it does not leave this machine
}

// protection asks the server about this connection.
func (s *session) protection(c *config) (protection, error) {
	p := protection{mode: c.mode}
	if at, ok := s.socket.RemoteAddr().(*net.TCPAddr); ok {
		p.loopback = at.IP.IsLoopback()
	}
	rows, err := s.query("SHOW SESSION STATUS LIKE 'Ssl_version'")
	if err == nil && len(rows) > 0 {
		p.version = rows[0][1]
	}
	return p, err
}

// finding judges it.
func (p protection) finding() Finding {
	f := Finding{Item: "tls", Status: StatusOK, Detail: p.version}
	switch {
	case p.version == "" && p.loopback:
		f.Detail = "off; the connection does not leave this machine"
	case p.version == "":
		f.Status, f.Detail = StatusWarning, "off; the rows cross the network in plain text"
		f.Fix = "add tls=true, and tls-ca=FILE with the certificate of the authority that signed the server's, to the URI"
	case p.mode == tlsSkipVerify && !p.loopback:
		f.Status, f.Detail = StatusWarning, p.version+", but whoever answers is taken for the server"
		f.Fix = "give tls=true or tls=verify-ca, and tls-ca=FILE, instead of tls=skip-verify, in the URI"
	}
	return f
}
