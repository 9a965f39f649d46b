package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// certificates makes an authority and a certificate for 127.0.0.1 that it signed.
func certificates(t *testing.T) TLSFiles {
	t.Helper()
	dir := t.TempDir()
	files := TLSFiles{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), CA: filepath.Join(dir, "ca.pem")}
	template := func(serial int64) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "weir"},
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
	}
	authority := template(1)
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authority.ExtKeyUsage = nil
	authorityKey, key := newKey(t), newKey(t)
	writePEM(t, files.CA, "CERTIFICATE", sign(t, authority, authority, authorityKey, authorityKey))
	writePEM(t, files.Cert, "CERTIFICATE", sign(t, template(2), authority, key, authorityKey))
	raw, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, files.Key, "EC PRIVATE KEY", raw)
	return files
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, what, by *x509.Certificate, key, byKey *ecdsa.PrivateKey) []byte {
	t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, what, by, &key.PublicKey, byKey)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func writePEM(t *testing.T, path, kind string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// freeAddress gives an address on which nobody listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// oneMember starts a member that is a cluster of its own, and gives its client URL.
func oneMember(t *testing.T, files TLSFiles) (*Embedded, string) {
	t.Helper()
	scheme := map[bool]string{true: "https://", false: "http://"}[files.Enabled()]
	client := scheme + freeAddress(t)
	e, err := Embed(t.Context(), EmbedOptions{
		Dir: t.TempDir(), Log: quiet(), Name: "n1", TLS: files, ListenClient: client,
		Peers: map[string]string{"n1": scheme + freeAddress(t)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e, client
}

func TestDialWithTLSNamesWhatIsWrong(t *testing.T) {
	files, other := certificates(t), certificates(t)
	_, client := oneMember(t, files)
	nobody := "https://" + freeAddress(t)
	tests := []struct {
		name      string
		endpoints []string
		tls       TLSFiles
		want      string
	}{
		{"right", []string{client}, files, ""},
		{"one endpoint is down", []string{nobody, client}, files, ""},
		{"wrong authority", []string{client}, TLSFiles{Cert: files.Cert, Key: files.Key, CA: other.CA}, "--tls-ca"},
		{"certificate of another authority", []string{client}, TLSFiles{Cert: other.Cert, Key: other.Key, CA: files.CA}, "--tls-cert"},
		{"no certificate", []string{client}, TLSFiles{CA: files.CA}, "--tls-cert"},
		{"nobody there", []string{nobody}, files, "connection refused"},
		{"no TLS", []string{strings.Replace(client, "https", "http", 1)}, files, "https://"},
		{"no such file", []string{client}, TLSFiles{CA: "/nowhere/ca.pem"}, "/nowhere/ca.pem"},
		{"half a pair", []string{client}, TLSFiles{CA: files.CA, Cert: files.Cert}, "key"},
		{"mixed", []string{client, "http://127.0.0.1:1"}, files, "all of them"},
		{"none", nil, files, "--etcd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Dial(t.Context(), DialOptions{Endpoints: tt.endpoints, TLS: tt.tls, DialTimeout: time.Second, Log: quiet()})
			if err == nil {
				defer s.Close()
			}
			switch {
			case tt.want == "" && err != nil:
				t.Fatal(err)
			case tt.want == "":
				if _, err := s.Changefeeds(t.Context()); err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), tt.want):
				t.Errorf("got %v, want an error that names %s", err, tt.want)
			case len(tt.endpoints) == 1 && !strings.Contains(err.Error(), strings.TrimPrefix(tt.endpoints[0], "https://")):
				t.Errorf("%v does not name the endpoint", err)
			}
		})
	}
}

func TestDialWithAUser(t *testing.T) {
	e, client := oneMember(t, TLSFiles{})
	ctx, etcd := t.Context(), e.Client()
	steps := []func() error{
		func() error { _, err := etcd.UserAdd(ctx, "root", "r00t"); return err },
		func() error { _, err := etcd.UserGrantRole(ctx, "root", "root"); return err },
		func() error { _, err := etcd.RoleAdd(ctx, "weir"); return err },
		func() error {
			_, err := etcd.RoleGrantPermission(ctx, "weir", root, clientv3.GetPrefixRangeEnd(root), clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := etcd.UserAdd(ctx, "weir", "s3cret"); return err },
		func() error { _, err := etcd.UserAdd(ctx, "guest", "guest"); return err },
		func() error { _, err := etcd.UserGrantRole(ctx, "weir", "weir"); return err },
		func() error { _, err := etcd.AuthEnable(ctx); return err },
	}
	for i, step := range steps {
		if err := step(); err != nil {
			t.Fatal(i, err)
		}
	}
	tests := []struct{ user, password, want string }{
		{"weir", "s3cret", ""},
		{"weir", "wrong", "--etcd-password"},
		{"", "", "--etcd-user"},
		{"guest", "guest", "grant it a role"},
	}
	for _, tt := range tests {
		s, err := Dial(ctx, DialOptions{Endpoints: []string{client}, User: tt.user, Password: tt.password, DialTimeout: 30 * time.Second, Log: quiet()})
		switch {
		case tt.want == "" && err != nil:
			t.Fatal(err)
		case tt.want == "":
			join(t, s, "n1", false) // leases and elections too
			if err := s.Create(ctx, testChangefeed(t, "a")); err != nil {
				t.Error(err)
			}
			t.Cleanup(func() { s.Close() })
		case err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), client):
			t.Errorf("%s: got %v, want an error that names %s and %s", tt.user, err, tt.want, client)
		case strings.Contains(err.Error(), "wrong:"):
			t.Errorf("shows the password: %v", err)
		}
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Dial(ctx, DialOptions{Endpoints: []string{freeAddress(t)}, Log: quiet()}); !errors.Is(err, ErrUnreachable) && !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
