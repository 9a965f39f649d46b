package mysql

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/url"
	"os"
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
	tls      *tls.Config
}

// parseURI reads mysql://user:password@host:port/?server-id=N&tls=MODE&tls-ca=FILE&tls-cert=FILE&tls-key=FILE.
// tls is "false" (the default), "true" (the server's certificate and name are verified) or "skip-verify".
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
	mode := "false"
	var ca, cert, key string
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
			mode = value
		case "tls-ca":
			ca = value
		case "tls-cert":
			cert = value
		case "tls-key":
			key = value
		default:
			return badURI(fmt.Sprintf("unknown option %q; known are server-id, tls, tls-ca, tls-cert and tls-key", name))
		}
	}
	return c.parseTLS(mode, ca, cert, key)
}

func (c *config) parseTLS(mode, ca, cert, key string) error {
	switch mode {
	case "false":
		if ca+cert+key != "" {
			return badURI("tls-ca, tls-cert and tls-key need tls=true or tls=skip-verify")
		}
		return nil
	case "true", "skip-verify":
	default:
		return badURI(fmt.Sprintf("tls=%s; it must be true, skip-verify or false", mode))
	}
	c.tls = &tls.Config{ServerName: c.host, InsecureSkipVerify: mode == "skip-verify", MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return badURI(fmt.Sprintf("tls-ca: %v", err))
		}
		c.tls.RootCAs = x509.NewCertPool()
		if !c.tls.RootCAs.AppendCertsFromPEM(pem) {
			return badURI(fmt.Sprintf("tls-ca: %s holds no certificate in PEM form", ca))
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return badURI(fmt.Sprintf("tls-cert and tls-key: %v", err))
		}
		c.tls.Certificates = []tls.Certificate{pair}
	}
	return nil
}

func badURI(what string) error { return fatal("bad-uri", "the upstream's URI: %s", what) }
