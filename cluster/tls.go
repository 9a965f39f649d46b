package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
)

// TLSFiles name a certificate, its key and the authority that signed the others' certificates, all PEM. The zero value
// means no TLS. A store's own certificate is shown to clients and, as a client's, to others.
type TLSFiles struct{ Cert, Key, CA string }

// Enabled tells whether any of the files is given.
func (f TLSFiles) Enabled() bool { return f != TLSFiles{} }

// clientConfig reads the files for a client: the authority may be missing (the system's are trusted then), and so may
// certificate and key, for a store that asks for none.
func (f TLSFiles) clientConfig() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.CA != "" {
		pem, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read the certificate authority %s: no certificate in PEM form is in it", f.CA)
		}
	}
	if f.Cert == "" && f.Key == "" {
		return c, nil
	}
	if f.Cert == "" || f.Key == "" {
		return nil, errors.New("a certificate needs its key: give both files, or neither")
	}
	// Read anew for each connection, so that a renewed certificate needs no restart.
	load := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("read certificate %s with key %s: %w", f.Cert, f.Key, err)
		}
		return &pair, nil
	}
	if _, err := load(); err != nil {
		return nil, err
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	return c, nil
}

// complete tells what is missing for a server that also asks its clients for a certificate.
func (f TLSFiles) complete() error {
	if f.Cert == "" || f.Key == "" || f.CA == "" {
		return errors.New("TLS needs certificate, key and authority: give --tls-cert, --tls-key and --tls-ca")
	}
	_, err := f.clientConfig()
	return err
}

// checkURL parses the address of a member and tells whether it may be used with or without TLS.
func checkURL(what, address string, secure bool) (url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" && u.Path != "/" || u.User != nil {
		return url.URL{}, fmt.Errorf("%s is not an address: write https://host:port", what)
	}
	if u.Port() == "" {
		return url.URL{}, fmt.Errorf("%s %s has no port: write https://host:port", what, address)
	}
	switch {
	case secure && u.Scheme != "https":
		return url.URL{}, fmt.Errorf("%s %s: with TLS every address begins with https://", what, address)
	case !secure && u.Scheme == "https":
		return url.URL{}, fmt.Errorf("%s %s: https needs --tls-cert, --tls-key and --tls-ca", what, address)
	case !secure && !loopback(u.Hostname()):
		return url.URL{}, fmt.Errorf("%s %s: without TLS a member of the store is on loopback only: give --tls-cert, --tls-key and --tls-ca, and https:// addresses", what, address)
	}
	return url.URL{Scheme: u.Scheme, Host: u.Host}, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
