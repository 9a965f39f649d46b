package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"testing"
	"time"

	"github.com/weir-cdc/weir/api"
	"github.com/weir-cdc/weir/test/mariadb"
)

// An Authority signs the certificates of a cluster's nodes and of who asks them.
type Authority struct {
	*mariadb.Authority
	asker *mariadb.Certificate
}

// NewAuthority makes an authority whose files go away with the test.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	return &Authority{Authority: mariadb.NewAuthority(t, "nodes")}
}

// Issue makes a certificate for a host.
func (a *Authority) Issue(t testing.TB, host string) mariadb.Certificate {
	t.Helper()
	return a.Authority.Issue(t, host, 24*time.Hour)
}

// user gives the files of a client of the API.
func (a *Authority) user(t testing.TB) api.TLSFiles {
	t.Helper()
	if a.asker == nil {
		pair := a.Issue(t, "test")
		a.asker = &pair
	}
	return api.TLSFiles{CA: a.File, Cert: a.asker.Cert, Key: a.asker.Key}
}

// asks gives the configuration of a client.
func (a *Authority) asks(t testing.TB) (*tls.Config, error) {
	t.Helper()
	files := a.user(t)
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(files.CA)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	return &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: pool}, nil
}
