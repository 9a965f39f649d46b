package api

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
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func startServer(t *testing.T, f TLSFiles) (*Server, *memory) {
	t.Helper()
	m := newMemory()
	s, err := Start(Options{Addr: "127.0.0.1:0", TLS: f, Control: m, Version: Version{Version: "v1"}, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := <-s.Done(); err != nil {
			t.Error(err)
		}
	})
	return s, m
}

func clientOf(t *testing.T, f TLSFiles, servers ...string) *Client {
	t.Helper()
	c, err := NewClient(ClientOptions{Servers: servers, TLS: f, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The client gives what the Control gave, and the errors with all their parts.
func TestClientIsTheControl(t *testing.T) {
	s, m := startServer(t, TLSFiles{})
	c := clientOf(t, TLSFiles{}, s.URL())
	ctx := t.Context()
	table := Table{"a.b", "c/d"}
	if _, err := c.Create(ctx, Spec{Name: "shop", From: "workload://bank", To: "blackhole://"}); err != nil {
		t.Fatal(err)
	}
	for _, do := range []func() error{
		func() error { return c.Split(ctx, "shop", table, 3) },
		func() error { return c.Move(ctx, "shop", table, "n2") },
		func() error { _, err := c.Pause(ctx, "shop"); return err },
		func() error {
			_, err := c.Update(ctx, "shop", Patch{IfMatch: m.feeds["shop"].Tag(), Config: ConfigPatch{Memory: new("96MiB")}})
			return err
		},
		func() error { _, err := c.Resume(ctx, "shop", ResumeOptions{}); return err },
		func() error { _, err := c.Drain(ctx, "n2", false); return err },
		func() error { _, err := c.Drain(ctx, "n2", true); return err },
		func() error { _, err := c.Barriers(ctx, "shop"); return err },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	page, err := c.Spans(ctx, "shop", SpanQuery{Table: table, Node: "n2", Limit: 2})
	if err != nil || page.Total != 3 || len(page.Spans) != 2 || page.Spans[0].Table != table {
		t.Errorf("got %+v, %v", page, err)
	}
	if err := c.Merge(ctx, "shop", table); err != nil || len(m.tables[table]) != 1 {
		t.Errorf("got %v, %v", m.tables[table], err)
	}
	feeds, err := c.Changefeeds(ctx)
	if err != nil || len(feeds) != 1 || feeds[0].Config.Memory != "96MiB" {
		t.Errorf("got %+v, %v", feeds, err)
	}
	if nodes, err := c.Nodes(ctx); err != nil || len(nodes) != 2 {
		t.Errorf("got %+v, %v", nodes, err)
	}
	if h := c.Health(ctx); !h.Ready || h.Coordinator != "n1" {
		t.Errorf("got %+v", h)
	}
	if v, err := c.Version(ctx); err != nil || v.Version != "v1" {
		t.Errorf("got %+v, %v", v, err)
	}
	if err := c.Remove(ctx, "shop"); err != nil {
		t.Error(err)
	}
	if _, err = c.Changefeed(ctx, "shop"); !errors.Is(err, &Error{Code: NoSuchChangefeed}) {
		t.Errorf("got %v", err)
	}
	m.fails = &Error{Code: WrongState, What: "w", Where: "e", Fix: "f", Also: []Detail{{"a", "b", "c"}}}
	if _, err := c.Nodes(ctx); err == nil || err.Error() != "e: w: f\na: b: c" || CodeOf(err) != WrongState {
		t.Errorf("got %v", err)
	}
}

// A change that may have happened is not asked for again elsewhere.
func TestChangesAreNotRepeated(t *testing.T) {
	var asked atomic.Int32
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	defer cut.Close()
	s, m := startServer(t, TLSFiles{})
	c := clientOf(t, TLSFiles{}, cut.URL, s.URL())
	_, err := c.Create(t.Context(), Spec{Name: "shop", From: "workload://bank", To: "blackhole://"})
	if CodeOf(err) != ServerUnreachable || asked.Load() != 1 || len(m.feeds) != 0 {
		t.Errorf("got %v, asked %d times, %d changefeeds", err, asked.Load(), len(m.feeds))
	}
	if _, err := c.Nodes(t.Context()); err != nil {
		t.Errorf("a question goes to the next server: %v", err)
	}
}

func TestOtherServers(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("<html>")) })) //nolint:errcheck
	defer page.Close()
	moved := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	defer moved.Close()
	for _, url := range []string{page.URL, moved.URL} {
		_, err := clientOf(t, TLSFiles{}, url).Nodes(t.Context())
		if CodeOf(err) != ServerUnreachable || !strings.Contains(err.Error(), "no weir node") {
			t.Errorf("got %v", err)
		}
	}
	for _, url := range []string{"127.0.0.1:8300", "http://", "ftp://h", "http://u:p@h"} {
		if _, err := NewClient(ClientOptions{Servers: []string{url}}); CodeOf(err) != InvalidSetting {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestOpenWithoutTLS(t *testing.T) {
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:0", "8300"} {
		s, err := Start(Options{Addr: addr, Control: newMemory(), Log: quiet()})
		if err == nil {
			s.Close(context.Background()) //nolint:errcheck
		}
		if err == nil || !strings.Contains(err.Error(), "--tls-cert, --tls-key and --tls-ca") {
			t.Errorf("%s: got %v", addr, err)
		}
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := Start(Options{Addr: taken.Addr().String(), Control: newMemory(), Log: quiet()}); err == nil || !strings.Contains(err.Error(), "--api-addr") {
		t.Errorf("a port in use: got %v", err)
	}
}

func TestTLS(t *testing.T) {
	dir := t.TempDir()
	ours, other := newCA(t, dir, "ours"), newCA(t, dir, "other")
	s, _ := startServer(t, ours.sign(t, "node"))
	user := ours.sign(t, "user")
	cases := []struct {
		name  string
		files TLSFiles
		code  Code // "" is success
		want  string
	}{
		{"a certificate of the CA", user, "", ""},
		{"no certificate", TLSFiles{CA: user.CA}, CertificateMissing, "--tls-cert"},
		{"no CA", TLSFiles{Cert: user.Cert, Key: user.Key}, ServerUnreachable, "certificate signed by unknown authority"},
		{"another CA", TLSFiles{CA: other.file}, ServerUnreachable, "certificate signed by unknown authority"},
		{"a certificate of another CA", func() TLSFiles { f := other.sign(t, "x"); f.CA = user.CA; return f }(), CertificateMissing, "--tls-cert"},
	}
	for _, c := range cases {
		_, err := clientOf(t, c.files, s.URL()).Nodes(t.Context())
		if c.code == "" && err != nil || c.code != "" && (CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %s, %s", c.name, err, c.code, c.want)
		}
	}
	if h := clientOf(t, TLSFiles{CA: user.CA}, s.URL()).Health(t.Context()); !h.Ready {
		t.Errorf("a health check without a certificate: got %+v", h)
	}
	plain := clientOf(t, TLSFiles{}, "http://"+s.Addr().String())
	if _, err := plain.Nodes(t.Context()); CodeOf(err) != ServerUnreachable {
		t.Errorf("no TLS: got %v", err)
	}
	for _, f := range []TLSFiles{{Cert: user.Cert}, {CA: user.CA}, {Cert: user.Key, Key: user.Cert}, {Cert: user.Cert, Key: user.Key, CA: user.Key}, {Cert: "/no", Key: "/no"}} {
		if _, err := Start(Options{Addr: "127.0.0.1:0", TLS: f, Control: newMemory(), Log: quiet()}); CodeOf(err) != InvalidSetting {
			t.Errorf("%+v: got %v", f, err)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	s, _ := startServer(t, TLSFiles{})
	c := clientOf(t, TLSFiles{}, s.URL())
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			name := "f" + string(rune('a'+i))
			if _, err := c.Create(t.Context(), Spec{Name: name, From: "workload://bank", To: "blackhole://"}); err != nil {
				t.Error(err)
			}
			if _, err := c.Changefeeds(t.Context()); err != nil {
				t.Error(err)
			}
			if err := c.Remove(t.Context(), name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A ca signs certificates for tests.
type ca struct {
	dir, file string
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
}

func newCA(t *testing.T, dir, name string) *ca {
	t.Helper()
	c := &ca{dir: dir, file: filepath.Join(dir, name+".pem")}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	c.key = newKey(t)
	c.cert = c.write(t, template, template, c.file, &c.key.PublicKey)
	return c
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (c *ca) write(t *testing.T, template, parent *x509.Certificate, file string, key *ecdsa.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, c.key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, file, "CERTIFICATE", der)
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// sign makes a certificate for loopback, for both sides of a connection.
func (c *ca) sign(t *testing.T, name string) TLSFiles {
	t.Helper()
	key := newKey(t)
	base := strings.TrimSuffix(c.file, ".pem") + "-" + name
	f := TLSFiles{Cert: base + ".pem", Key: base + ".key", CA: c.file}
	c.write(t, &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}, c.cert, f.Cert, &key.PublicKey)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, f.Key, "EC PRIVATE KEY", der)
	return f
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
