package sts_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/internal/identity/oidc/oidctest"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

const branch = "repo:org/app:ref:refs/heads/main"

// actions is a world with an issuer that an account's IAM knows.
type actions struct {
	*world
	issuer   *oidctest.Issuer
	provider string // ARN
}

func newActions(t *testing.T) *actions {
	t.Helper()
	w, issuer := newWorld(t), oidctest.New(t)
	a := &actions{w, issuer, "arn:aws:iam::" + acct + ":oidc-provider/" + issuer.Name()}
	put(t, w, state.OIDCProviderKey(acct, issuer.Name()), &state.OIDCProvider{Account: acct, URL: issuer.URL, ARN: a.provider, ClientIDs: []string{"sts.amazonaws.com"}})
	return a
}

// trusting stores a role that trusts the issuer for actions under conditions.
func (a *actions) trusting(t *testing.T, name, actions, condition string) string {
	t.Helper()
	return a.role(t, name, `"Principal":{"Federated":"`+a.provider+`"},"Action":`+actions+`,"Condition":`+strings.ReplaceAll(condition, "ISSUER", a.issuer.Name()))
}

func (a *actions) token(t *testing.T, more map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": a.issuer.URL, "sub": branch, "aud": "sts.amazonaws.com", "repository": "org/app",
		"iat": time.Now().Unix(), "exp": time.Now().Add(5 * time.Minute).Unix(),
	}
	maps.Copy(claims, more)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return a.issuer.Token(t, claims)
}

// assume calls without any credentials, as configure-aws-credentials does.
func (a *actions) assume(t *testing.T, role, token string, change func(*sdk.AssumeRoleWithWebIdentityInput)) (*sdk.AssumeRoleWithWebIdentityOutput, error) {
	t.Helper()
	client := sdk.New(sdk.Options{Region: "eu-central-1", BaseEndpoint: &a.url, RetryMaxAttempts: 1})
	in := &sdk.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("GitHubActions"), WebIdentityToken: &token}
	if change != nil {
		change(in)
	}
	return client.AssumeRoleWithWebIdentity(t.Context(), in)
}

const (
	onBranch = `{"StringEquals":{"ISSUER:aud":"sts.amazonaws.com","ISSUER:sub":"` + branch + `"}}`
	justWeb  = `"sts:AssumeRoleWithWebIdentity"`
)

// A job of GitHub Actions reaches AWS (docs.github.com, "Configuring OpenID
// Connect in Amazon Web Services"): no key anywhere, a token for the branch, a
// role that trusts exactly this branch.
func TestGitHubActions(t *testing.T) {
	a := newActions(t)
	role := a.trusting(t, "Deploy", justWeb, onBranch)
	out, err := a.assume(t, role, a.token(t, nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	type answer struct{ ARN, Subject, Audience, Provider string }
	want := answer{"arn:aws:sts::" + acct + ":assumed-role/Deploy/GitHubActions", branch, "sts.amazonaws.com", a.provider}
	got := answer{*out.AssumedRoleUser.Arn, *out.SubjectFromWebIdentityToken, *out.Audience, *out.Provider}
	if diff := cmp.Diff(want, got); diff != "" || out.PackedPolicySize != nil || out.SourceIdentity != nil {
		t.Error(diff, out.PackedPolicySize, out.SourceIdentity)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires in %v", left)
	}
	me, err := a.with(out.Credentials).GetCallerIdentity(t.Context(), nil)
	if err != nil || *me.Arn != want.ARN {
		t.Errorf("caller %+v, %v", me, err)
	}
	session, _, err := store.Get[state.Session](a.store, state.SessionKey(*out.Credentials.AccessKeyId))
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{
		"aws:FederatedProvider": {a.provider}, a.issuer.Name() + ":aud": {"sts.amazonaws.com"}, a.issuer.Name() + ":oaud": {"sts.amazonaws.com"}, a.issuer.Name() + ":sub": {branch},
	}
	if diff := cmp.Diff(keys, session.Keys); diff != "" {
		t.Error(diff)
	}
}

// Each refusal, in the words of AWS. The sources are beside the texts in package
// identity.
func TestWebIdentityRefusals(t *testing.T) {
	a := newActions(t)
	role := a.trusting(t, "Deploy", justWeb, onBranch)
	byRepository := a.trusting(t, "Repository", justWeb, `{"StringEquals":{"ISSUER:repository":"org/app"}}`) // a claim that is no key of this provider
	assumeRole := a.trusting(t, "Plain", `"sts:AssumeRole"`, onBranch)
	tagless := a.trusting(t, "Tagless", justWeb, `{}`)
	named := a.trusting(t, "Named", justWeb, `{"StringEquals":{"sts:RoleSessionName":"release"}}`)
	none := "arn:aws:iam::" + acct + ":role/None"
	elsewhere := "arn:aws:iam::111122223333:role/Deploy"
	over := time.Now().Add(-time.Minute).Unix()
	invalid := func(text string) refusal { return refusal{"InvalidIdentityToken", text, 400} }
	denied := func(action string) refusal {
		return refusal{"AccessDenied", "Not authorized to perform " + action, 403}
	}
	const web, noKey = "sts:AssumeRoleWithWebIdentity", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements"
	const notValid = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements."
	tag := map[string]any{"https://aws.amazon.com/tags/principal_tags/Team": "eng"}
	for name, c := range map[string]struct {
		role, token string
		change      func(*sdk.AssumeRoleWithWebIdentityInput)
		want        refusal
	}{
		"no ARN":                {"a-role-that-is-called-Deploy", a.token(t, nil), nil, refusal{"ValidationError", "a-role-that-is-called-Deploy is invalid", 400}},
		"no such role":          {none, a.token(t, nil), nil, denied(web)},
		"another branch":        {role, a.token(t, map[string]any{"sub": "repo:org/app:ref:refs/heads/evil"}), nil, denied(web)},
		"another's fork":        {role, a.token(t, map[string]any{"sub": "repo:evil/app:ref:refs/heads/main"}), nil, denied(web)},
		"no condition key":      {byRepository, a.token(t, nil), nil, denied(web)},
		"trusts AssumeRole":     {assumeRole, a.token(t, nil), nil, denied(web)},
		"session name":          {named, a.token(t, nil), nil, denied(web)},
		"tags":                  {tagless, a.token(t, tag), nil, denied("sts:TagSession")},
		"source identity":       {tagless, a.token(t, map[string]any{"https://aws.amazon.com/source_identity": "ada"}), nil, denied("sts:SetSourceIdentity")},
		"another audience":      {role, a.token(t, map[string]any{"aud": "https://github.com/org"}), nil, invalid("Incorrect token audience")},
		"another azp":           {role, a.token(t, map[string]any{"azp": "somebody"}), nil, invalid("Incorrect token audience")},
		"no audience":           {role, a.token(t, map[string]any{"aud": nil}), nil, invalid("Missing a required claim: aud")},
		"no issuer":             {role, a.token(t, map[string]any{"iss": nil}), nil, invalid("Missing a required claim: iss")},
		"unknown issuer":        {role, a.token(t, map[string]any{"iss": "https://token.actions.githubusercontent.com"}), nil, invalid("No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com")},
		"other scheme":          {role, a.token(t, map[string]any{"iss": "https://" + a.issuer.Name()}), nil, invalid("No OpenIDConnect provider found in your account for https://" + a.issuer.Name())},
		"another account":       {elsewhere, a.token(t, nil), nil, invalid("No OpenIDConnect provider found in your account for " + a.issuer.URL)},
		"no token":              {role, "token", nil, invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")},
		"expired":               {role, a.token(t, map[string]any{"exp": over}), nil, refusal{"ExpiredTokenException", fmt.Sprintf("Token expired: current date/time %d must be before the expiration date/time %d", 0, over), 400}},
		"unknown key":           {role, a.issuer.TokenWith(t, "RS256", map[string]any{"iss": a.issuer.URL}, map[string]string{"kid": "gone"}), nil, invalid(noKey)},
		"a signature of nobody": {role, strings.TrimSuffix(a.token(t, nil), "A")[:len(a.token(t, nil))-8] + "AAAAAAAA", nil, invalid(notValid)},
		"too long":              {role, a.token(t, nil), func(in *sdk.AssumeRoleWithWebIdentityInput) { in.DurationSeconds = aws.Int32(7200) }, refusal{"ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400}},
		"a policy":              {role, a.token(t, nil), func(in *sdk.AssumeRoleWithWebIdentityInput) { in.Policy = aws.String("{") }, refusal{"MalformedPolicyDocument", "Syntax errors in policy.", 400}},
		"Amazon": {role, "Atza|IQEBLjAs", func(in *sdk.AssumeRoleWithWebIdentityInput) { in.ProviderId = aws.String("www.amazon.com") },
			invalid("stagedoor takes no access tokens of www.amazon.com: it knows OpenID Connect providers that create-open-id-connect-provider made. Leave ProviderId out and pass an ID token of one of them.")},
		"Google": {role, a.token(t, map[string]any{"iss": "https://accounts.google.com"}), nil,
			invalid("stagedoor does not know https://accounts.google.com by itself, as AWS does: create an OpenID Connect provider for it, and trust that in the role.")},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := a.assume(t, c.role, c.token, c.change)
			got := refused(err)
			if at := strings.Index(got.Message, " must be before"); got.Code == "ExpiredTokenException" && at > 0 {
				got.Message = "Token expired: current date/time 0" + got.Message[at:]
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("the issuer is not well", func(t *testing.T) {
		a := newActions(t)
		a.issuer.Answer(oidctest.Discovery, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
		_, err := a.assume(t, a.trusting(t, "Deploy", justWeb, onBranch), a.token(t, nil), nil)
		if got := refused(err); got.Code != "IDPCommunicationError" || got.Status != 400 {
			t.Errorf("%+v", got)
		}
	})
}

// What a token may bring along: session tags, transitive ones among them, a
// source identity; and azp, which AWS takes for the audience.
func TestWebIdentityCarries(t *testing.T) {
	a := newActions(t)
	role := a.trusting(t, "Deploy", `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`,
		`{"IpAddress":{"aws:SourceIp":"127.0.0.0/8"},"StringEquals":{"ISSUER:aud":"sts.amazonaws.com","aws:RequestTag/Team":"eng"},"ForAnyValue:StringEquals":{"ISSUER:oaud":"b","ISSUER:amr":"mfa"}}`)
	out, err := a.assume(t, role, a.token(t, map[string]any{
		"azp": "sts.amazonaws.com", "aud": []string{"a", "b"}, "amr": []string{"pwd", "mfa"}, "https://aws.amazon.com/source_identity": "ada",
		"https://aws.amazon.com/tags": map[string]any{"principal_tags": map[string]any{"Team": []string{"eng"}, "Cost": []string{"1"}}, "transitive_tag_keys": []string{"Team"}},
	}), func(in *sdk.AssumeRoleWithWebIdentityInput) {
		in.Policy = aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:*","Resource":"*"}}`)
	})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.SourceIdentity) != "ada" || *out.Audience != "sts.amazonaws.com" || aws.ToInt32(out.PackedPolicySize) < 1 {
		t.Errorf("source %v, audience %s, size %v", out.SourceIdentity, *out.Audience, out.PackedPolicySize)
	}
	session, _, err := store.Get[state.Session](a.store, state.SessionKey(*out.Credentials.AccessKeyId))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"Team": "eng", "Cost": "1"}, session.Tags); diff != "" || session.TransitiveTags[0] != "Team" || session.Policy == "" {
		t.Errorf("%s transitive %v, policy %s", diff, session.TransitiveTags, session.Policy)
	}
	// The next role inherits the transitive tag, and the source identity.
	next := a.role(t, "Next", `"Principal":{"AWS":"`+role+`"},"Action":["sts:AssumeRole","sts:TagSession"]`)
	two, err := a.with(out.Credentials).AssumeRole(t.Context(), &sdk.AssumeRoleInput{RoleArn: &next, RoleSessionName: aws.String("two")})
	if err != nil || aws.ToString(two.SourceIdentity) != "ada" {
		t.Fatal(two, err)
	}
}

// A session takes so much and no more: API Reference, PackedPolicySize; the
// tags of EKS: aws/containers-roadmap#2413 (74 per cent on AWS).
func TestPackedPolicySize(t *testing.T) {
	w := newWorld(t)
	role := w.role(t, "Job", `"Principal":{"AWS":"`+acct+`"},"Action":["sts:AssumeRole","sts:TagSession"]`)
	policy := func(n int) *string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,{"Effect":"Allow","Action":"%s:Get%x","Resource":"arn:aws:s3:::%x/*"}`, strings.Repeat(string(rune('a'+i%26)), 3), i*7919, i*104729)
		}
		return aws.String(`{"Version":"2012-10-17","Statement":[` + b.String()[1:] + `]}`)
	}
	many := make([]types.Tag, 50)
	for i := range many {
		many[i] = tag(fmt.Sprintf("k%x", i*7919), fmt.Sprintf("%x", i*i*104729))
	}
	eks := []types.Tag{
		tag("eks-cluster-arn", "arn:aws:eks:eu-central-1:111122223333:cluster/production"), tag("eks-cluster-name", "production"), tag("kubernetes-namespace", "payments"),
		tag("kubernetes-service-account", "payments-api"), tag("kubernetes-pod-name", "payments-api-7d4b9c6f5d-x2x9k"), tag("kubernetes-pod-uid", "3f0ab3b4-5ad0-4b6e-9a6e-0d7cf1b7a111"),
	}
	for name, c := range map[string]struct {
		in          sdk.AssumeRoleInput
		least, most int32
		code, text  string
	}{
		"tags of EKS":  {sdk.AssumeRoleInput{Tags: eks}, 35, 74, "", ""},
		"one action":   {sdk.AssumeRoleInput{Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"Stmt1","Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}`)}, 1, 10, "", ""},
		"ten actions":  {sdk.AssumeRoleInput{Policy: policy(10)}, 20, 70, "", ""},
		"a big policy": {sdk.AssumeRoleInput{Policy: policy(100)}, 0, 0, "PackedPolicyTooLarge", "Packed policy consumes "},
		"big tags":     {sdk.AssumeRoleInput{Tags: many}, 0, 0, "PackedPolicyTooLarge", "Packed size of session tags consumes "},
		"11 policies":  {sdk.AssumeRoleInput{PolicyArns: descriptors(11)}, 0, 0, "ValidationError", "1 validation error detected: "},
		"somebody's":   {sdk.AssumeRoleInput{PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::111122223333:policy/p")}}}, 0, 0, "ValidationError", "Policy arn:aws:iam::111122223333:policy/p does not exist or is not attachable."},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.RoleArn, c.in.RoleSessionName = &role, aws.String("session")
			out, err := w.root().AssumeRole(t.Context(), &c.in)
			if got := refused(err); got.Code != c.code || !strings.HasPrefix(got.Message, c.text) {
				t.Fatalf("%+v", got)
			}
			if err != nil {
				return
			}
			if size := aws.ToInt32(out.PackedPolicySize); size < c.least || size > c.most {
				t.Errorf("size %d, want %d to %d", size, c.least, c.most)
			}
		})
	}
}

func descriptors(n int) []types.PolicyDescriptorType {
	list := make([]types.PolicyDescriptorType, n)
	for i := range list {
		list[i] = types.PolicyDescriptorType{Arn: aws.String(fmt.Sprintf("arn:aws:iam::%s:policy/p%d", acct, i))}
	}
	return list
}

// A message that was encoded elsewhere is not valid; the rest of
// DecodeAuthorizationMessage is tested with the whole system.
func TestDecodeAuthorizationMessage(t *testing.T) {
	w := newWorld(t)
	_, err := w.root().DecodeAuthorizationMessage(t.Context(), &sdk.DecodeAuthorizationMessageInput{EncodedMessage: aws.String("rHU-pVHMSckD0OAc5l3r9")})
	if diff := cmp.Diff(refusal{"InvalidAuthorizationMessageException", "Message is not valid", 400}, refused(err)); diff != "" {
		t.Error(diff)
	}
}
