package oidc

import (
	"context"
	"crypto"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Bounds of the keys that are kept.
const (
	keepDefault = time.Hour
	keepLeast   = time.Minute
	keepMost    = 24 * time.Hour
	// refetchAfter is how old keys are before a token that names another one
	// makes them be fetched again.
	refetchAfter = time.Minute
	// retryAfter is how long a failure counts for those who come next, so that
	// they do not queue up for an issuer that takes its time to fail.
	retryAfter  = 2 * time.Second
	issuersKept = 256
)

// algorithms are those that AWS accepts (API Reference,
// AssumeRoleWithWebIdentity).
func algorithms() []string { return []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"} }

// Options of a Verifier; the zero value is for production.
type Options struct {
	Now       func() time.Time  // nil: time.Now
	Transport http.RoundTripper // reaches issuers; nil: http.DefaultTransport, with the environment's proxy
}

// Verifier proves tokens, and keeps the keys of issuers.
type Verifier struct {
	now    func() time.Time
	client *http.Client

	mu      sync.Mutex // guards issuers
	issuers map[string]*issuer
}

// issuer is what one issuer published.
type issuer struct {
	mu      sync.Mutex // held while its keys are fetched: others wait for the same answer
	keys    keySet
	fetched time.Time
	until   time.Time // its keys are good until then

	failed   error // the last attempt, and when it failed
	failedAt time.Time
}

// New returns a Verifier that knows no keys yet.
func New(o Options) *Verifier {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Verifier{
		now:     o.Now,
		client:  &http.Client{Transport: o.Transport, Timeout: fetchTimeout, CheckRedirect: checkRedirect},
		issuers: map[string]*issuer{},
	}
}

// Verify proves that the token was signed by its issuer and holds now. Whether
// the issuer is to be trusted is the caller's business: Verify asks whoever the
// token names. The error wraps one of the refusals of this package.
func (v *Verifier) Verify(ctx context.Context, t *Token) error {
	parser := jwt.NewParser(jwt.WithValidMethods(algorithms()), jwt.WithoutClaimsValidation(), jwt.WithStrictDecoding())
	var noKey error
	_, err := parser.Parse(t.raw, func(parsed *jwt.Token) (any, error) {
		if _, named := parsed.Header["crit"]; named { // RFC 7515, 4.1.11: none is understood here
			return nil, fmt.Errorf("%w: it holds only for those who understand its header crit", ErrInvalid)
		}
		kid, _ := parsed.Header["kid"].(string)
		var key crypto.PublicKey
		key, noKey = v.key(ctx, t.Issuer(), kid, parsed.Method.Alg())
		return key, noKey
	})
	switch {
	case noKey != nil:
		return noKey
	case err != nil:
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return t.check(v.now())
}

// key finds the issuer's key of this id, for this algorithm.
func (v *Verifier) key(ctx context.Context, name, kid, algorithm string) (crypto.PublicKey, error) {
	i := v.issuer(name)
	i.mu.Lock()
	defer i.mu.Unlock()
	now := v.now()
	if now.Before(i.until) {
		if key := i.keys.find(kid, algorithm); key != nil {
			return key, nil
		}
		if now.Sub(i.fetched) < refetchAfter {
			return nil, fmt.Errorf("%w: %s has no key %q for %s", ErrNoKey, name, kid, algorithm)
		}
	}
	if i.failed != nil && now.Sub(i.failedAt) < retryAfter {
		return nil, i.failed
	}
	keys, keep, err := v.fetch(ctx, name)
	if err != nil {
		if ctx.Err() == nil { // else it is the client who gave up, not the issuer
			i.failed, i.failedAt = err, v.now()
		}
		return nil, err
	}
	i.keys, i.fetched, i.until, i.failed = keys, now, now.Add(keep), nil
	if key := keys.find(kid, algorithm); key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%w: %s has no key %q for %s", ErrNoKey, name, kid, algorithm)
}

// issuer returns the place of an issuer's keys. When there are too many, one is
// forgotten: it costs a request to learn it again.
func (v *Verifier) issuer(name string) *issuer {
	v.mu.Lock()
	defer v.mu.Unlock()
	if i := v.issuers[name]; i != nil {
		return i
	}
	if len(v.issuers) >= issuersKept {
		for old := range v.issuers {
			delete(v.issuers, old)
			break
		}
	}
	i := &issuer{}
	v.issuers[name] = i
	return i
}
