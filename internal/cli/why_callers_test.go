package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/target"
	"github.com/stagedoor/stagedoor/internal/why"
)

// A log that tells of refused clients, explained from the account's policies: the
// API's as it is deployed, and the role's.
func TestExplainRefusedCallers(t *testing.T) {
	const (
		account, group = "111122223333", "access"
		statement      = `{"Sid":"office","Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`
		client         = "arn:aws:sts::111122223333:assumed-role/client/run"
		anybody        = "anonymous"
		noResource     = " because no resource-based policy allows the execute-api:Invoke action"
		noIdentity     = " because no identity-based policy allows the execute-api:Invoke action"
	)
	policy := func(statements string) string { return `{"Version":"2012-10-17","Statement":[` + statements + `]}` }
	escaped, err := json.Marshal(policy(statement))
	if err != nil {
		t.Fatal(err)
	}
	line := func(who, path, reason, ip string) string {
		return `{"requestId":"r-1","ip":"` + ip + `","error":"User: ` + who + ` is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:eu-central-1:********3333:` + path + reason + `"}`
	}
	dump := func(change func(d *target.Dump)) *target.Dump {
		d := &target.Dump{Account: account, Region: "eu-central-1", RestAPIs: []*target.RestAPI{{
			API: rest.RestApi{Id: aws.String("a1b2c3d4e5"), Name: aws.String("shop"), Policy: aws.String(strings.Trim(string(escaped), `"`))},
			Resources: []rest.Resource{
				{Id: aws.String("r1"), Path: aws.String("/orders/{id}"), ResourceMethods: map[string]rest.Method{"GET": {HttpMethod: aws.String("GET")}}},
				{Id: aws.String("r2"), Path: aws.String("/{proxy+}"), ResourceMethods: map[string]rest.Method{"ANY": {HttpMethod: aws.String("ANY")}}},
			},
		}}}
		if change != nil {
			change(d)
		}
		return d
	}
	withRole := func(documents map[string]string) func(*target.Dump) {
		return func(d *target.Dump) {
			d.RestAPIs[0].API.Policy = nil
			d.Roles = []*target.Role{{ARN: "arn:aws:iam::111122223333:role/client", Name: "client", ID: "AROA", Inline: documents}}
		}
	}
	const mine = "a1b2c3d4e5/prod/GET/orders/42"
	for _, tc := range []struct {
		name, line string
		dump       *target.Dump
		want, not  []string
	}{
		{"from another address", line(anybody, mine, noResource, "198.51.100.7"), dump(nil),
			[]string{"✗ REFUSED GET /orders/42 on stage prod of a1b2c3d4e5 by anonymous", "wants aws:SourceIp IpAddress 192.0.2.0/24, and it is 198.51.100.7", "statement office",
				"aws apigateway update-rest-api", `\"aws:SourceIp\":\"198.51.100.7\"`, "create-deployment", "/prod/GET/orders/*"}, []string{"changed after", "another reason"}},
		{"from nobody knows where", line(anybody, mine, noResource, ""), dump(nil), []string{"which the request does not have", "$context.identity.sourceIp"}, []string{"Mend it"}},
		{"the deployed policy counts", line(anybody, mine, noResource, "192.0.2.7"), dump(func(d *target.Dump) {
			d.RestAPIs[0].Exports = map[string]json.RawMessage{"prod": json.RawMessage(`{"x-amazon-apigateway-policy":` + policy("") + `}`)}
		}), []string{"No statement of the API's resource policy allows anything."}, nil},
		{"allowed by now", line(anybody, mine, noResource, "192.0.2.7"), dump(nil), []string{"It would be allowed now"}, []string{"Mend it"}},
		{"a role without a policy", line(client, mine, noIdentity, ""), dump(withRole(map[string]string{"own": policy(`{"Sid":"other","Effect":"Allow","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:eu-central-1:111122223333:a1b2c3d4e5/dev/*"}`)})),
			[]string{"No policy of " + client + " allows execute-api:Invoke", "statement other", "dev", "aws iam put-role-policy --role-name client"}, []string{"another reason"}},
		{"a role that denies", line(client, "a1b2c3d4e5/prod/POST/x", " with an explicit deny in an identity-based policy", ""), dump(withRole(map[string]string{"own": policy(`{"Sid":"no","Effect":"Deny","Action":"*","Resource":"*"}`)})),
			[]string{"denies the call"}, []string{"another reason"}},
		{"another reason", line(client, mine, " with an explicit deny in an identity-based policy", ""), dump(withRole(nil)), []string{"The log gives another reason"}, nil},
		{"a user, whom nobody read", line("arn:aws:iam::111122223333:user/ada", mine, noIdentity, ""), dump(withRole(nil)), []string{"No policy of arn:aws:iam::111122223333:user/ada", "aws iam put-user-policy --user-name ada"}, nil},
		{"a user, and no reason", line("arn:aws:iam::111122223333:user/ada", mine, "", ""), dump(withRole(nil)), []string{"could not be read"}, []string{"Mend it"}},
		{"another account's", line("arn:aws:iam::444455556666:user/eve", mine, noResource, "192.0.2.7"), dump(func(d *target.Dump) { d.RestAPIs[0].API.Policy = nil }),
			[]string{"is of another account than the API (111122223333)", "444455556666"}, nil},
		{"an API that is gone", line(anybody, "gone/prod/GET/x", noResource, ""), dump(nil), []string{"The API gone is not there any more"}, []string{"Mend it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			failures := why.Failures(group, []why.LogEvent{{Time: time.Unix(0, 0), Message: tc.line}})
			var out bytes.Buffer
			all := logFailures{LogGroup: group, Failures: explainFailures(tc.dump, group, failures)}
			if err := all.print(&Environment{Stdout: &out}); err != nil {
				t.Fatal(err)
			}
			joined := strings.Join(strings.Fields(out.String()), " ")
			for _, want := range tc.want {
				if !strings.Contains(joined, want) {
					t.Errorf("%q is missing in:\n%s", want, out.String())
				}
			}
			for _, not := range tc.not {
				if strings.Contains(joined, not) {
					t.Errorf("%q is in:\n%s", not, out.String())
				}
			}
		})
	}
}
