package harness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates.
type Authority struct {
	tb    testing.TB
	dir   string
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	count int64
	Path  string // of its own certificate
}

// NewAuthority makes one, with its files in a temporary folder.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{tb: tb, dir: tb.TempDir()}
	a.key = newKey(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "everfold's test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert = a.sign(template, &a.key.PublicKey, template)
	a.Path = a.write("authority.pem", "CERTIFICATE", a.cert.Raw)
	return a
}

// Pair is a certificate with its key, in files.
type Pair struct{ Cert, Key string }

// Issue makes a certificate for a server of those names, and for a client, that holds until then.
func (a *Authority) Issue(until time.Time, names ...string) Pair {
	a.tb.Helper()
	a.count++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1 + a.count), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	key := newKey(a.tb)
	cert := a.sign(template, &key.PublicKey, a.cert)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		a.tb.Fatalf("harness: %v", err)
	}
	name := names[0] + big.NewInt(a.count).String()
	return Pair{Cert: a.write(name+".pem", "CERTIFICATE", cert.Raw), Key: a.write(name+".key", "EC PRIVATE KEY", der)}
}

func (a *Authority) sign(template *x509.Certificate, key *ecdsa.PublicKey, parent *x509.Certificate) *x509.Certificate {
	a.tb.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, a.key)
	if err != nil {
		a.tb.Fatalf("harness: sign a certificate: %v", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.tb.Fatalf("harness: %v", err)
	}
	return cert
}

func (a *Authority) write(name, kind string, der []byte) string {
	a.tb.Helper()
	path := filepath.Join(a.dir, name)
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		a.tb.Fatalf("harness: %v", err)
	}
	return path
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return key
}

// Gate is a TLS endpoint in front of a Temporal server: what a cluster's load balancer is.
type Gate struct {
	Own     Pair       // its certificate
	Clients *Authority // whose clients it lets in; nil: clients need no certificate
	APIKey  string     // that it wants; "": none
}

// Open opens the gate before a server and returns its address. It closes with the test.
func (g Gate) Open(tb testing.TB, server string) (address string) {
	tb.Helper()
	cert, err := tls.LoadX509KeyPair(g.Own.Cert, g.Own.Key)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}}
	if g.Clients != nil {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		config.ClientCAs.AddCert(g.Clients.cert)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	gate := &http.Server{Handler: g.handler(server), ErrorLog: log.New(io.Discard, "", 0), Protocols: new(http.Protocols)}
	gate.Protocols.SetHTTP2(true)
	go func() { _ = gate.Serve(listener) }() // ends with Close
	tb.Cleanup(func() { _ = gate.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		tb.Fatalf("harness: %v", err)
	}
	return net.JoinHostPort("localhost", port)
}

func (g Gate) handler(server string) http.Handler {
	plain := &http.Transport{Protocols: new(http.Protocols)}
	plain.Protocols.SetUnencryptedHTTP2(true)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: server})
	proxy.Transport, proxy.FlushInterval, proxy.ErrorLog = plain, -1, log.New(io.Discard, "", 0)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.APIKey != "" && r.Header.Get("Authorization") != "Bearer "+g.APIKey {
			w.Header().Set("Content-Type", "application/grpc")
			w.Header().Set("Grpc-Status", "16") // Unauthenticated
			w.Header().Set("Grpc-Message", "invalid API key")
			return
		}
		proxy.ServeHTTP(w, r)
	})
}
