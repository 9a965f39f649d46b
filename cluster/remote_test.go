package cluster

import (
	"net"
	"strings"
	"testing"
)

func TestOneMessageAndOneBatchFitTheReceiver(t *testing.T) {
	c := remoteConfig("127.0.0.1", 0, wireCredentials{}, newDialer())
	if worst := MaxMessage * c.EndpointWriterBatchSize; worst > receiveLimit {
		t.Errorf("a batch of %d bytes, the receiver takes %d", worst, receiveLimit)
	}
}

func TestAddressesOfTheTransport(t *testing.T) {
	files := TLSFiles{Cert: "c", Key: "k", CA: "a"}
	for _, c := range []struct {
		o    RemoteOptions
		want string // in the error; empty: none
	}{
		{RemoteOptions{Listen: "127.0.0.1:0"}, ""},
		{RemoteOptions{Listen: "localhost:8300", Advertise: "[::1]:8300"}, ""},
		{RemoteOptions{Listen: "[::1]:0"}, ""},
		{RemoteOptions{Listen: "10.0.0.5:8300"}, "--tls-cert, --tls-key and --tls-ca"},
		{RemoteOptions{Listen: "127.0.0.1:8300", Advertise: "10.0.0.5:8300"}, "--tls-cert, --tls-key and --tls-ca"},
		{RemoteOptions{Listen: "node-1:8300"}, "--tls-cert, --tls-key and --tls-ca"},
		{RemoteOptions{Listen: ":8300"}, "--tls-cert, --tls-key and --tls-ca"},
		{RemoteOptions{Listen: ":8300", TLS: files}, "--advertise"},
		{RemoteOptions{Listen: "0.0.0.0:8300", TLS: files}, "--advertise"},
		{RemoteOptions{Listen: "0.0.0.0:8300", Advertise: "node-1:8300", TLS: files}, ""},
		{RemoteOptions{Listen: "0.0.0.0:8300", Advertise: "0.0.0.0:8300", TLS: files}, "--advertise"},
		{RemoteOptions{Listen: "10.0.0.5", TLS: files}, "want host:port"},
		{RemoteOptions{Listen: "10.0.0.5:http", TLS: files}, "want host:port"},
		{RemoteOptions{Listen: "10.0.0.5:70000", TLS: files}, "want host:port"},
		{RemoteOptions{Listen: "10.0.0.5:1", Advertise: "node-1", TLS: files}, "want host:port"},
		{RemoteOptions{Listen: "10.0.0.5:1", Advertise: "node-1:0", TLS: files}, "want host:port"},
	} {
		_, _, err := c.o.addresses()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", c.o, err, c.want)
		}
	}
}

func TestTheTransportTellsThatItCannotListen(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r, err := Remote(testSystem(t, quiet()), RemoteOptions{Listen: taken.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err == nil || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("got %v", err)
	}
	r.Shutdown()
}

func TestTLSNeedsAllFiles(t *testing.T) {
	for _, f := range []TLSFiles{{Cert: "c"}, {Cert: "c", Key: "k"}, {CA: "a"}} {
		if _, err := f.credentials(); err == nil || !strings.Contains(err.Error(), "give --tls-cert, --tls-key and --tls-ca") {
			t.Errorf("%+v: got %v", f, err)
		}
	}
	if _, err := (TLSFiles{Cert: "/absent", Key: "/absent", CA: "/absent"}).credentials(); err == nil ||
		!strings.Contains(err.Error(), "/absent") {
		t.Errorf("got %v", err)
	}
}
