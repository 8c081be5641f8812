package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/identity/oidc"
	"github.com/stagedoor/stagedoor/internal/identity/oidc/oidctest"
)

var at = time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)

// claims are those of a token that holds at the time of the tests.
func claims(i *oidctest.Issuer, more map[string]any) map[string]any {
	c := map[string]any{
		"iss": i.URL, "sub": "repo:org/app:ref:refs/heads/main", "aud": "sts.amazonaws.com",
		"iat": at.Add(-time.Minute).Unix(), "exp": at.Add(time.Minute).Unix(),
	}
	maps.Copy(c, more)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

type clock struct{ now atomic.Pointer[time.Time] }

func (c *clock) set(t time.Time)     { c.now.Store(&t) }
func (c *clock) add(d time.Duration) { c.set(c.now.Load().Add(d)) }

func newVerifier() (*oidc.Verifier, *clock) {
	c := &clock{}
	c.set(at)
	return oidc.New(oidc.Options{Now: func() time.Time { return *c.now.Load() }}), c
}

func verify(t *testing.T, v *oidc.Verifier, raw string) error {
	t.Helper()
	token, err := oidc.Parse(raw)
	if err != nil {
		return err
	}
	return v.Verify(t.Context(), token)
}

// kind is what an error is.
func kind(err error) string {
	if missing, ok := errors.AsType[*oidc.MissingClaimError](err); ok {
		return "missing " + missing.Claim
	}
	if _, ok := errors.AsType[*oidc.ExpiredError](err); ok {
		return "expired"
	}
	for name, known := range map[string]error{"malformed": oidc.ErrMalformed, "no key": oidc.ErrNoKey, "unreachable": oidc.ErrUnreachable, "invalid": oidc.ErrInvalid} {
		if errors.Is(err, known) {
			return name
		}
	}
	return fmt.Sprint(err)
}

// Claims that must be there: IAM user guide, "Create an OpenID Connect identity
// provider in IAM"; algorithms: the same page.
func TestVerify(t *testing.T) {
	i, other := oidctest.New(t), oidctest.New(t)
	hmac, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims(claims(i, nil))).SignedString([]byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.MapClaims(claims(i, nil))).SignedString(jwt.UnsafeAllowNoneSignatureType)
	if err != nil {
		t.Fatal(err)
	}
	good := i.Token(t, claims(i, nil))
	parts := strings.Split(good, ".")
	changed := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+i.URL+`","sub":"root"}`)) + "." + parts[2]
	for name, c := range map[string]struct{ raw, want string }{
		"RSA":                       {good, "<nil>"},
		"elliptic":                  {i.TokenWith(t, "ES256", claims(i, nil), nil), "<nil>"},
		"several audiences":         {i.Token(t, claims(i, map[string]any{"aud": []string{"a", "b"}})), "<nil>"},
		"without key id, one fits":  {i.TokenWith(t, "ES256", claims(i, nil), map[string]string{"kid": ""}), "<nil>"},
		"signed by somebody else":   {other.Token(t, claims(i, nil)), "invalid"},
		"another key of the issuer": {i.TokenWith(t, "ES256", claims(i, nil), map[string]string{"kid": "rsa-1"}), "no key"},
		"unknown key":               {i.TokenWith(t, "RS256", claims(i, nil), map[string]string{"kid": "nobody"}), "no key"},
		"changed":                   {changed, "invalid"},
		"without signature":         {parts[0] + "." + parts[1] + ".", "invalid"},
		"HMAC":                      {hmac, "invalid"},
		"critical header":           {i.TokenWith(t, "RS256", claims(i, nil), map[string]string{"crit": "b64"}), "invalid"},
		"none":                      {none, "invalid"},
		"two parts":                 {parts[0] + "." + parts[1], "malformed"},
		"an access token":           {"Atza|IQEBLjAsAhRFiXuWpUXuRvQ9PZL3GMFcYevydwIUFAHZwXZX", "malformed"},
		"empty":                     {"", "malformed"},
		"expired this second":       {i.Token(t, claims(i, map[string]any{"exp": at.Unix()})), "expired"},
		"expired":                   {i.Token(t, claims(i, map[string]any{"exp": at.Add(-198 * time.Second).Unix()})), "expired"},
		"a fraction":                {i.Token(t, claims(i, map[string]any{"exp": float64(at.Unix()) + 30.5})), "invalid"},
		"from a fast clock":         {i.Token(t, claims(i, map[string]any{"iat": at.Add(4 * time.Minute).Unix()})), "<nil>"},
		"from the future":           {i.Token(t, claims(i, map[string]any{"iat": at.Add(6 * time.Minute).Unix()})), "invalid"},
		"not yet":                   {i.Token(t, claims(i, map[string]any{"nbf": at.Add(time.Hour).Unix()})), "invalid"},
		"exp is a text":             {i.Token(t, claims(i, map[string]any{"exp": "tomorrow"})), "invalid"},
		"exp is beyond all times":   {i.Token(t, claims(i, map[string]any{"exp": json.Number("1e300")})), "invalid"},
		"without aud":               {i.Token(t, claims(i, map[string]any{"aud": nil})), "missing aud"},
		"without sub":               {i.Token(t, claims(i, map[string]any{"sub": nil})), "missing sub"},
		"without iat":               {i.Token(t, claims(i, map[string]any{"iat": nil})), "missing iat"},
		"without exp":               {i.Token(t, claims(i, map[string]any{"exp": nil})), "missing exp"},
		"aud is an object":          {i.Token(t, claims(i, map[string]any{"aud": map[string]any{"a": "b"}})), "missing aud"},
	} {
		t.Run(name, func(t *testing.T) {
			v, _ := newVerifier()
			if got := kind(verify(t, v, c.raw)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// What an issuer may answer.
func TestIssuersMisbehaving(t *testing.T) {
	far := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) }
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	big := strings.Repeat(" ", 1<<20+1)
	for name, c := range map[string]struct {
		path   string
		answer func(i *oidctest.Issuer) http.HandlerFunc
		want   string
	}{
		"another issuer": {oidctest.Discovery, func(i *oidctest.Issuer) http.HandlerFunc {
			return far(`{"issuer":"https://evil.example.com","jwks_uri":"` + i.URL + `/keys"}`)
		}, "no key"},
		"a slash more": {oidctest.Discovery, func(i *oidctest.Issuer) http.HandlerFunc {
			return far(`{"issuer":"` + i.URL + `/","jwks_uri":"` + i.URL + `/keys"}`)
		}, "no key"},
		"no keys' address": {oidctest.Discovery, func(i *oidctest.Issuer) http.HandlerFunc { return far(`{"issuer":"` + i.URL + `"}`) }, "no key"},
		"a file": {oidctest.Discovery, func(i *oidctest.Issuer) http.HandlerFunc {
			return far(`{"issuer":"` + i.URL + `","jwks_uri":"file:///etc/passwd"}`)
		}, "no key"},
		"http far away": {oidctest.Discovery, func(i *oidctest.Issuer) http.HandlerFunc {
			return far(`{"issuer":"` + i.URL + `","jwks_uri":"http://keys.example.com/"}`)
		}, "no key"},
		"no document":    {oidctest.Discovery, func(*oidctest.Issuer) http.HandlerFunc { return status(404) }, "no key"},
		"not well":       {oidctest.Discovery, func(*oidctest.Issuer) http.HandlerFunc { return status(503) }, "unreachable"},
		"not well, keys": {oidctest.Keys, func(*oidctest.Issuer) http.HandlerFunc { return status(500) }, "unreachable"},
		"no JSON":        {oidctest.Keys, func(*oidctest.Issuer) http.HandlerFunc { return far("<html>") }, "no key"},
		"too much":       {oidctest.Keys, func(*oidctest.Issuer) http.HandlerFunc { return far(big) }, "no key"},
		"no keys":        {oidctest.Keys, func(*oidctest.Issuer) http.HandlerFunc { return far(`{"keys":[]}`) }, "no key"},
		"odd keys":       {oidctest.Keys, func(*oidctest.Issuer) http.HandlerFunc { return far(oddKeys) }, "no key"},
		"201 keys":       {oidctest.Keys, func(*oidctest.Issuer) http.HandlerFunc { return far(`{"keys":[{}` + strings.Repeat(",{}", 200) + `]}`) }, "no key"},
		"redirected in a circle": {oidctest.Keys, func(i *oidctest.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, i.URL+"/keys", http.StatusFound) }
		}, "no key"},
		"redirected far away": {oidctest.Keys, func(*oidctest.Issuer) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
			}
		}, "no key"},
	} {
		t.Run(name, func(t *testing.T) {
			i := oidctest.New(t)
			i.Answer(c.path, c.answer(i))
			v, _ := newVerifier()
			if got := kind(verify(t, v, i.Token(t, claims(i, nil)))); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		v, _ := newVerifier()
		i := oidctest.New(t)
		raw := i.Token(t, claims(i, map[string]any{"iss": "http://127.0.0.1:1"}))
		if got := kind(verify(t, v, raw)); got != "no key" {
			t.Error(got)
		}
	})
	t.Run("http far away", func(t *testing.T) {
		v, _ := newVerifier()
		i := oidctest.New(t)
		for _, iss := range []string{"http://issuer.example.com", "ftp://127.0.0.1", "127.0.0.1", "https://a:b@127.0.0.1", "http://127.0.0.1.example.com", "https://"} {
			if got := kind(verify(t, v, i.Token(t, claims(i, map[string]any{"iss": iss})))); got != "no key" {
				t.Errorf("%s: %s", iss, got)
			}
		}
	})
}

// oddKeys are none that the test's token fits: short, even, off the curve, for
// encryption, of another kind.
const oddKeys = `{"keys":[
 {"kty":"RSA","kid":"rsa-1","n":"AQAB","e":"AQAB"},
 {"kty":"RSA","kid":"rsa-1","n":"","e":""},
 {"kty":"EC","kid":"rsa-1","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
 {"kty":"EC","kid":"rsa-1","crv":"P-255","x":"AA","y":"AA"},
 {"kty":"oct","kid":"rsa-1","k":"c2VjcmV0"},
 {"kty":"OKP","kid":"rsa-1","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

// Keys are kept for as long as the issuer says, a new key is found at once, and
// made-up key ids do not become requests.
func TestKeysAreKept(t *testing.T) {
	i := oidctest.New(t)
	v, clock := newVerifier()
	ask := func(raw, want string, requests int) {
		t.Helper()
		if got := kind(verify(t, v, raw)); got != want || i.Requests(oidctest.Keys) != requests {
			t.Errorf("got %s after %d requests, want %s after %d", got, i.Requests(oidctest.Keys), want, requests)
		}
	}
	long := map[string]any{"exp": at.Add(48 * time.Hour).Unix()}
	first := i.Token(t, claims(i, long))
	ask(first, "<nil>", 1)
	ask(first, "<nil>", 1)
	madeUp := i.TokenWith(t, "RS256", claims(i, long), map[string]string{"kid": "made-up"})
	ask(madeUp, "no key", 1)
	clock.add(time.Minute)
	ask(madeUp, "no key", 2)
	ask(madeUp, "no key", 2)
	i.AddRSA(t, "rsa-2")
	second := i.Token(t, claims(i, long))
	ask(second, "no key", 2) // the keys were just fetched
	clock.add(time.Minute)
	ask(second, "<nil>", 3)
	ask(first, "<nil>", 3)
	clock.add(time.Hour)
	ask(first, "<nil>", 4)
	i.Answer(oidctest.Keys, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	clock.add(59 * time.Minute)
	ask(first, "<nil>", 4)
	clock.add(time.Minute)
	ask(first, "unreachable", 5)
	ask(first, "unreachable", 5) // a failure counts for those who come next
	i.Answer(oidctest.Keys, nil)
	clock.add(2 * time.Second)
	ask(first, "<nil>", 6)
}

func TestKeepsAsLongAsTheIssuerSays(t *testing.T) {
	for header, keep := range map[string]time.Duration{
		"": time.Hour, "public": time.Hour, "max-age=600": 10 * time.Minute, "public, max-age=5": time.Minute,
		"max-age=99999999": 24 * time.Hour, "no-store": time.Minute, "max-age=x": time.Minute,
	} {
		t.Run(header, func(t *testing.T) {
			i := oidctest.New(t)
			v, clock := newVerifier()
			raw := i.Token(t, claims(i, map[string]any{"exp": at.Add(48 * time.Hour).Unix()}))
			body := publishedKeys(t, i)
			i.Answer(oidctest.Keys, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Cache-Control", header)
				_, _ = w.Write(body)
			})
			before := i.Requests(oidctest.Keys)
			for n, step := range []time.Duration{0, keep - time.Second, time.Second} {
				clock.add(step)
				if err := verify(t, v, raw); err != nil {
					t.Fatal(err)
				}
				if want := []int{1, 1, 2}[n]; i.Requests(oidctest.Keys)-before != want {
					t.Errorf("step %d: %d requests, want %d", n, i.Requests(oidctest.Keys)-before, want)
				}
			}
		})
	}
}

func publishedKeys(t *testing.T, i *oidctest.Issuer) []byte {
	t.Helper()
	answer, err := http.Get(i.URL + oidctest.Keys)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var all json.RawMessage
	if err := json.NewDecoder(answer.Body).Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// Many at once make one request.
func TestManyAtOnce(t *testing.T) {
	i := oidctest.New(t)
	v, _ := newVerifier()
	raw := i.Token(t, claims(i, nil))
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			token, err := oidc.Parse(raw)
			if err == nil {
				err = v.Verify(t.Context(), token)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := i.Requests(oidctest.Keys); n != 1 {
		t.Errorf("%d requests for keys", n)
	}
}

// Both forms of session tags: IAM user guide, "Pass session tags in AWS STS".
func TestTags(t *testing.T) {
	i := oidctest.New(t)
	const claim = "https://aws.amazon.com/tags"
	for name, c := range map[string]struct {
		claims     map[string]any
		tags       map[string]string
		transitive []string
		bad        bool
	}{
		"none":      {nil, map[string]string{}, nil, false},
		"nested":    {map[string]any{claim: map[string]any{"principal_tags": map[string]any{"Project": []string{"Automation"}, "Team": "eng"}, "transitive_tag_keys": []string{"Project"}}}, map[string]string{"Project": "Automation", "Team": "eng"}, []string{"Project"}, false},
		"flattened": {map[string]any{claim + "/principal_tags/Project": "Automation", claim + "/transitive_tag_keys": []string{"Project"}}, map[string]string{"Project": "Automation"}, []string{"Project"}, false},
		"several":   {map[string]any{claim: map[string]any{"principal_tags": map[string]any{"Project": []string{"a", "b"}}}}, nil, nil, true},
		"no object": {map[string]any{claim: "x"}, map[string]string{}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := oidc.Parse(i.Token(t, claims(i, c.claims)))
			if err != nil {
				t.Fatal(err)
			}
			tags, transitive, err := token.Tags()
			if c.bad {
				if !errors.Is(err, oidc.ErrInvalid) {
					t.Errorf("error %v", err)
				}
				return
			}
			if diff := cmp.Diff(c.tags, tags); diff != "" || err != nil {
				t.Error(err, diff)
			}
			if diff := cmp.Diff(c.transitive, transitive); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whatever is shown, the verifier says no and lives.
func FuzzVerify(f *testing.F) {
	i := oidctest.New(f)
	good := i.Token(f, claims(i, nil))
	f.Add(good)
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	v, _ := newVerifier()
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := oidc.Parse(raw)
		if err != nil || token.Issuer() != i.URL {
			return // it would be asked for its keys
		}
		_, _, _ = token.Tags()
		if err := v.Verify(t.Context(), token); err == nil && raw != good {
			t.Errorf("accepted %q", raw)
		}
	})
}
