// Package oidctest is an OpenID Connect issuer for tests: a server on this
// machine that publishes keys and signs tokens with them.
//
// It is imported by tests only, and may import nothing of ours. An *Issuer is
// safe for concurrent use.
package oidctest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// Issuer publishes keys and signs tokens.
type Issuer struct {
	URL string

	mu       sync.Mutex
	keys     []key
	requests map[string]int
	answers  map[string]http.HandlerFunc
}

type key struct {
	id     string
	method jwt.SigningMethod
	secret crypto.Signer
}

// The paths of what an issuer publishes.
const (
	Discovery = "/.well-known/openid-configuration"
	Keys      = "/keys"
)

// New starts an issuer with an RSA key "rsa-1" and an elliptic one "ec-1".
func New(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{requests: map[string]int{}, answers: map[string]http.HandlerFunc{}}
	i.AddRSA(t, "rsa-1")
	i.addEC(t, "ec-1")
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// AddRSA adds a key; tokens are signed with the newest RSA key from then on.
func (i *Issuer) AddRSA(t testing.TB, id string) {
	t.Helper()
	secret, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append([]key{{id, jwt.SigningMethodRS256, secret}}, i.keys...)
}

func (i *Issuer) addEC(t testing.TB, id string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	i.keys = append(i.keys, key{id, jwt.SigningMethodES256, secret})
}

// Answer replaces what the issuer says at a path; nil goes back to the truth.
func (i *Issuer) Answer(path string, h http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answers[path] = h
}

// Requests is how often a path was asked for.
func (i *Issuer) Requests(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[path]
}

// ServeHTTP publishes the discovery document and the keys.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	i.requests[r.URL.Path]++
	answer, keys := i.answers[r.URL.Path], i.keys
	i.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case answer != nil:
		answer(w, r)
	case r.URL.Path == Discovery:
		_ = json.NewEncoder(w).Encode(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + Keys})
	case r.URL.Path == Keys:
		list := []map[string]string{}
		for _, k := range keys {
			list = append(list, k.public())
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": list})
	default:
		http.NotFound(w, r)
	}
}

func (k *key) public() map[string]string {
	encode := base64.RawURLEncoding.EncodeToString
	if public, ok := k.secret.Public().(*rsa.PublicKey); ok {
		return map[string]string{"kty": "RSA", "kid": k.id, "use": "sig", "alg": "RS256", "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes())}
	}
	public := k.secret.Public().(*ecdsa.PublicKey)
	raw, err := public.Bytes() // 4, x, y
	if err != nil {
		panic(err)
	}
	size := len(raw) / 2
	return map[string]string{"kty": "EC", "kid": k.id, "use": "sig", "crv": "P-256", "x": encode(raw[1 : 1+size]), "y": encode(raw[1+size:])}
}

// Token signs claims with the newest RSA key.
func (i *Issuer) Token(t testing.TB, claims map[string]any) string {
	t.Helper()
	return i.TokenWith(t, "RS256", claims, nil)
}

// TokenWith signs claims with the newest key for an algorithm ("RS256" or
// "ES256"); header replaces members of the token's header, "" takes one out.
func (i *Issuer) TokenWith(t testing.TB, algorithm string, claims map[string]any, header map[string]string) string {
	t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, k := range i.keys {
		if k.method.Alg() != algorithm {
			continue
		}
		token := jwt.NewWithClaims(k.method, jwt.MapClaims(claims))
		token.Header["kid"] = k.id
		for name, value := range header {
			if token.Header[name] = value; value == "" {
				delete(token.Header, name)
			}
		}
		signed, err := token.SignedString(k.secret)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	t.Fatalf("the issuer has no key for %s", algorithm)
	return ""
}

// Name is the issuer's URL without its scheme, as IAM names it.
func (i *Issuer) Name() string { return strings.TrimPrefix(i.URL, "http://") }
