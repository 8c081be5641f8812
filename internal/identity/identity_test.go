package identity_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/identity"
	iamservice "github.com/stagedoor/stagedoor/internal/service/iam"
	stsservice "github.com/stagedoor/stagedoor/internal/service/sts"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

// world is a control plane with IAM and STS, reached by real SDK clients.
type world struct {
	t        *testing.T
	store    *store.Store
	identity *identity.Identity
	server   http.Handler
	url      string
}

func newWorld(t *testing.T, o identity.Options) *world {
	s := storetest.New(t)
	i := identity.New(s, o)
	server := awswire.NewServer(awswire.ServerOptions{
		Services: map[string]awswire.Operations{
			"iam": iamservice.New(s, iamservice.Options{Now: o.Now}).Operations(),
			"sts": stsservice.New(s, i, stsservice.Options{Now: o.Now}).Operations(),
		},
		Authenticate: i.Authenticate,
	})
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	return &world{t, s, i, server, listener.URL}
}

func (w *world) config(key, secret, token string) aws.Config {
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: &w.url,
		Credentials:      credentials.NewStaticCredentialsProvider(key, secret, token),
		RetryMaxAttempts: 1,
	}
}

func (w *world) who(cfg aws.Config) (arn string, err error) {
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(context.Background(), nil)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Arn), nil
}

func (w *world) user(name string) (key, secret string) {
	w.t.Helper()
	client := iam.NewFromConfig(w.config("test", "test", ""))
	if _, err := client.CreateUser(w.t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		w.t.Fatal(err)
	}
	out, err := client.CreateAccessKey(w.t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.AccessKey.AccessKeyId, *out.AccessKey.SecretAccessKey
}

// refusal is the part of an error that a client acts on.
type refusal struct {
	Code   string
	Status int
}

func refused(err error) refusal {
	var api smithy.APIError
	var status interface{ HTTPStatusCode() int }
	if !errors.As(err, &api) || !errors.As(err, &status) {
		return refusal{}
	}
	return refusal{api.ErrorCode(), status.HTTPStatusCode()}
}

func TestKeysNobodyIssuedAreRoot(t *testing.T) {
	w := newWorld(t, identity.Options{})
	for key, want := range map[string]string{
		"test":                 "arn:aws:iam::000000000000:root",
		"123456789012":         "arn:aws:iam::123456789012:root",
		"AKIAIOSFODNN7EXAMPLE": "arn:aws:iam::000000000000:root",
		"mock_key":             "arn:aws:iam::000000000000:root",
	} {
		got, err := w.who(w.config(key, "anything", ""))
		if err != nil || got != want {
			t.Errorf("%s is %q (%v), want %q", key, got, err, want)
		}
	}
}

func TestStrict(t *testing.T) {
	w := newWorld(t, identity.Options{Strict: true})
	if got, err := w.who(w.config("test", "test", "")); err != nil || got != "arn:aws:iam::000000000000:root" {
		t.Errorf("test/test is %q, %v", got, err)
	}
	if _, err := w.who(w.config("test", "wrong", "")); refused(err) != (refusal{"SignatureDoesNotMatch", 403}) {
		t.Errorf("test with another secret: %v", err)
	}
	if _, err := w.who(w.config("AKIAIOSFODNN7EXAMPLE", "x", "")); refused(err) != (refusal{"InvalidClientTokenId", 403}) {
		t.Errorf("unknown key: %v", err)
	}
}

func TestIssuedKeys(t *testing.T) {
	w := newWorld(t, identity.Options{})
	key, secret := w.user("Ada")
	got, err := w.who(w.config(key, secret, ""))
	if err != nil || got != "arn:aws:iam::000000000000:user/Ada" {
		t.Errorf("caller is %q, %v", got, err)
	}
	_, err = w.who(w.config(key, "wrong", ""))
	if refused(err) != (refusal{"SignatureDoesNotMatch", 403}) {
		t.Errorf("wrong secret: %v", err)
	}
	_, err = w.who(w.config(key, secret, "a token"))
	if refused(err) != (refusal{"InvalidClientTokenId", 403}) {
		t.Errorf("long-lived key with a token: %v", err)
	}
	_, err = lambda.NewFromConfig(w.config(key, "wrong", "")).ListFunctions(t.Context(), nil)
	if refused(err) != (refusal{"InvalidSignatureException", 403}) {
		t.Errorf("wrong secret at Lambda: %v", err)
	}

	client := iam.NewFromConfig(w.config("test", "test", ""))
	if _, err := client.UpdateAccessKey(t.Context(), &iam.UpdateAccessKeyInput{UserName: aws.String("Ada"), AccessKeyId: &key, Status: "Inactive"}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.who(w.config(key, secret, "")); refused(err).Code != "InvalidClientTokenId" {
		t.Errorf("inactive key: %v", err)
	}
	if _, err := client.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: aws.String("Ada"), AccessKeyId: &key}); err != nil {
		t.Fatal(err)
	}
	if got, err := w.who(w.config(key, secret, "")); refused(err).Code != "InvalidClientTokenId" {
		t.Errorf("deleted key is %q, %v", got, err)
	}
}

func TestSessions(t *testing.T) {
	now := time.Now()
	w := newWorld(t, identity.Options{Now: func() time.Time { return now }})
	role := &state.Role{Identity: state.Identity{Account: "000000000000", Path: "/", Name: "Job", ID: "AROAJOB", ARN: "arn:aws:iam::000000000000:role/Job"}}
	if _, err := store.Create(t.Context(), w.store, state.RoleKey("000000000000", "job"), role); err != nil {
		t.Fatal(err)
	}
	if _, err := w.identity.IssueRoleSession(t.Context(), "arn:aws:iam::000000000000:role/None", "s", time.Hour); !errors.Is(err, identity.ErrNoRole) {
		t.Errorf("role that does not exist: %v", err)
	}
	s, err := w.identity.IssueRoleSession(t.Context(), role.ARN, "run-1", 15*time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.who(w.config(s.AccessKeyID, s.Secret, s.Token))
	if want := "arn:aws:sts::000000000000:assumed-role/Job/run-1"; err != nil || got != want {
		t.Errorf("caller is %q, %v, want %q", got, err, want)
	}
	if _, err := w.who(w.config(s.AccessKeyID, s.Secret, "")); refused(err).Code != "InvalidClientTokenId" {
		t.Errorf("without the token: %v", err)
	}
	if _, err := w.who(w.config(s.AccessKeyID, s.Secret, s.Token+"x")); refused(err).Code != "InvalidClientTokenId" {
		t.Errorf("with another token: %v", err)
	}

	now = now.Add(15 * time.Minute)
	if _, err := w.who(w.config(s.AccessKeyID, s.Secret, s.Token)); refused(err) != (refusal{"ExpiredToken", 403}) {
		t.Errorf("expired: %v", err)
	}
	_, err = lambda.NewFromConfig(w.config(s.AccessKeyID, s.Secret, s.Token)).ListFunctions(t.Context(), nil)
	if refused(err) != (refusal{"ExpiredTokenException", 403}) {
		t.Errorf("expired at Lambda: %v", err)
	}

	// Issuing another one sweeps the first away, and its user is still told why.
	now = now.Add(2 * time.Hour)
	if _, err := w.identity.IssueRoleSession(t.Context(), role.ARN, "run-2", time.Hour); err != nil {
		t.Fatal(err)
	}
	if left := store.List[state.Session](w.store, state.Sessions); len(left) != 1 {
		t.Errorf("%d sessions left, want 1", len(left))
	}
	if _, err := w.who(w.config(s.AccessKeyID, s.Secret, s.Token)); refused(err).Code != "ExpiredToken" {
		t.Errorf("pruned: %v", err)
	}
}

func TestUnsigned(t *testing.T) {
	w := newWorld(t, identity.Options{})
	call := func(header http.Header, method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, bytes.NewReader([]byte(body)))
		r.Header = header
		recorder := httptest.NewRecorder()
		w.server.ServeHTTP(recorder, r)
		return recorder
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	got := call(form, "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15")
	if got.Code != 403 || !bytes.Contains(got.Body.Bytes(), []byte("<Code>MissingAuthenticationToken</Code>")) ||
		!bytes.Contains(got.Body.Bytes(), []byte("Request is missing Authentication Token")) {
		t.Errorf("sts: %d %s", got.Code, got.Body)
	}
	got = call(http.Header{}, "GET", "/2015-03-31/functions/", "")
	if got.Code != 403 || errorType(got) != "MissingAuthenticationTokenException" {
		t.Errorf("lambda: %d %v %s", got.Code, got.Header(), got.Body)
	}
	got = call(http.Header{"Authorization": {"Bearer x"}}, "GET", "/2015-03-31/functions/", "")
	if got.Code != 403 || errorType(got) != "IncompleteSignatureException" {
		t.Errorf("bearer: %d %v %s", got.Code, got.Header(), got.Body)
	}
}

// errorType reads the header whose name is not canonical, as AWS's is not.
func errorType(r *httptest.ResponseRecorder) string {
	if values := r.Header()["x-amzn-ErrorType"]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// A clock that is off is refused for issued keys, as AWS does, and not for the
// root's, whose signatures are not looked at.
func TestClock(t *testing.T) {
	offset := time.Duration(0)
	w := newWorld(t, identity.Options{Now: func() time.Time { return time.Now().Add(offset) }})
	key, secret := w.user("Ada")
	offset = 16 * time.Minute
	_, err := w.who(w.config(key, secret, ""))
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "SignatureDoesNotMatch" || !bytes.HasPrefix([]byte(api.ErrorMessage()), []byte("Signature expired: ")) {
		t.Errorf("late: %v", err)
	}
	if _, err := w.who(w.config("test", "test", "")); err != nil {
		t.Errorf("root: %v", err)
	}
}

func TestPresigned(t *testing.T) {
	w := newWorld(t, identity.Options{})
	key, secret := w.user("Ada")
	signed, err := sts.NewPresignClient(sts.NewFromConfig(w.config(key, secret, ""))).PresignGetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(signed.Method, signed.URL, nil)
	for name, values := range signed.SignedHeader {
		r.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	w.server.ServeHTTP(recorder, r)
	if recorder.Code != 200 || !bytes.Contains(recorder.Body.Bytes(), []byte("user/Ada")) {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}

func TestAccessKeyIDs(t *testing.T) {
	random := bytes.NewReader(bytes.Repeat([]byte{0xA5, 0x3C, 0x77}, 1000))
	for _, account := range []string{"000000000000", "123456789012", "999999999999"} {
		id, err := identity.NewAccessKeyID(random, "AKIA", account)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := identity.AccountOfKey(id)
		if len(id) != 20 || !ok || got != account {
			t.Errorf("%s: AccountOfKey(%s) = %s, %v", account, id, got, ok)
		}
	}
	// A key and its account that AWS published: sts get-access-key-info in
	// "A short note on AWS KEY ID" by Tal Be'ery, 2023.
	if got, ok := identity.AccountOfKey("ASIAQNZGKIQY56JQ7WML"); !ok || got != "029608264753" {
		t.Errorf("AccountOfKey = %s, %v", got, ok)
	}
	if _, ok := identity.AccountOfKey("AKIAIOSFODNN7EXAMPLE"); ok {
		t.Error("an id of before 2019 has an account")
	}
	if _, err := identity.NewAccessKeyID(random, "AKIA", "12"); err == nil {
		t.Error("made a key for account 12")
	}
}

func TestRoleByARN(t *testing.T) {

	s := storetest.New(t)
	i := identity.New(s, identity.Options{})
	arn := "arn:aws:iam::000000000000:role/ci/Deploy"
	role := &state.Role{Identity: state.Identity{Account: "000000000000", Path: "/ci/", Name: "Deploy", ARN: arn}}
	if _, err := store.Create(t.Context(), s, state.RoleKey("000000000000", "deploy"), role); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, text := range []string{arn, "arn:aws:iam::000000000000:role/Deploy", "arn:aws:iam::111111111111:role/ci/Deploy", "Deploy", "arn:aws:iam::000000000000:user/ci/Deploy"} {
		_, found[text] = i.Role(text)
	}
	want := map[string]bool{arn: true, "arn:aws:iam::000000000000:role/Deploy": false, "arn:aws:iam::111111111111:role/ci/Deploy": false, "Deploy": false, "arn:aws:iam::000000000000:user/ci/Deploy": false}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}
