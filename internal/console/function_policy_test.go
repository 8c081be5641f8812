package console

import (
	"strings"
	"testing"
)

// What a statement grants, in words (aws-facts part 1 and 2: the shapes that
// AddPermission writes; LDG access-control-resource-based: the others).
func TestGrantLines(t *testing.T) {
	const head = `"Sid":"s","Effect":"Allow","Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:000000000000:function:f",`
	gateway := func(source string) string {
		return `{` + head + `"Principal":{"Service":"apigateway.amazonaws.com"},"Condition":{"ArnLike":{"AWS:SourceArn":"` + source + `"}}}`
	}
	const api = "arn:aws:execute-api:us-east-1:000000000000:a1b2c3d4e5"
	for _, c := range []struct{ name, statement, want, warning, unknown string }{
		{"any stage", gateway(api + "/*/GET/orders"), "API orders, any stage, GET /orders", "", ""},
		{"one stage", gateway(api + "/dev/POST/orders/{id}"), "API orders, stage dev, POST /orders/{id}", "", ""},
		{"stages like", gateway(api + "/d*/ANY/{proxy+}"), "API orders, stages like d*, ANY /{proxy+}", "", ""},
		{"root", gateway(api + "/*/GET/"), "API orders, any stage, GET /", "", ""},
		{"everything", gateway(api + "/*"), "API orders, any stage, any method", "", ""},
		{"everything, spelled out", gateway(api + "/*/*/*"), "API orders, any stage, any method", "", ""},
		{"any verb", gateway(api + "/*/*/orders"), "API orders, any stage, any verb on /orders", "", ""},
		{"any path", gateway(api + "/*/GET/*"), "API orders, any stage, GET any path", "", ""},
		{"too short", gateway(api), "API orders, nothing of it: the SourceArn ends before the stage", "", ""},
		{"ends after the stage", gateway(api + "/dev"), "API orders, nothing of it: the SourceArn ends after the stage dev", "", ""},
		{"stages like, any method", gateway(api + "/d*"), "API orders, stages like d*, any method", "", ""},
		{"test", gateway(api + "/test-invoke-stage/GET/orders"), "API orders, the console's Test, GET /orders", "", ""},
		{"authorizer", gateway(api + "/authorizers/abc123"), "API orders, as authorizer abc123", "", ""},
		{"gone API", gateway("arn:aws:execute-api:us-east-1:000000000000:zzzzzzzzzz/*/GET/orders"), "API zzzzzzzzzz, any stage, GET /orders", "no API with this id", ""},
		{"any API", gateway("arn:aws:execute-api:us-east-1:000000000000:*/*/GET/orders"), "Any API of account 000000000000 in us-east-1, any stage, GET /orders", "", ""},
		{"any API of anybody", gateway("arn:aws:execute-api:*:*:*"), "Any API of any account in any region, any stage, any method", "other accounts", ""},
		{"no source", `{` + head + `"Principal":{"Service":"apigateway.amazonaws.com"}}`, "Any API of any account", "any account", ""},
		{"source account", `{` + head + `"Principal":{"Service":"apigateway.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"}}}`, "API Gateway, for account 111122223333", "", ""},
		{"bucket", `{` + head + `"Principal":{"Service":"s3.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceAccount":"111122223333"},"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::pictures"}}}`, "S3, from arn:aws:s3:::pictures, for account 111122223333", "", ""},
		{"account", `{` + head + `"Principal":{"AWS":"arn:aws:iam::111122223333:root"}}`, "Account 111122223333", "", ""},
		{"role", `{` + head + `"Principal":{"AWS":"arn:aws:iam::111122223333:role/ci"}}`, "Role ci of account 111122223333", "", ""},
		{"organization", `{` + head + `"Principal":"*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}}}`, "Everybody, within organization o-1", "", ""},
		{"everybody", `{` + head + `"Principal":"*"}`, "Everybody", "Anybody in the world", ""},
		{"function URL", `{"Sid":"u","Effect":"Allow","Principal":"*","Action":"lambda:InvokeFunctionUrl","Resource":"arn","Condition":{"StringEquals":{"lambda:FunctionUrlAuthType":"NONE"}}}`, "Everybody, through the function's URL, without signing in", "Anybody", ""},
		{"another action", `{"Sid":"u","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"lambda:GetFunction","Resource":"arn"}`, "Account 111122223333, for lambda:GetFunction", "", ""},
		{"another condition", `{` + head + `"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`, "Account 111122223333", "", "condition IpAddress on aws:SourceIp"},
		{"several values", `{` + head + `"Principal":{"Service":"apigateway.amazonaws.com"},"Condition":{"ArnLike":{"AWS:SourceArn":["arn:a","arn:b"]}}}`, "Any API of any account", "any account", "condition ArnLike"},
		{"StringEquals with a star", `{` + head + `"Principal":{"Service":"apigateway.amazonaws.com"},"Condition":{"StringEquals":{"AWS:SourceArn":"` + api + `/*/GET/orders"}}}`, "API orders, any stage, GET /orders", "", "condition StringEquals"},
		{"several actions", `{"Sid":"s","Effect":"Allow","Principal":"*","Action":["lambda:InvokeFunction","lambda:GetFunction"],"Resource":"arn"}`, "Everybody", "Anybody", "several actions"},
		{"several principals", `{` + head + `"Principal":{"AWS":["a","b"]}}`, "Several principals", "", "several principals"},
		{"everybody but", `{"Sid":"s","Effect":"Deny","NotPrincipal":{"AWS":"a"},"Action":"lambda:*","Resource":"arn"}`, "Several principals, for lambda:*", "", "NotPrincipal"},
		{"no statement at all", `[1]`, "A statement of an unusual shape", "", "not built as"},
	} {
		t.Run(c.name, func(t *testing.T) {
			lines, err := grantLines(`{"Version":"2012-10-17","Statement":[`+c.statement+`]}`, map[string]string{"a1b2c3d4e5": "orders"})
			if err != nil || len(lines) != 1 {
				t.Fatal(lines, err)
			}
			got := lines[0]
			if got.Sentence() != c.want || (got.Warning == "") != (c.warning == "") || !strings.Contains(got.Warning, c.warning) ||
				(got.Unknown == "") != (c.unknown == "") || !strings.Contains(got.Unknown, c.unknown) {
				t.Errorf("got  %q, warning %q, unknown %q\nwant %q, warning %q, unknown %q", got.Sentence(), got.Warning, got.Unknown, c.want, c.warning, c.unknown)
			}
			if (got.Again != nil) != (c.unknown == "") {
				t.Errorf("can be added again: %v", got.Again)
			}
		})
	}
}

func TestGrantLinesOfNoPolicy(t *testing.T) {
	if lines, err := grantLines("", nil); lines != nil || err != nil {
		t.Error(lines, err)
	}
	if _, err := grantLines("{", nil); err == nil {
		t.Error("half a document passes")
	}
}
