package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/weir-cdc/weir/test/mariadb"
	"github.com/weir-cdc/weir/test/weir"
)

const (
	userSSL  = "CREATE USER 'ssl'@'127.0.0.1' IDENTIFIED BY 'hunter2' REQUIRE SSL"
	userX509 = "CREATE USER 'x509'@'127.0.0.1' IDENTIFIED BY 'hunter2' REQUIRE X509"
	grants   = "GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT, BINLOG MONITOR ON *.* TO 'ssl'@'127.0.0.1', 'x509'@'127.0.0.1'"
)

// A user who must come by TLS follows with every connection by it, also with one that must show a certificate; and a
// changefeed that was begun by one goes on by the other. No password is ever shown.
func TestFollowsByTLS(t *testing.T) {
	t.Parallel()
	a := mariadb.NewAuthority(t, "a")
	f := weir.NewChangefeed(t, mariadb.Start(t, mariadb.TLS(t, a)), "csv", "--log-level", "debug")
	f.Server.MustExec(t, oneRow, userSSL, userX509, grants)
	f.CatchUp() // as root, in plain text
	said := ""
	follow := func(uri string) {
		f.Replace(f.Args[2], uri)
		f.Server.MustExec(t, "UPDATE shop.t SET n = n + 1", "ALTER TABLE shop.t ADD COLUMN IF NOT EXISTS s TEXT", "UPDATE shop.t SET s = 'x'")
		p := f.Follow("--stop-at", "current")
		if code := p.Wait(t); code != 0 {
			t.Errorf("%s: got exit code %d, want 0", uri, code)
		}
		f.Compare()
		said += p.Stderr()
	}
	ca, user := "?tls=true&tls-ca="+a.File, a.Issue(t, "user", time.Hour)
	follow("mysql://ssl:hunter2@" + f.Server.Addr() + "/" + ca)
	follow("mysql://x509:hunter2@" + f.Server.Addr() + "/" + ca + "&tls-cert=" + user.Cert + "&tls-key=" + user.Key)
	if strings.Contains(said, "hunter2") || !strings.Contains(said, "ssl:xxxxx@") {
		t.Error("the log shows the password, or not the user")
	}
}

// A server that nobody vouches for is refused, and named with the authority that should have.
func TestRefusesAnUnknownAuthority(t *testing.T) {
	t.Parallel()
	a, other := mariadb.NewAuthority(t, "a"), mariadb.NewAuthority(t, "another")
	f := weir.NewChangefeed(t, mariadb.Start(t, mariadb.TLS(t, a)), "csv")
	f.Server.MustExec(t, oneRow, userSSL, userX509, grants)
	f.Replace(f.Args[2], "mysql://ssl:hunter2@"+f.Server.Addr()+"/?tls=true&tls-ca="+other.File)
	said := refuses(t, f, f.Server.Addr(), other.File, "give tls-ca=FILE")
	check := weir.Launch(t, "check", "--from", f.Args[2])
	if code := check.Wait(t); code != 1 || !strings.Contains(check.Stdout(), "tls-ca=FILE") {
		t.Errorf("weir check: got exit code %d, want 1 and the fix", code)
	}
	if strings.Contains(said+check.Stdout()+check.Stderr(), "hunter2") {
		t.Error("the password is shown")
	}
	f.Replace(other.File, a.File)
	f.CatchUp()
	f.Compare()
}
