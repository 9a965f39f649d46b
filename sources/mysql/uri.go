package mysql

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// A config is what the URI of an upstream says.
type config struct {
	host     string
	addr     string // host:port
	user     string
	password string
	serverID uint32 // 0: choose one

	mode      tlsMode
	authority string      // what a server's certificate must be signed by, in words
	tls       *tls.Config // nil for connections that are not encrypted
}

// parseURI reads mysql://user:password@host:port/?server-id=N&tls=MODE&tls-ca=FILE&tls-cert=FILE&tls-key=FILE.
// A tlsMode says what tls may be; "false" is the default.
func parseURI(uri string) (*config, error) {
	u, err := url.Parse(uri)
	if err != nil {
		// url.Error repeats the URI, and with it the password.
		return nil, badURI("it cannot be parsed; write it as mysql://user:password@host:port/, with special characters of the password percent-encoded")
	}
	if u.Scheme != "mysql" && u.Scheme != "mariadb" {
		return nil, badURI(fmt.Sprintf("unknown scheme %q; use mysql:// or mariadb://", u.Scheme))
	}
	if u.Hostname() == "" {
		return nil, badURI("it names no host; write it as mysql://user:password@host:port/")
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	c := &config{host: u.Hostname(), addr: net.JoinHostPort(u.Hostname(), port), user: "root"}
	if name := u.User.Username(); name != "" {
		c.user = name
	}
	c.password, _ = u.User.Password()
	if path := strings.Trim(u.Path, "/"); path != "" {
		return nil, badURI(fmt.Sprintf("it names the schema %q; choose tables with --tables '%s.*' instead", path, path))
	}
	return c, c.parseOptions(u.Query())
}

func (c *config) parseOptions(query url.Values) error {
	o := tlsOptions{mode: tlsOff}
	for name, values := range query {
		value := values[len(values)-1]
		switch name {
		case "server-id":
			id, err := strconv.ParseUint(value, 10, 32)
			if err != nil || id == 0 {
				return badURI(fmt.Sprintf("server-id=%s; it must be a number from 1 to 4294967295", value))
			}
			c.serverID = uint32(id)
		case "tls":
			o.mode = tlsMode(value)
		case "tls-ca":
			o.ca = value
		case "tls-cert":
			o.cert = value
		case "tls-key":
			o.key = value
		default:
			return badURI(fmt.Sprintf("unknown option %q; known are server-id, tls, tls-ca, tls-cert and tls-key", name))
		}
	}
	c.mode, c.authority = o.mode, "an authority that this machine knows"
	if o.ca != "" {
		c.authority = "one in " + o.ca
	}
	var err error
	c.tls, err = o.settings(c.host)
	return err
}

func badURI(what string) error { return fatal("bad-uri", "the upstream's URI: %s", what) }
