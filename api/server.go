package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/sirupsen/logrus"
)

// DefaultAddr is where a server listens, and where a client looks for one.
const DefaultAddr = "127.0.0.1:8300"

// TLSFiles name a certificate, its key, and the CA of the other side, in PEM. With all "" there is no TLS.
type TLSFiles struct{ Cert, Key, CA string }

func (f TLSFiles) given() bool { return f != TLSFiles{} }

// Options say how a server serves.
type Options struct {
	Addr    string // host:port; port 0 takes a free one
	TLS     TLSFiles
	Control Control
	Version Version
	Log     *logrus.Entry
}

// A Server serves the API until it is closed.
type Server struct {
	http     *http.Server
	listener net.Listener
	scheme   string
	done     chan error
}

// Start listens and serves. Without TLS the address must be a loopback one.
func Start(o Options) (*Server, error) {
	if !o.TLS.given() && !loopback(o.Addr) {
		return nil, &Error{Code: InvalidSetting, Where: "--api-addr", What: o.Addr + " is reachable from other machines, and there is no TLS",
			Fix: "give --tls-cert, --tls-key and --tls-ca, or a loopback address as in " + DefaultAddr}
	}
	conf, err := serverTLS(o.TLS)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, &Error{Code: InvalidSetting, Where: "--api-addr", What: fmt.Sprintf("listen on %s: %v", o.Addr, err),
			Fix: "give an address of this machine with a free port"}
	}
	log := o.Log.WithField("part", "api")
	s := &Server{listener: listener, scheme: "http", done: make(chan error, 1)}
	if conf != nil {
		listener, s.scheme = tls.NewListener(listener, conf), "https"
	}
	errorLog := log.WriterLevel(logrus.DebugLevel)
	s.http = &http.Server{
		Handler:           newGuard(newSurface(o.Control, o.Version, log), o.TLS),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      callTimeout + 15*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          newErrorLog(errorLog),
	}
	go func() {
		defer errorLog.Close()
		err := s.http.Serve(listener)
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		s.done <- err
	}()
	log.WithField("url", s.URL()).Info("serving the API")
	return s, nil
}

// Addr gives the address that the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// URL gives the server's URL.
func (s *Server) URL() string { return s.scheme + "://" + s.Addr().String() }

// Done delivers one value when the server has ended: nil after a Close, else why.
func (s *Server) Done() <-chan error { return s.done }

// Close lets the calls under way end until the context does.
func (s *Server) Close(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("close the API: %w", err), s.http.Close())
	}
	return nil
}

// loopback tells that only this machine reaches an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && loopbackHost(host)
}

func loopbackHost(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func serverTLS(f TLSFiles) (*tls.Config, error) {
	if !f.given() {
		return nil, nil
	}
	cert, err := f.certificate()
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2", "http/1.1"}}
	if f.CA != "" {
		conf.ClientAuth = tls.VerifyClientCertIfGiven // the guard demands one, except for health checks
		conf.ClientCAs, err = f.pool()
	}
	return conf, err
}

func (f TLSFiles) certificate() (tls.Certificate, error) {
	if f.Cert == "" || f.Key == "" {
		return tls.Certificate{}, &Error{Code: InvalidSetting, Where: "--tls-cert", What: "a certificate and its key are used together",
			Fix: "give both --tls-cert and --tls-key"}
	}
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return cert, &Error{Code: InvalidSetting, Where: "--tls-cert", What: fmt.Sprintf("%s with %s: %v", f.Cert, f.Key, err),
			Fix: "give PEM files of a certificate and its key"}
	}
	return cert, nil
}

func (f TLSFiles) pool() (*x509.CertPool, error) {
	const fix = "give a PEM file with the certificate of the CA"
	text, err := os.ReadFile(f.CA)
	if err != nil {
		return nil, &Error{Code: InvalidSetting, Where: "--tls-ca", What: err.Error(), Fix: fix}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, &Error{Code: InvalidSetting, Where: "--tls-ca", What: f.CA + " holds no certificate", Fix: fix}
	}
	return pool, nil
}
