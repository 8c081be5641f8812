package sts_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/service/sts"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const acct = "000000000000"

// world is STS behind a real control plane, reached by the SDK's client.
type world struct {
	store *store.Store
	url   string
}

func newWorld(t *testing.T) *world {
	s := storetest.New(t)
	i := identity.New(s, identity.Options{})
	server := awswire.NewServer(awswire.ServerOptions{
		Services:     map[string]awswire.Operations{"sts": sts.New(s, i, sts.Options{}).Operations()},
		Authenticate: i.Authenticate,
	})
	if err := server.Check(); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	return &world{s, listener.URL}
}

func (w *world) as(key, secret, token string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &w.url, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
	})
}

func (w *world) root() *sdk.Client { return w.as("test", "test", "") }

// with returns a client with temporary credentials.
func (w *world) with(c *types.Credentials) *sdk.Client {
	return w.as(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

func put[T any](t *testing.T, w *world, key state.Key, record *T) {
	t.Helper()
	if _, err := store.Create(t.Context(), w.store, key, record); err != nil {
		t.Fatal(err)
	}
}

// role stores a role with one statement of trust and returns its ARN.
func (w *world) role(t *testing.T, name, trust string) string {
	t.Helper()
	arn := "arn:aws:iam::" + acct + ":role/" + name
	put(t, w, state.RoleKey(acct, strings.ToLower(name)), &state.Role{
		Identity:                 state.Identity{Account: acct, Path: "/", Name: name, ID: "AROAEXAMPLEEXAMPLE" + strings.ToUpper(name[:3]), ARN: arn},
		AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + trust + `}]}`,
		MaxSessionSeconds:        3600,
	})
	return arn
}

// user stores a user with a key and returns a client for it.
func (w *world) user(t *testing.T, name string) *sdk.Client {
	t.Helper()
	arn := "arn:aws:iam::" + acct + ":user/" + name
	put(t, w, state.UserKey(acct, strings.ToLower(name)), &state.User{Identity: state.Identity{Account: acct, Path: "/", Name: name, ID: "AIDAEXAMPLE", ARN: arn}})
	put(t, w, state.AccessKeyKey("AKIAEXAMPLE"+name), &state.AccessKey{ID: "AKIAEXAMPLE" + name, Secret: "s3cret", Account: acct, UserName: name, Active: true})
	return w.as("AKIAEXAMPLE"+name, "s3cret", "")
}

type refusal struct {
	Code, Message string
	Status        int
}

func refused(err error) refusal {
	var api smithy.APIError
	var status interface{ HTTPStatusCode() int }
	if !errors.As(err, &api) || !errors.As(err, &status) {
		if err == nil {
			return refusal{}
		}
		return refusal{Message: err.Error()}
	}
	return refusal{api.ErrorCode(), api.ErrorMessage(), status.HTTPStatusCode()}
}

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

// Recording test_assume_role.
func TestAssumeRole(t *testing.T) {
	w := newWorld(t)
	arn := w.role(t, "Job", `"Principal":{"AWS":"`+acct+`"},"Action":"sts:AssumeRole"`)
	out, err := w.root().AssumeRole(t.Context(), &sdk.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("s@1")})
	if err != nil {
		t.Fatal(err)
	}
	if *out.AssumedRoleUser.Arn != "arn:aws:sts::000000000000:assumed-role/Job/s@1" || *out.AssumedRoleUser.AssumedRoleId != "AROAEXAMPLEEXAMPLEJOB:s@1" {
		t.Errorf("user %s, %s", *out.AssumedRoleUser.Arn, *out.AssumedRoleUser.AssumedRoleId)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires in %v", left)
	}
	if out.PackedPolicySize != nil || out.SourceIdentity != nil {
		t.Errorf("size %v, source %v", out.PackedPolicySize, out.SourceIdentity)
	}
	me, err := w.with(out.Credentials).GetCallerIdentity(t.Context(), nil)
	if err != nil || *me.Arn != *out.AssumedRoleUser.Arn || *me.UserId != *out.AssumedRoleUser.AssumedRoleId || *me.Account != acct {
		t.Errorf("caller %+v, %v", me, err)
	}
	account, err := w.root().GetAccessKeyInfo(t.Context(), &sdk.GetAccessKeyInfoInput{AccessKeyId: out.Credentials.AccessKeyId})
	if err != nil || *account.Account != acct {
		t.Errorf("key is of %v, %v", account, err)
	}
}

// Recording test_sts_invalid_parameters, and refusals known from reports.
func TestAssumeRoleRefusals(t *testing.T) {
	w := newWorld(t)
	ada := w.user(t, "Ada")
	trusting := w.role(t, "Trusting", `"Principal":{"AWS":"`+acct+`"},"Action":["sts:AssumeRole","sts:TagSession"]`)
	untagged := w.role(t, "Untagged", `"Principal":{"AWS":"`+acct+`"},"Action":"sts:AssumeRole"`)
	lambda := w.role(t, "Lambda", `"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"`)
	onlyBob := w.role(t, "OnlyBob", `"Principal":{"AWS":"arn:aws:iam::000000000000:user/Bob"},"Action":"sts:AssumeRole"`)
	external := w.role(t, "External", `"Principal":{"AWS":"`+acct+`"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"secret"}}`)
	from := func(name, network string) string {
		return w.role(t, name, `"Principal":{"AWS":"`+acct+`"},"Action":"sts:AssumeRole","Condition":{"IpAddress":{"aws:SourceIp":"`+network+`"}}`)
	}
	here, there := from("Here", "127.0.0.0/8"), from("There", "192.0.2.0/24")
	const adaARN = "arn:aws:iam::000000000000:user/Ada"
	denied := func(who, action, arn string) refusal {
		return refusal{"AccessDenied", "User: " + who + " is not authorized to perform: " + action + " on resource: " + arn, 403}
	}
	for name, c := range map[string]struct {
		client *sdk.Client
		in     sdk.AssumeRoleInput
		want   refusal
	}{
		"malformed ARN":      {w.root(), sdk.AssumeRoleInput{RoleArn: aws.String("nothing-valid-in-here")}, refusal{"ValidationError", "nothing-valid-in-here is invalid", 400}},
		"no partition":       {w.root(), sdk.AssumeRoleInput{RoleArn: aws.String("arn::b:::something/test-role")}, refusal{"ValidationError", "arn::b:::something/test-role is invalid", 400}},
		"no service":         {w.root(), sdk.AssumeRoleInput{RoleArn: aws.String("arn:a::::something/test-role")}, refusal{"ValidationError", "arn:a::::something/test-role is invalid", 400}},
		"too few colons":     {w.root(), sdk.AssumeRoleInput{RoleArn: aws.String("arn:a:::something/test-role")}, refusal{"ValidationError", "arn:a:::something/test-role is invalid", 400}},
		"no resource":        {w.root(), sdk.AssumeRoleInput{RoleArn: aws.String("arn:a:a::aaaaaaaaaa:")}, refusal{"ValidationError", "arn:a:a::aaaaaaaaaa: is invalid", 400}},
		"session name":       {w.root(), sdk.AssumeRoleInput{RoleArn: &trusting, RoleSessionName: aws.String("Session1:2")}, refusal{"ValidationError", `1 validation error detected: Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w+=,.@-]*`, 400}},
		"no such role":       {ada, sdk.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::000000000000:role/None")}, denied(adaARN, "sts:AssumeRole", "arn:aws:iam::000000000000:role/None")},
		"trusts a service":   {w.root(), sdk.AssumeRoleInput{RoleArn: &lambda}, denied("arn:aws:iam::000000000000:root", "sts:AssumeRole", lambda)},
		"trusts another":     {ada, sdk.AssumeRoleInput{RoleArn: &onlyBob}, denied(adaARN, "sts:AssumeRole", onlyBob)},
		"other account":      {w.as("111111111111", "x", ""), sdk.AssumeRoleInput{RoleArn: &trusting}, denied("arn:aws:iam::111111111111:root", "sts:AssumeRole", trusting)},
		"no external id":     {ada, sdk.AssumeRoleInput{RoleArn: &external}, denied(adaARN, "sts:AssumeRole", external)},
		"right external id":  {ada, sdk.AssumeRoleInput{RoleArn: &external, ExternalId: aws.String("secret")}, refusal{}},
		"from here":          {ada, sdk.AssumeRoleInput{RoleArn: &here}, refusal{}},
		"from elsewhere":     {ada, sdk.AssumeRoleInput{RoleArn: &there}, denied(adaARN, "sts:AssumeRole", there)},
		"tags not allowed":   {ada, sdk.AssumeRoleInput{RoleArn: &untagged, Tags: []types.Tag{tag("a", "b")}}, denied(adaARN, "sts:TagSession", untagged)},
		"source not allowed": {ada, sdk.AssumeRoleInput{RoleArn: &untagged, SourceIdentity: aws.String("Ada")}, denied(adaARN, "sts:SetSourceIdentity", untagged)},
		"too long":           {ada, sdk.AssumeRoleInput{RoleArn: &trusting, DurationSeconds: aws.Int32(7200)}, refusal{"ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400}},
		"session policy":     {ada, sdk.AssumeRoleInput{RoleArn: &trusting, Policy: aws.String(`{"x"`)}, refusal{"MalformedPolicyDocument", "Syntax errors in policy.", 400}},
		// recording test_assume_role_tag_validation
		"transitive key without tag": {ada, sdk.AssumeRoleInput{RoleArn: &trusting, Tags: []types.Tag{tag("SessionTag1", "v")}, TransitiveTagKeys: []string{"InvalidKey"}}, refusal{"InvalidParameterValue", "The specified transitive tag key must be included in the requested tags.", 400}},
		"transitive key, other case": {ada, sdk.AssumeRoleInput{RoleArn: &trusting, Tags: []types.Tag{tag("SessionTag1", "v")}, TransitiveTagKeys: []string{"sessiontag1"}}, refusal{}},
		"tag twice":                  {ada, sdk.AssumeRoleInput{RoleArn: &trusting, Tags: []types.Tag{tag("SessionTag1", "v"), tag("sessiontag1", "w")}}, refusal{"InvalidParameterValue", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.in.RoleSessionName == nil {
				c.in.RoleSessionName = aws.String("Session1")
			}
			_, err := c.client.AssumeRole(t.Context(), &c.in)
			if diff := cmp.Diff(c.want, refused(err)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A session assumes the next role: transitive tags and the source identity go
// along and cannot be replaced, and an hour is the most (recording
// test_iam_role_chaining_override_transitive_tags).
func TestRoleChaining(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	first := w.role(t, "First", `"Principal":{"AWS":"`+acct+`"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`)
	second := w.role(t, "Second", `"Principal":{"AWS":"`+first+`"},"Action":["sts:AssumeRole","sts:TagSession"]`)
	one, err := w.root().AssumeRole(ctx, &sdk.AssumeRoleInput{
		RoleArn: &first, RoleSessionName: aws.String("one"), SourceIdentity: aws.String("Ada"),
		Tags: []types.Tag{tag("SessionTag1", "v"), tag("Own", "w")}, TransitiveTagKeys: []string{"SessionTag1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	client := w.with(one.Credentials)
	for _, key := range []string{"SessionTag1", "sessiontag1"} {
		_, err := client.AssumeRole(ctx, &sdk.AssumeRoleInput{RoleArn: &second, RoleSessionName: aws.String("two"), Tags: []types.Tag{tag(key, "other")}})
		want := refusal{"InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.", 400}
		if diff := cmp.Diff(want, refused(err)); diff != "" {
			t.Error(diff)
		}
	}
	_, err = client.AssumeRole(ctx, &sdk.AssumeRoleInput{RoleArn: &second, RoleSessionName: aws.String("two"), DurationSeconds: aws.Int32(3601)})
	if diff := cmp.Diff(refusal{"ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining", 400}, refused(err)); diff != "" {
		t.Error(diff)
	}
	two, err := client.AssumeRole(ctx, &sdk.AssumeRoleInput{RoleArn: &second, RoleSessionName: aws.String("two")})
	if err != nil {
		t.Fatal(err)
	}
	session, _, err := store.Get[state.Session](w.store, state.SessionKey(*two.Credentials.AccessKeyId))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"SessionTag1": "v"}, session.Tags); diff != "" || session.SourceIdentity != "Ada" || aws.ToString(two.SourceIdentity) != "Ada" {
		t.Errorf("tags %v, source %s", session.Tags, session.SourceIdentity)
	}
}

func TestOtherTokens(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	ada := w.user(t, "Ada")
	session, err := ada.GetSessionToken(ctx, &sdk.GetSessionTokenInput{})
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(*session.Credentials.Expiration); left < 11*time.Hour {
		t.Errorf("expires in %v", left)
	}
	client := w.with(session.Credentials)
	me, err := client.GetCallerIdentity(ctx, nil)
	if err != nil || *me.Arn != "arn:aws:iam::000000000000:user/Ada" {
		t.Errorf("caller %+v, %v", me, err)
	}
	if _, err := client.GetSessionToken(ctx, &sdk.GetSessionTokenInput{}); refused(err) != (refusal{"AccessDenied", "Cannot call GetSessionToken with session credentials", 403}) {
		t.Error(err)
	}
	// Recording test_get_federation_token.
	federated, err := ada.GetFederationToken(ctx, &sdk.GetFederationTokenInput{Name: aws.String("Guest"), DurationSeconds: aws.Int32(900)})
	if err != nil {
		t.Fatal(err)
	}
	if *federated.FederatedUser.Arn != "arn:aws:sts::000000000000:federated-user/Guest" || *federated.FederatedUser.FederatedUserId != acct+":Guest" || aws.ToInt32(federated.PackedPolicySize) != 0 {
		t.Errorf("federated %+v", federated.FederatedUser)
	}
	if me, err := w.with(federated.Credentials).GetCallerIdentity(ctx, nil); err != nil || *me.Arn != *federated.FederatedUser.Arn {
		t.Errorf("caller %+v, %v", me, err)
	}
	foreign, err := ada.GetAccessKeyInfo(ctx, &sdk.GetAccessKeyInfoInput{AccessKeyId: aws.String("ASIAQNZGKIQY56JQ7WML")})
	if err != nil || *foreign.Account != "029608264753" {
		t.Errorf("foreign key: %v, %v", foreign, err)
	}
}

// A source identity that a session carries cannot be changed by the next one.
func TestSourceIdentityStays(t *testing.T) {
	w := newWorld(t)
	role := &state.Role{Identity: state.Identity{Account: acct, Path: "/", Name: "Job", ID: "AROAJOB", ARN: "arn:aws:iam::" + acct + ":role/Job"},
		MaxSessionSeconds: 3600, AssumeRolePolicyDocument: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + acct + `"},"Action":"sts:*"}}`}
	if _, err := store.Create(t.Context(), w.store, state.RoleKey(acct, "job"), role); err != nil {
		t.Fatal(err)
	}
	first, err := w.as("test", "test", "").AssumeRole(t.Context(), &sdk.AssumeRoleInput{RoleArn: &role.ARN, RoleSessionName: aws.String("one"), SourceIdentity: aws.String("ada")})
	if err != nil || aws.ToString(first.SourceIdentity) != "ada" {
		t.Fatal(first, err)
	}
	c := first.Credentials
	second := w.as(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	out, err := second.AssumeRole(t.Context(), &sdk.AssumeRoleInput{RoleArn: &role.ARN, RoleSessionName: aws.String("two")})
	if err != nil || aws.ToString(out.SourceIdentity) != "ada" {
		t.Errorf("it is handed on: %v, %v", out, err)
	}
	_, err = second.AssumeRole(t.Context(), &sdk.AssumeRoleInput{RoleArn: &role.ARN, RoleSessionName: aws.String("two"), SourceIdentity: aws.String("bob")})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" {
		t.Errorf("another one: %v", err)
	}
}
