package iam_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"
)

const (
	github    = "https://token.actions.githubusercontent.com"
	githubARN = "arn:aws:iam::" + acct + ":oidc-provider/token.actions.githubusercontent.com"
)

func (w *world) provider(t testing.TB, url string, clients ...string) string {
	t.Helper()
	return *must(w.CreateOpenIDConnectProvider(t.Context(), &sdk.CreateOpenIDConnectProviderInput{Url: &url, ClientIDList: clients}))(t).OpenIDConnectProviderArn
}

// What AWS answers (recordings test_iam_oidc: create, get, update_thumbprint,
// list, tag, untag, list_tags).
func TestOpenIDConnectProvider(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()
	made := must(w.CreateOpenIDConnectProvider(ctx, &sdk.CreateOpenIDConnectProviderInput{
		Url: aws.String(github), ClientIDList: []string{"sts.amazonaws.com"}, ThumbprintList: []string{strings.Repeat("B", 40)},
		Tags: []types.Tag{{Key: aws.String("k1"), Value: aws.String("v1")}},
	}))(t)
	if *made.OpenIDConnectProviderArn != githubARN || len(made.Tags) != 1 {
		t.Errorf("made %s, tags %v", *made.OpenIDConnectProviderArn, made.Tags)
	}
	on := made.OpenIDConnectProviderArn
	for range 2 { // both are idempotent (API Reference)
		must(w.AddClientIDToOpenIDConnectProvider(ctx, &sdk.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: on, ClientID: aws.String("second")}))(t)
		must(w.RemoveClientIDFromOpenIDConnectProvider(ctx, &sdk.RemoveClientIDFromOpenIDConnectProviderInput{OpenIDConnectProviderArn: on, ClientID: aws.String("sts.amazonaws.com")}))(t)
	}
	must(w.UpdateOpenIDConnectProviderThumbprint(ctx, &sdk.UpdateOpenIDConnectProviderThumbprintInput{OpenIDConnectProviderArn: on, ThumbprintList: []string{strings.Repeat("c", 40), strings.Repeat("d", 40)}}))(t)
	must(w.TagOpenIDConnectProvider(ctx, &sdk.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: on, Tags: []types.Tag{{Key: aws.String("k2"), Value: aws.String("v2")}}}))(t)
	must(w.UntagOpenIDConnectProvider(ctx, &sdk.UntagOpenIDConnectProviderInput{OpenIDConnectProviderArn: on, TagKeys: []string{"k1"}}))(t)
	got := must(w.GetOpenIDConnectProvider(ctx, &sdk.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: on}))(t)
	if *got.Url != "token.actions.githubusercontent.com" || got.CreateDate == nil {
		t.Errorf("url %s, made %v", *got.Url, got.CreateDate)
	}
	if diff := cmp.Diff([]string{"second"}, got.ClientIDList); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{strings.Repeat("c", 40), strings.Repeat("d", 40)}, got.ThumbprintList); diff != "" {
		t.Error(diff)
	}
	tags := must(w.ListOpenIDConnectProviderTags(ctx, &sdk.ListOpenIDConnectProviderTagsInput{OpenIDConnectProviderArn: on}))(t)
	if len(tags.Tags) != 1 || *tags.Tags[0].Key != "k2" || tags.IsTruncated {
		t.Errorf("tags %v", tags.Tags)
	}
	w.provider(t, "https://a.example.com/oidc")
	list := must(w.ListOpenIDConnectProviders(ctx, nil))(t).OpenIDConnectProviderList
	if len(list) != 2 || *list[0].Arn != "arn:aws:iam::"+acct+":oidc-provider/a.example.com/oidc" {
		t.Errorf("list %v", list)
	}
	if n := must(w.GetAccountSummary(ctx, nil))(t).SummaryMap["Providers"]; n != 2 {
		t.Errorf("%d providers in the summary", n)
	}
	must(w.DeleteOpenIDConnectProvider(ctx, &sdk.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: on}))(t)
	_, err := w.DeleteOpenIDConnectProvider(ctx, &sdk.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: on})
	if diff := cmp.Diff(refusal{"NoSuchEntity", "OpenId connect Provider " + githubARN + " cannot be found.", 404}, refused(err)); diff != "" {
		t.Error(diff)
	}
	if left := must(w.as("111122223333", "x", "").ListOpenIDConnectProviders(ctx, nil))(t); len(left.OpenIDConnectProviderList) != 0 {
		t.Errorf("another account sees %v", left.OpenIDConnectProviderList)
	}
}

// AWS's refusals: recordings test_iam_oidc, and for URLs versity/versitygw#2259.
func TestOpenIDConnectProviderRefusals(t *testing.T) {
	w := newWorld(t)
	w.provider(t, "https://there.example.com")
	full := w.provider(t, "https://full.example.com", numbered(100)...)
	fifty := make([]types.Tag, 50)
	for i := range fifty {
		fifty[i] = types.Tag{Key: aws.String(fmt.Sprintf("k%02d", i)), Value: aws.String("v")}
	}
	must(w.TagOpenIDConnectProvider(t.Context(), &sdk.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &full, Tags: fifty}))(t)
	create := func(in sdk.CreateOpenIDConnectProviderInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := w.CreateOpenIDConnectProvider(ctx, &in); return err }
	}
	withURL := func(url string) func(context.Context) error {
		return create(sdk.CreateOpenIDConnectProviderInput{Url: &url})
	}
	const noScheme, notHTTPS, bad = "Invalid Open ID Connect Provider URL", "Invalid Open ID Connect Provider URL. The URL must begin with https://.", "Invalid Open ID Connect Provider URL."
	missing := "arn:aws:iam::" + acct + ":oidc-provider/none.example.com"
	for name, c := range map[string]struct {
		call func(context.Context) error
		want refusal
	}{
		"no scheme":         {withURL("example.org"), refusal{"ValidationError", noScheme, 400}},
		"no host":           {withURL("https:///x"), refusal{"ValidationError", noScheme, 400}},
		"http":              {withURL("http://example.com"), refusal{"InvalidInput", notHTTPS, 400}},
		"another scheme":    {withURL("ftp://127.0.0.1"), refusal{"InvalidInput", notHTTPS, 400}},
		"a loopback's name": {withURL("http://127.0.0.1.example.com"), refusal{"InvalidInput", notHTTPS, 400}},
		"a query":           {withURL("https://example.com?foo=1"), refusal{"InvalidInput", bad, 400}},
		"a port":            {withURL("https://example.com:8443"), refusal{"InvalidInput", bad, 400}},
		"credentials":       {withURL("https://a:b@example.com"), refusal{"InvalidInput", bad, 400}},
		"http, loopback":    {withURL("http://127.0.0.1:4711/realm"), refusal{}},
		"there already":     {withURL("https://there.example.com"), refusal{"EntityAlreadyExists", "Provider with url https://there.example.com already exists.", 409}},
		"six thumbprints": {create(sdk.CreateOpenIDConnectProviderInput{Url: aws.String("https://x.example.com"), ThumbprintList: thumbs(6)}),
			refusal{"InvalidInput", "Thumbprint list must contain fewer than 5 entries.", 400}},
		"five thumbprints": {create(sdk.CreateOpenIDConnectProviderInput{Url: aws.String("https://five.example.com"), ThumbprintList: thumbs(5)}), refusal{}},
		"101 clients": {create(sdk.CreateOpenIDConnectProviderInput{Url: aws.String("https://y.example.com"), ClientIDList: numbered(101)}),
			refusal{"LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409}},
		"another client": {func(ctx context.Context) error {
			_, err := w.AddClientIDToOpenIDConnectProvider(ctx, &sdk.AddClientIDToOpenIDConnectProviderInput{OpenIDConnectProviderArn: &full, ClientID: aws.String("more")})
			return err
		}, refusal{"LimitExceeded", "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100", 409}},
		"another tag": {func(ctx context.Context) error {
			_, err := w.TagOpenIDConnectProvider(ctx, &sdk.TagOpenIDConnectProviderInput{OpenIDConnectProviderArn: &full, Tags: []types.Tag{{Key: aws.String("more"), Value: aws.String("v")}}})
			return err
		}, refusal{"LimitExceeded", "The number of tags has reached the maximum limit.", 409}},
		// The recording names the url last: AWS's order follows no rule that is known.
		"too long": {create(sdk.CreateOpenIDConnectProviderInput{Url: aws.String(strings.Repeat("b", 256)), ThumbprintList: []string{strings.Repeat("b", 41)}, ClientIDList: []string{strings.Repeat("b", 256)}}),
			refusal{"ValidationError", "3 validation errors detected: Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255; Value at 'clientIDList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 1]; Value at 'thumbprintList' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 40, Member must have length greater than or equal to 40]", 400}},
		"get, missing": {func(ctx context.Context) error {
			_, err := w.GetOpenIDConnectProvider(ctx, &sdk.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &missing})
			return err
		}, refusal{"NoSuchEntity", "OpenIDConnect Provider not found for arn " + missing, 404}},
		"get, no ARN": {func(ctx context.Context) error {
			_, err := w.GetOpenIDConnectProvider(ctx, &sdk.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: aws.String("token.actions.githubusercontent.com")})
			return err
		}, refusal{"ValidationError", "Invalid ARN:  Could not be parsed!", 400}},
		"another account's": {func(ctx context.Context) error {
			_, err := w.as("111122223333", "x", "").GetOpenIDConnectProvider(ctx, &sdk.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &full})
			return err
		}, refusal{"NoSuchEntity", "OpenIDConnect Provider not found for arn " + full, 404}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, refused(c.call(t.Context()))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func numbered(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return list
}

func thumbs(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strings.Repeat(fmt.Sprint(i), 40)
	}
	return list
}

// Trust in identity providers; sources beside the texts.
func TestFederatedTrust(t *testing.T) {
	w := newWorld(t)
	const name = "token.actions.githubusercontent.com"
	statement := func(principal, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"` + principal + `"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":` + condition + `}]}`
	}
	on := func(key, value string) string { return `{"StringLike":{"` + key + `":"` + value + `"}}` }
	const form = "Federated principals must be valid domain names or SAML metadata ARNs"
	const shared = "The trust policy must evaluate " + name + ":sub or " + name + ":job_workflow_ref, because the identity provider is shared by many customers."
	n := 0
	for title, c := range map[string]struct{ document, want string }{
		"a provider":             {statement("arn:aws:iam::"+acct+":oidc-provider/issuer.example.com/id/1", on("issuer.example.com/id/1:aud", "x")), ""},
		"a provider with a port": {statement("arn:aws:iam::"+acct+":oidc-provider/127.0.0.1:8080", on("127.0.0.1:8080:aud", "x")), ""},
		"a provider of old":      {statement("accounts.google.com", on("accounts.google.com:aud", "x")), ""},
		"SAML":                   {statement("arn:aws:iam::"+acct+":saml-provider/corp", on("SAML:aud", "x")), ""},
		"a URL":                  {statement("https://issuer.example.com", on("issuer.example.com:aud", "x")), form},
		"an ARN with a slash":    {statement("arn:aws:iam//"+acct+":oidc-provider/issuer.example.com", on("issuer.example.com:aud", "x")), form},
		"nothing":                {statement("", on("issuer.example.com:aud", "x")), form},
		"a key with a scheme":    {statement("arn:aws:iam::"+acct+":oidc-provider/issuer.example.com", on("https://issuer.example.com:aud", "x")), "Condition can contain only one colon."},
		"GitHub":                 {statement(githubARN, on(name+":sub", "repo:org/*")), ""},
		"GitHub, a workflow":     {statement(githubARN, on(name+":job_workflow_ref", "org/app/.github/workflows/x.yml@*")), ""},
		"GitHub, all of it":      {statement(githubARN, on(name+":aud", "sts.amazonaws.com")), shared},
		"GitHub, any subject":    {statement(githubARN, on(name+":sub", "*")), shared},
		"GitHub, but for one":    {statement(githubARN, `{"StringNotEquals":{"`+name+`:sub":"repo:evil/app"}}`), shared},
		"Cognito":                {statement("cognito-identity.amazonaws.com", on("cognito-identity.amazonaws.com:aud", "us-east-1:pool")), ""},
		"Cognito, all of it":     {strings.Replace(statement("cognito-identity.amazonaws.com", "{}"), `,"Condition":{}`, "", 1), "A condition block must be present for the Cognito provider"},
		"Sentinel":               {statement("arn:aws:iam::"+acct+":oidc-provider/sts.windows.net/33e01921-4d64-4f8c-a055-5bdaffd5e33d", on("sts:RoleSessionName", "MicrosoftSentinel_x")), ""},
		"GitHub, no condition":   {strings.Replace(statement(githubARN, "{}"), `,"Condition":{}`, "", 1), shared},
		"GitHub, denied":         {strings.Replace(statement(githubARN, on(name+":aud", "x")), "Allow", "Deny", 1), ""},
	} {
		n++
		role := fmt.Sprintf("role%d", n)
		_, err := w.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: &role, AssumeRolePolicyDocument: &c.document})
		want := refusal{}
		if c.want != "" {
			want = refusal{"MalformedPolicyDocument", c.want, 400}
		}
		if diff := cmp.Diff(want, refused(err)); diff != "" {
			t.Errorf("%s: %s", title, diff)
		}
	}
}
