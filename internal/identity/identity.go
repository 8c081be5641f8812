package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/awswire/sigv4"
	"github.com/stagedoor/stagedoor/internal/identity/oidc"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Defaults of Options.
const (
	DefaultAccount = "000000000000"
	DefaultRegion  = "us-east-1"
	// TestKey is access key and secret of the root of the default account.
	TestKey = "test"
)

// Options say who unknown callers are.
type Options struct {
	Account string           // default account, 12 digits; "" means DefaultAccount
	Region  string           // for requests without a region in their scope; "" means DefaultRegion
	Strict  bool             // refuse keys that nobody issued, and verify "test" and 12-digit keys with the secret "test"
	Now     func() time.Time // nil: time.Now
	Rand    io.Reader        // source of keys and tokens; nil: crypto/rand
	// Issuers reaches the identity providers whose tokens are to be proven; nil:
	// the network.
	Issuers http.RoundTripper
}

// Identity authenticates callers and issues sessions.
type Identity struct {
	store  *store.Store
	o      Options
	tokens *oidc.Verifier

	mu     sync.Mutex // guards pruned
	pruned time.Time  // when expired sessions were last looked for
}

// New returns an Identity over the keys, users and sessions in s.
func New(s *store.Store, o Options) *Identity {
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Identity{store: s, o: o, tokens: oidc.New(oidc.Options{Now: o.Now, Transport: o.Issuers})}
}

// Authenticate is the hook of awswire.ServerOptions: it returns a context that
// carries the caller, or the *awswire.Error with which the service that was
// called refuses the credentials.
func (i *Identity) Authenticate(ctx context.Context, r *awswire.Request) (context.Context, error) {
	caller, err := i.caller(ctx, r)
	if err != nil {
		return ctx, refusal(err, r.Service)
	}
	return awswire.WithCaller(ctx, caller), nil
}

func (i *Identity) caller(ctx context.Context, r *awswire.Request) (awswire.Caller, error) {
	if !sigv4.Signed(r.HTTP) {
		if r.NoAuth {
			return awswire.Caller{Account: i.o.Account, Region: i.o.Region}, nil
		}
		return awswire.Caller{}, &sigv4.Error{Kind: sigv4.Missing}
	}
	scope, ok := sigv4.ScopeOf(r.HTTP)
	if !ok {
		_, err := sigv4.Parse(r.HTTP)
		if err == nil {
			err = &sigv4.Error{Kind: sigv4.Missing}
		}
		return awswire.Caller{}, err
	}
	caller, verified, err := i.verify(ctx, r, scope)
	if err != nil {
		return awswire.Caller{}, err
	}
	if !verified {
		if caller, err = i.unissued(r, scope.AccessKeyID); err != nil {
			return awswire.Caller{}, err
		}
	}
	caller.AccessKeyID = scope.AccessKeyID
	caller.Region = scope.Region
	if caller.Region == "" || caller.Region == "aws-global" {
		// "aws-global" is the pseudo region of partition-wide endpoints.
		caller.Region = i.o.Region
	}
	return caller, nil
}

// verify authenticates keys that were issued here; ok is false for others.
func (i *Identity) verify(ctx context.Context, r *awswire.Request, scope sigv4.Scope) (c awswire.Caller, ok bool, err error) {
	if key, _, err := store.Get[state.AccessKey](i.store, state.AccessKeyKey(scope.AccessKeyID)); err == nil {
		if key.Deleted || !key.Active {
			return c, true, sigv4.UnknownKey(key.ID)
		}
		c, err = i.userCaller(key)
		if err != nil {
			return c, true, err
		}
		if err := i.check(r, key.Secret, ""); err != nil {
			return c, true, err
		}
		i.note(ctx, key, scope)
		return c, true, nil
	}
	if session, _, err := store.Get[state.Session](i.store, state.SessionKey(scope.AccessKeyID)); err == nil {
		if !i.o.Now().Before(session.Expires) {
			return c, true, sigv4.ExpiredToken(session.AccessKeyID)
		}
		return sessionCaller(session), true, i.check(r, session.Secret, session.Token)
	}
	return c, false, nil
}

func (i *Identity) check(r *awswire.Request, secret, token string) error {
	sum := sha256.Sum256(r.Body)
	s, err := sigv4.Verify(r.HTTP, func(string) (string, string, error) { return secret, token, nil }, sigv4.Options{
		Now:         i.o.Now(),
		Service:     signingName(r.Service),
		PayloadHash: hex.EncodeToString(sum[:]),
	})
	if err != nil {
		return err
	}
	return s.VerifyBody(r.Body, secret)
}

// signingName is the service name in the scope of calls to a service; model
// and signing name differ in two.
func signingName(service string) string {
	switch service {
	case "apigatewayv2":
		return "apigateway"
	case "cloudwatch":
		return "monitoring"
	}
	return service
}

// unissued is the caller behind a key that is no record here.
func (i *Identity) unissued(r *awswire.Request, id string) (awswire.Caller, error) {
	if expires, ours := tokenExpiry(token(r)); ours {
		// A session of this or another stagedoor, pruned or lost: an answer as
		// root would hide that.
		if i.o.Now().Before(expires) {
			return awswire.Caller{}, sigv4.UnknownKey(id)
		}
		return awswire.Caller{}, sigv4.ExpiredToken(id)
	}
	account := i.o.Account
	switch {
	case isAccount(id):
		account = id
	case id != TestKey && i.o.Strict:
		return awswire.Caller{}, sigv4.UnknownKey(id)
	}
	if i.o.Strict {
		if err := i.check(r, TestKey, ""); err != nil {
			return awswire.Caller{}, err
		}
	}
	return rootCaller(account), nil
}

func token(r *awswire.Request) string {
	if t := r.HTTP.Header.Get("X-Amz-Security-Token"); t != "" {
		return t
	}
	if !strings.Contains(r.HTTP.URL.RawQuery, "X-Amz-Security-Token=") {
		return ""
	}
	return r.HTTP.URL.Query().Get("X-Amz-Security-Token")
}

func isAccount(id string) bool {
	if len(id) != 12 {
		return false
	}
	for _, c := range []byte(id) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

func rootCaller(account string) awswire.Caller {
	return awswire.Caller{Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account, Root: true}
}

func (i *Identity) userCaller(key *state.AccessKey) (awswire.Caller, error) {
	user, _, err := store.Get[state.User](i.store, state.UserKey(key.Account, strings.ToLower(key.UserName)))
	if err != nil {
		return awswire.Caller{}, sigv4.UnknownKey(key.ID)
	}
	return awswire.Caller{Account: user.Account, ARN: user.ARN, UserID: user.ID}, nil
}

func sessionCaller(s *state.Session) awswire.Caller {
	return awswire.Caller{
		Account: s.Account, ARN: s.PrincipalARN, UserID: s.UserID,
		Root: strings.HasSuffix(s.PrincipalARN, ":root"),
	}
}

// refusal words err as the service does that was called.
func refusal(err error, service string) error {
	var e *sigv4.Error
	if !errors.As(err, &e) {
		return err
	}
	code, message, status := e.Answer(protocol(service))
	return &awswire.Error{Code: code, Message: message, Status: status}
}

func protocol(service string) sigv4.Protocol {
	switch service {
	case "iam", "sts", "cloudformation":
		return sigv4.Query
	case "logs", "ssm":
		return sigv4.JSON
	case "s3":
		return sigv4.S3
	default:
		return sigv4.RestJSON
	}
}
