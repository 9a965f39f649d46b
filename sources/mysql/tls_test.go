package mysql

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
)

// options writes a URI's options.
func options(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return "?" + q.Encode()
}

func TestTLSOptions(t *testing.T) {
	a := mariadb.NewAuthority(t, "the right one")
	user := a.Issue(t, "user", time.Hour)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		options, want string // "" for none
	}{
		{options("tls", "true"), ""},
		{options("tls", "false"), ""},
		{options("tls", "verify-ca", "tls-ca", a.File), ""},
		{options("tls", "skip-verify", "tls-cert", user.Cert, "tls-key", user.Key), ""},
		{options("tls", "maybe"), "tls=maybe; it must be true, verify-ca, skip-verify or false"},
		{options("tls-ca", a.File), "need tls=true"},
		{options("tls", "verify-ca"), "needs tls-ca=FILE"},
		{options("tls", "true", "tls-ca", "/nowhere/ca.pem"), "/nowhere/ca.pem"},
		{options("tls", "true", "tls-ca", empty), "holds no certificate"},
		{options("tls", "true", "tls-cert", user.Cert), "tls-cert and tls-key go together"},
		{options("tls", "true", "tls-cert", user.Cert, "tls-key", empty), "in PEM form"},
		{options("tls-secret", "x"), "unknown option"},
	} {
		_, err := parseURI("mysql://u:hunter2@h/" + c.options)
		switch {
		case c.want == "" && err == nil:
		case c.want == "" || kindOf(err) != "bad-uri" || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: got %v, want %q", c.options, err, c.want)
		}
	}
}

// What keeps TLS from coming about is an error that says what, where and the fix, over both drivers.
func TestTLSErrors(t *testing.T) {
	a, other := mariadb.NewAuthority(t, "the right one"), mariadb.NewAuthority(t, "another one")
	server := mariadb.Start(t, mariadb.TLS(t, a))
	expired := mariadb.Start(t, mariadb.Args(a.ServerArgs(a.Issue(t, "127.0.0.1", -time.Hour))...))
	plain := mariadb.Start(t)
	server.MustExec(t,
		"CREATE USER 'ssl' IDENTIFIED BY 'hunter2' REQUIRE SSL", "GRANT ALL ON *.* TO 'ssl'",
		"CREATE USER 'x509' IDENTIFIED BY 'hunter2' REQUIRE X509", "GRANT ALL ON *.* TO 'x509'")
	mine := a.Issue(t, "user", time.Hour)
	_, port, _ := strings.Cut(server.Addr(), ":")
	ca := []string{"tls", "true", "tls-ca", a.File}
	for _, c := range []struct {
		name, uri, kind string
		words           []string // none if it connects
	}{
		{"SSL", "mysql://ssl:hunter2@" + server.Addr() + options(ca...), "", nil},
		{"SSL unverified", "mysql://ssl:hunter2@" + server.Addr() + options("tls", "skip-verify"), "", nil},
		{"SSL by another name", "mysql://ssl:hunter2@localhost:" + port + options("tls", "verify-ca", "tls-ca", a.File), "", nil},
		{"X509", "mysql://x509:hunter2@" + server.Addr() + options(append(ca, "tls-cert", mine.Cert, "tls-key", mine.Key)...), "", nil},
		{"SSL without", "mysql://ssl:hunter2@" + server.Addr(), kindAccess, []string{server.Addr(), `"ssl"`, "?tls=true"}},
		{"X509 without", "mysql://x509:hunter2@" + server.Addr() + options(ca...), kindAccess, []string{`"x509"`, "tls-cert and tls-key"}},
		{"a wrong password", "mysql://ssl:hunter3@" + server.Addr() + options(ca...), kindAccess, []string{`"ssl"`, "check the password"}},
		{"the wrong CA", "mysql://ssl:hunter2@" + server.Addr() + options("tls", "true", "tls-ca", other.File), kindTLS,
			[]string{server.Addr(), other.File, `signed by "CN=the right one"`, "give tls-ca=FILE"}},
		{"the wrong CA, any name", "mysql://ssl:hunter2@" + server.Addr() + options("tls", "verify-ca", "tls-ca", other.File), kindTLS,
			[]string{server.Addr(), other.File, "give tls-ca=FILE"}},
		{"no CA", "mysql://ssl:hunter2@" + server.Addr() + options("tls", "true"), kindTLS, []string{server.Addr(), "this machine knows", "give tls-ca=FILE"}},
		{"another name", "mysql://ssl:hunter2@localhost:" + port + options(ca...), kindTLS, []string{"localhost", "tls=verify-ca"}},
		{"expired", expired.URI() + options(ca...), "", []string{expired.Addr(), "expired", "renew it"}},
		{"no TLS", plain.URI() + options(ca...), kindTLS, []string{plain.Addr(), "ssl_cert", "leave tls out"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(c.uri)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			_, start := s.Start(t.Context(), "earliest")
			_, server := s.Server(t.Context())
			for driver, err := range map[string]error{"the binlog's": start, "the definitions'": server} {
				if len(c.words) == 0 && err == nil {
					continue
				}
				if len(c.words) == 0 || err == nil || kindOf(err) != c.kind || strings.Contains(err.Error(), "hunter") {
					t.Errorf("%s connection: got kind %q, %v, want kind %q with %q", driver, kindOf(err), err, c.kind, c.words)
					continue
				}
				for _, w := range c.words {
					if !strings.Contains(err.Error(), w) {
						t.Errorf("%s connection: got %v, want an error with %q", driver, err, w)
					}
				}
			}
		})
	}
}

// A server that does not know who signed the user's certificate says so after the handshake, in which it seemed to agree.
func TestTLSRefused(t *testing.T) {
	a := mariadb.NewAuthority(t, "a")
	server := mariadb.Start(t, mariadb.TLS(t, a))
	theirs := mariadb.NewAuthority(t, "another one").Issue(t, "user", time.Hour)
	s, err := Open(server.URI() + options("tls", "true", "tls-ca", a.File, "tls-cert", theirs.Cert, "tls-key", theirs.Key))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// Each try but the one whose connection is gone before the server's word was read tells the reason.
	var told error
	for range 20 {
		_, binlog := s.Start(t.Context(), "current")
		_, definitions := s.Server(t.Context())
		for _, err := range []error{binlog, definitions} {
			if err == nil || !strings.Contains(err.Error(), server.Addr()) || !strings.Contains(err.Error(), "give a tls-cert that") {
				t.Errorf("got %v, want an error with %s and the fix", err, server.Addr())
			}
		}
		if kindOf(binlog) == kindTLS {
			told = binlog
		}
	}
	if told == nil || !strings.Contains(told.Error(), "(unknown certificate authority)") {
		t.Errorf("got %v, want a fatal error with the reason", told)
	}
}

// MariaDB does not tell a user that it asks everyone for TLS.
func TestTLSRequired(t *testing.T) {
	server := mariadb.Start(t, mariadb.TLS(t, mariadb.NewAuthority(t, "a")))
	server.MustExec(t, "SET GLOBAL require_secure_transport = ON")
	err := beginAt(t, server, server.URI(), "current")
	if kindOf(err) != kindAccess || !strings.Contains(err.Error(), "needs ?tls=true") {
		t.Errorf("got %v, want a fatal error with ?tls=true", err)
	}
}

func TestCheckOfTLS(t *testing.T) {
	a := mariadb.NewAuthority(t, "a")
	server := mariadb.Start(t, mariadb.TLS(t, a))
	if got := finding(Check(t.Context(), server.URI()+options("tls", "true", "tls-ca", a.File)), "tls"); got.Status != StatusOK || got.Detail != "TLSv1.3" {
		t.Errorf("with TLS: got %+v", got)
	}
	if got := finding(Check(t.Context(), server.URI()), "tls"); got.Status != StatusOK || !strings.HasPrefix(got.Detail, "off") {
		t.Errorf("without: got %+v", got)
	}
	got := finding(Check(t.Context(), server.URI()+options("tls", "true")), "connection")
	if got.Status != StatusError || !strings.Contains(got.Detail, "tls-ca=FILE") || !strings.Contains(got.Fix, "tls-ca") {
		t.Errorf("no authority: got %+v", got)
	}
}

// Beyond this machine, a connection that others can read is warned of.
func TestCheckOfProtection(t *testing.T) {
	for _, c := range []struct {
		p    protection
		want Status
	}{
		{protection{mode: tlsOff}, StatusWarning},
		{protection{mode: tlsOff, loopback: true}, StatusOK},
		{protection{mode: tlsSkipVerify, version: "TLSv1.3"}, StatusWarning},
		{protection{mode: tlsVerifyCA, version: "TLSv1.3"}, StatusOK},
	} {
		if got := c.p.finding(); got.Status != c.want || (got.Fix == "") != (c.want == StatusOK) {
			t.Errorf("%+v: got %+v, want %s", c.p, got, c.want)
		}
	}
}

func TestCheckOfVersioningByTransaction(t *testing.T) {
	server := mariadb.Start(t)
	server.MustExec(t, "CREATE DATABASE shop", "CREATE TABLE shop.v (id INT PRIMARY KEY) WITH SYSTEM VERSIONING")
	if got := finding(Check(t.Context(), server.URI()), "system_versioning"); got.Status != StatusOK {
		t.Errorf("by time: got %+v", got)
	}
	server.MustExec(t, `CREATE TABLE shop.trx (id INT PRIMARY KEY, a BIGINT UNSIGNED GENERATED ALWAYS AS ROW START,
		b BIGINT UNSIGNED GENERATED ALWAYS AS ROW END, PERIOD FOR SYSTEM_TIME (a, b)) WITH SYSTEM VERSIONING`)
	got := finding(Check(t.Context(), server.URI()), "system_versioning")
	if got.Status != StatusWarning || !strings.Contains(got.Detail, "shop.trx") {
		t.Fatalf("by transaction: got %+v", got)
	}
	server.MustExec(t, got.Fix)
	if got := finding(Check(t.Context(), server.URI()), "system_versioning"); got.Status != StatusOK {
		t.Errorf("mended: got %+v", got)
	}
}
