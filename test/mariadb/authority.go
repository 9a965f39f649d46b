package mariadb

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// An Authority signs certificates for servers and users of TLS.
type Authority struct {
	// File holds the authority's own certificate in PEM form.
	File string

	name        string
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// A Certificate names the two files of one, in PEM form.
type Certificate struct{ Cert, Key string }

// NewAuthority makes an authority whose files go away with the test.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{name: name, File: filepath.Join(t.TempDir(), name+".pem"), key: newKey(t)}
	a.certificate = &x509.Certificate{
		SerialNumber: serialNumber(t), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, a.certificate, a.certificate, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.File, "CERTIFICATE", signed)
	return a
}

// Issue makes a certificate for a name, that of a host, of an address or of a user, which ends after lifetime; one
// below zero has ended.
func (a *Authority) Issue(t testing.TB, name string, lifetime time.Duration) Certificate {
	t.Helper()
	request := &x509.Certificate{
		SerialNumber: serialNumber(t), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour),
		NotAfter: time.Now().Add(lifetime), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		request.IPAddresses = []net.IP{ip}
	} else {
		request.DNSNames = []string{name}
	}
	key := newKey(t)
	signed, err := x509.CreateCertificate(rand.Reader, request, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := Certificate{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	writePEM(t, c.Cert, "CERTIFICATE", signed)
	writePEM(t, c.Key, "PRIVATE KEY", secret)
	return c
}

// TLS gives a server a certificate for 127.0.0.1; users show it theirs by the same authority.
func TLS(t testing.TB, a *Authority) Option {
	t.Helper()
	return Args(a.ServerArgs(a.Issue(t, "127.0.0.1", time.Hour))...)
}

// ServerArgs makes a server's arguments of a certificate.
func (a *Authority) ServerArgs(c Certificate) []string {
	return []string{"--ssl-ca=" + a.File, "--ssl-cert=" + c.Cert, "--ssl-key=" + c.Key}
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serialNumber(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func writePEM(t testing.TB, path, kind string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		t.Fatal(err)
	}
}
