package stagedoor

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// document is a policy with these statements, of which each operation wants its
// own kind.
func document(statements string) string {
	return `{"Version":"2012-10-17","Statement":` + statements + `}`
}

const (
	plainStatement = `{"Effect":"Allow","Action":"a:B","Resource":"*"}`
)

// hostileDocuments are no policies, or too much of one: nobody may take them.
func hostileDocuments() map[string]string {
	with := func(members string) string {
		return document(`{"Effect":"Allow","Action":"a:B","Resource":"*",` + members + `}`)
	}
	return map[string]string{
		"1 MB":                        document(`[` + strings.TrimSuffix(strings.Repeat(`{"Effect":"Allow","Action":"a:B","Resource":"`+strings.Repeat("r", 1000)+`"},`, 1000), ",") + `]`),
		"10,000 statements":           document(`[` + strings.TrimSuffix(strings.Repeat(plainStatement+",", 10000), ",") + `]`),
		"100,000 brackets":            strings.Repeat("[", 100_000),
		"100,000 brackets in place":   document(strings.Repeat("[", 100_000)),
		"100,000 braces in condition": with(`"Condition":{"StringEquals":` + strings.Repeat(`{"a":`, 20_000)),
		"a list of lists":             document(`[[` + plainStatement + `]]`),
		"actions in a list in a list": document(`{"Effect":"Allow","Action":[["a:B"]],"Resource":"*"}`),
		"an action that is an object": document(`{"Effect":"Allow","Action":{"a":"B"},"Resource":"*"}`),
		"an action that is a number":  document(`{"Effect":"Allow","Action":7,"Resource":"*"}`),
		"an effect that is a list":    document(`{"Effect":["Allow"],"Action":"a:B","Resource":"*"}`),
		"an effect that is null":      document(`{"Effect":null,"Action":"a:B","Resource":"*"}`),
		"an effect of its own":        document(`{"Effect":"allow","Action":"a:B","Resource":"*"}`),
		"no effect":                   document(`{"Action":"a:B","Resource":"*"}`),
		"a list for conditions":       with(`"Condition":[]`),
		"a string for an operator":    with(`"Condition":{"StringEquals":"x"}`),
		"an unknown operator":         with(`"Condition":{"StringNearly":{"aws:username":"x"}}`),
		"an unknown qualifier":        with(`"Condition":{"ForSomeValues:StringEquals":{"aws:username":"x"}}`),
		"an address that is none":     with(`"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/99"}}`),
		"a number that is none":       with(`"Condition":{"NumericEquals":{"sts:DurationSeconds":"ten"}}`),
		"an unknown element":          with(`"Effects":"Deny"`),
		"two effects":                 document(`{"Effect":"Allow","Effect":"Deny","Action":"a:B","Resource":"*"}`),
		"two documents":               document(plainStatement) + document(plainStatement),
		"another version":             `{"Version":"2026-01-01","Statement":` + plainStatement + `}`,
		"half a surrogate":            document(`{"Effect":"Allow","Action":"a:B","Resource":"arn:aws:s3:::\ud800"}`),
		"cut off":                     document(plainStatement)[:60],
		"a zero byte":                 document(`{"Effect":"Allow","Action":"a:B","Resource":"*` + "\x00" + `"}`),
		"no policy":                   `"*"`,
		"null":                        `null`,
		"blank":                       ` `,
	}
}

// policyTakers are the operations that take a policy, as forms; DOCUMENT stands
// for it.
func policyTakers() map[string]string {
	return map[string]string{
		"iam CreatePolicy":                  "PolicyName=hostile&PolicyDocument=DOCUMENT",
		"iam CreatePolicyVersion":           "PolicyArn=arn:aws:iam::" + owner + ":policy/own&PolicyDocument=DOCUMENT&SetAsDefault=true",
		"iam PutUserPolicy":                 "UserName=ada&PolicyName=hostile&PolicyDocument=DOCUMENT",
		"iam PutRolePolicy":                 "RoleName=lambda&PolicyName=hostile&PolicyDocument=DOCUMENT",
		"iam PutGroupPolicy":                "GroupName=devs&PolicyName=hostile&PolicyDocument=DOCUMENT",
		"iam CreateRole":                    "RoleName=hostile&AssumeRolePolicyDocument=DOCUMENT",
		"iam UpdateAssumeRolePolicy":        "RoleName=lambda&PolicyDocument=DOCUMENT",
		"iam SimulateCustomPolicy":          "PolicyInputList.member.1=DOCUMENT&ActionNames.member.1=a:B",
		"iam GetContextKeysForCustomPolicy": "PolicyInputList.member.1=DOCUMENT",
		"sts AssumeRole":                    "RoleArn=arn:aws:iam::" + owner + ":role/open&RoleSessionName=session&Policy=DOCUMENT",
		"sts GetFederationToken":            "Name=guest&Policy=DOCUMENT",
	}
}

// form calls an operation of the query protocol as the root.
func (v *victim) form(operation, members string) answer {
	v.Helper()
	service, name, _ := strings.Cut(operation, " ")
	version := map[string]string{"iam": "2010-05-08", "sts": "2011-06-15"}[service]
	return v.as("test", service, "POST", "/", strings.NewReader("Action="+name+"&Version="+version+"&"+members), "Content-Type", "application/x-www-form-urlencoded")
}

// populated adds to a victim whom policies are put on.
func populated(t *testing.T) *victim {
	t.Helper()
	v := newVictim(t)
	ctx := v.owner()
	_, err := v.s.parts.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("ada")})
	must(t, err)
	_, err = v.s.parts.iam.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("devs")})
	must(t, err)
	_, err = v.s.parts.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("own"), PolicyDocument: aws.String(document(plainStatement))})
	must(t, err)
	_, err = v.s.parts.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("open"), AssumeRolePolicyDocument: aws.String(document(`{"Effect":"Allow","Principal":{"AWS":"` + owner + `"},"Action":"sts:AssumeRole"}`))})
	must(t, err)
	return v
}

// What is no policy is refused by every operation that takes one, in its own
// error, and leaves nothing behind.
func TestHostilePolicies(t *testing.T) {
	v := populated(t)
	before := v.footprint()
	details := v.form("iam GetAccountAuthorizationDetails", "").body
	for name, text := range hostileDocuments() {
		for operation, members := range policyTakers() {
			a := v.form(operation, strings.Replace(members, "DOCUMENT", url.QueryEscape(text), 1))
			code := between(a.body, "<Code>", "</Code>")
			switch {
			case a.status < 400 || a.status > 499 || code == "":
				v.Errorf("%s: %s answers %v", operation, name, a)
			case len(a.body) > 4*len(text)+4096: // AWS repeats what it refuses, and here it is escaped
				v.Errorf("%s: %s answers %d bytes", operation, name, len(a.body))
			}
		}
		v.hostileAPI(name, text)
	}
	after := v.form("iam GetAccountAuthorizationDetails", "").body
	if cut := func(s string) string { s, _, _ = strings.Cut(s, "<ResponseMetadata>"); return s }; cut(after) != cut(details) {
		v.Errorf("the account was\n%s\nand is\n%s", details, after)
	}
	v.recovers(before)
	v.alive()
}

// hostileAPI puts a document on an API, whose policy is a resource policy.
func (v *victim) hostileAPI(name, text string) {
	v.Helper()
	patch, err := json.Marshal(map[string]any{"patchOperations": []map[string]string{{"op": "replace", "path": "/policy", "value": text}}})
	must(v.T, err)
	if a := v.as("test", "apigateway", "PATCH", "/restapis/"+v.api, strings.NewReader(string(patch))); a.status < 400 || a.status > 499 {
		v.Errorf("UpdateRestApi: %s answers %v", name, a)
	}
}

// Policies that are legal and dear: they may be taken or refused, and then
// decide, at a price that does not grow with the wildcards' square.
func TestCatastrophicPolicies(t *testing.T) {
	v := populated(t)
	p := newPeople(t, v.s)
	key, err := p.root.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("ada")})
	must(t, err)
	functions := lambda.NewFromConfig(p.config(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, ""))
	for name, resource := range map[string]string{
		"*a*a*a…":             strings.Repeat("*a", 900),
		"*a*a*a…, at its end": "arn:aws:lambda:*:*:function:" + strings.Repeat("*a", 900) + "b",
		"*?*?…":               "arn:aws:lambda:" + strings.Repeat("*?", 900),
		"unicode":             "arn:aws:lambda:us-east-1:" + owner + ":function:Ünïcödé-🙂-\u202e-٣",
		"a fullwidth star":    "arn:aws:lambda:us-east-1:" + owner + ":function:＊",
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(resource)
			must(t, err)
			statement := `{"Effect":"Allow","Action":"lambda:GetFunction","Resource":` + string(text) + `,"Condition":{"StringNotLike":{"aws:UserAgent":` + string(text) + `}}}`
			a := v.form("iam PutUserPolicy", "UserName=ada&PolicyName=dear&PolicyDocument="+url.QueryEscape(document(statement)))
			if a.status != 200 && (a.status < 400 || a.status > 499) {
				t.Fatalf("PutUserPolicy: %v", a)
			}
			_, err = functions.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String(strings.Repeat("a", 60))})
			if err == nil {
				t.Error("a function that is not there was found")
			}
			// Whatever was put, f is none of it.
			_, err = functions.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: aws.String("f")})
			if err == nil {
				t.Error("the policy allows what it does not name")
			}
			simulated := v.form("iam SimulateCustomPolicy", "PolicyInputList.member.1="+url.QueryEscape(document(statement))+"&ActionNames.member.1=lambda:GetFunction&ResourceArns.member.1="+
				url.QueryEscape("arn:aws:lambda:us-east-1:"+owner+":function:"+strings.Repeat("a", 100)))
			if simulated.status >= 500 {
				t.Errorf("SimulateCustomPolicy: %v", simulated)
			}
		})
	}
	v.alive()
}

// AddPermission builds a statement from what it is given: nothing that it is
// given may become more of the policy than a value.
func TestHostilePermissions(t *testing.T) {
	v := populated(t)
	before := v.policyOf("f")
	base := map[string]string{"StatementId": "hostile", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com", "SourceArn": "arn:aws:execute-api:us-east-1:" + owner + ":abc/*"}
	big := strings.Repeat("a", 1<<20)
	for name, change := range map[string]map[string]string{
		"a statement in the id":         {"StatementId": `x","Effect":"Allow","Principal":"*`},
		"1 MB of id":                    {"StatementId": big},
		"an id in unicode":              {"StatementId": "Ünïcödé"},
		"an action of another service":  {"Action": "iam:*"},
		"1 MB of action":                {"Action": "lambda:" + big},
		"a list of actions":             {"Action": `lambda:InvokeFunction","lambda:*`},
		"a principal that is no ARN":    {"Principal": "arn:aws:iam::*:user/*"},
		"1 MB of principal":             {"Principal": big},
		"a quote in the principal":      {"Principal": `*"},"Condition":{"x`},
		"a source that is no ARN":       {"SourceArn": "nothing"},
		"1 MB of source":                {"SourceArn": "arn:aws:execute-api:us-east-1:" + owner + ":" + big},
		"an account that is none":       {"SourceAccount": "12345678901x"},
		"an account in Arabic numerals": {"SourceAccount": "١٢٣٤٥٦٧٨٩٠١٢"},
		"an organization that is none":  {"PrincipalOrgID": "o-\"}"},
	} {
		in := map[string]string{}
		for k, value := range base {
			in[k] = value
		}
		for k, value := range change {
			in[k] = value
		}
		body, err := json.Marshal(in)
		must(t, err)
		if a := v.as("test", "lambda", "POST", "/2015-03-31/functions/f/policy", strings.NewReader(string(body))); a.status < 400 || a.status > 499 || len(a.body) > 2*len(body)+4096 {
			v.Errorf("%s answers %d, %d bytes: %.400s", name, a.status, len(a.body), a.body)
		}
	}
	for _, source := range []string{"arn:aws:execute-api:us-east-1:" + owner + ":" + strings.Repeat("*a", 500), "arn:aws:execute-api:us-east-1:" + owner + ":🙂/*/\u202e/\"}"} {
		base["SourceArn"] = source
		body, err := json.Marshal(base)
		must(t, err)
		a := v.as("test", "lambda", "POST", "/2015-03-31/functions/f/policy", strings.NewReader(string(body)))
		switch {
		case a.status == 201: // then it is one value, letter by letter
			var policy struct {
				Statement []struct {
					Sid       string
					Condition map[string]map[string]string
				}
			}
			must(t, json.Unmarshal([]byte(v.policyOf("f")), &policy))
			found := ""
			for _, s := range policy.Statement {
				if s.Sid == "hostile" {
					found = s.Condition["ArnLike"]["AWS:SourceArn"]
				}
			}
			if found != source {
				v.Errorf("source %q became %q", source, found)
			}
			if a := v.as("test", "lambda", "DELETE", "/2015-03-31/functions/f/policy/hostile", nil); a.status != 204 {
				v.Errorf("RemovePermission: %v", a)
			}
		case a.status < 400 || a.status > 499:
			v.Errorf("source %.40q answers %v", source, a)
		}
	}
	if after := v.policyOf("f"); after != before {
		v.Errorf("the policy was %s and is %s", before, after)
	}
	v.alive()
}

// policyOf is the document of a function's policy.
func (v *victim) policyOf(function string) string {
	v.Helper()
	a := v.as("test", "lambda", "GET", "/2015-03-31/functions/"+function+"/policy", nil)
	var out struct{ Policy string }
	must(v.T, json.Unmarshal([]byte(a.body), &out))
	return out.Policy
}
