package cluster

import (
	"crypto/tls"
	"fmt"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// wireCredentials is how a node proves who it is, as the one that connects and as the one that is connected to.
type wireCredentials struct {
	client, server credentials.TransportCredentials
}

// credentials makes both ends show a certificate of the authority. A node's certificate must name the host that the
// node advertises, and be good for a server and for a client.
func (f TLSFiles) credentials() (wireCredentials, error) {
	if !f.Enabled() {
		return wireCredentials{client: insecure.NewCredentials(), server: insecure.NewCredentials()}, nil
	}
	if err := f.complete(); err != nil {
		return wireCredentials{}, fmt.Errorf("join nodes by TLS: %w", err)
	}
	client, err := f.clientConfig()
	if err != nil {
		return wireCredentials{}, fmt.Errorf("join nodes by TLS: %w", err)
	}
	server := &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return client.GetClientCertificate(nil)
		},
		ClientAuth: tls.RequireAndVerifyClientCert,
		ClientCAs:  client.RootCAs,
	}
	return wireCredentials{client: credentials.NewTLS(client), server: credentials.NewTLS(server)}, nil
}
