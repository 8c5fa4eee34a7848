package emailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// certificate is what the server shows, and the pool that trusts it.
type certificate struct {
	server *tls.Config
	pool   *x509.CertPool
}

// newCertificate makes a certificate for the host that is its own authority and
// has been valid for a day.
func newCertificate(host string, valid time.Duration) certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the machine has no randomness
	}
	end := time.Now().Add(valid)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: end,
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err) // the template above is wrong
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err) // what was just made cannot be read
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return certificate{pool: pool, server: &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		// A ticket is written while the client writes, too; over a pipe that
		// holds little both could wait for ever.
		SessionTicketsDisabled: true,
	}}
}
