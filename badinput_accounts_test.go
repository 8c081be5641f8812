package stagedoor

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/awswire"
)

// Whoever knows every id of another account sees nothing of it and changes
// nothing in it.
func TestOtherAccounts(t *testing.T) {
	v := newVictim(t)
	const stranger = "111122223333"
	function := "arn:aws:lambda:us-east-1:" + owner + ":function:f"
	stage := url.PathEscape("arn:aws:apigateway:us-east-1::/restapis/" + v.api + "/stages/dev")
	group := "/aws/lambda/f"
	root := between(v.as("test", "apigateway", "GET", "/restapis/"+v.api, nil).body, `"rootResourceId":"`, `"`)
	before := v.property()
	for _, text := range strings.Split(strings.TrimSpace(fmt.Sprintf(attacks, function, stage, group, v.api, root)), "\n") {
		f := strings.SplitN(text, " ", 4)
		service, method, path, body := f[0], f[1], f[2], ""
		if len(f) == 4 {
			body = f[3]
		}
		var header []string
		switch {
		case service == "logs":
			header, path = []string{"Content-Type", "application/x-amz-json-1.1", "X-Amz-Target", "Logs_20140328." + path}, "/"
		case method == "POST" && path == "/":
			header = []string{"Content-Type", "application/x-www-form-urlencoded"}
		}
		a := v.as(stranger, service, method, path, strings.NewReader(body), header...)
		switch {
		case a.status == 200 && empty(a.body): // a list of the stranger's own things
		case a.status < 400 || a.status > 404:
			t.Errorf("%s: got %v, want a refusal", text, a)
		}
		if strings.Contains(a.body, secret) || strings.Contains(a.body, "victim") {
			t.Errorf("%s: tells %v", text, a)
		}
	}
	if after := v.property(); after != before {
		t.Errorf("the owner's property was\n%s\nand is\n%s", before, after)
	}
	v.crossAccountCall(stranger, function)
	v.alive()
}

// attacks are "SERVICE METHOD PATH BODY", for logs "logs POST OPERATION BODY".
const attacks = `
lambda GET /2015-03-31/functions
lambda GET /2015-03-31/functions/f
lambda GET /2015-03-31/functions/%[1]s
lambda GET /2015-03-31/functions/` + owner + `:f
lambda GET /2015-03-31/functions/%[1]s/configuration
lambda GET /2015-03-31/functions/%[1]s/policy
lambda GET /2015-03-31/functions/%[1]s/versions
lambda GET /2015-03-31/functions/%[1]s/aliases
lambda DELETE /2015-03-31/functions/%[1]s
lambda DELETE /2015-03-31/functions/%[1]s/policy/api
lambda PUT /2015-03-31/functions/%[1]s/configuration {"Description":"evil"}
lambda PUT /2015-03-31/functions/%[1]s/code {"ZipFile":"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}
lambda PUT /2017-10-31/functions/%[1]s/concurrency {"ReservedConcurrentExecutions":0}
lambda POST /2015-03-31/functions/%[1]s/policy {"StatementId":"evil","Action":"lambda:*","Principal":"*"}
lambda POST /2015-03-31/functions/%[1]s/versions {}
lambda POST /2015-03-31/functions/%[1]s/aliases {"Name":"evil","FunctionVersion":"$LATEST"}
lambda POST /2015-03-31/functions/%[1]s/invocations {"do":"ok"}
lambda GET /2017-03-31/tags/%[1]s
lambda POST /2017-03-31/tags/%[1]s {"Tags":{"evil":"1"}}
lambda DELETE /2017-03-31/tags/%[1]s?tagKeys=a
apigateway GET /restapis
apigateway GET /restapis/%[4]s
apigateway DELETE /restapis/%[4]s
apigateway PATCH /restapis/%[4]s {"patchOperations":[{"op":"replace","path":"/name","value":"evil"}]}
apigateway GET /restapis/%[4]s/resources?embed=methods
apigateway POST /restapis/%[4]s/resources/%[5]s {"pathPart":"evil"}
apigateway DELETE /restapis/%[4]s/resources/%[5]s
apigateway PUT /restapis/%[4]s/resources/%[5]s/methods/GET {"authorizationType":"NONE"}
apigateway POST /restapis/%[4]s/resources/%[5]s/methods/GET {}
apigateway GET /restapis/%[4]s/stages
apigateway GET /restapis/%[4]s/stages/dev
apigateway DELETE /restapis/%[4]s/stages/dev
apigateway PATCH /restapis/%[4]s/stages/dev {"patchOperations":[{"op":"replace","path":"/variables/env","value":"evil"}]}
apigateway GET /restapis/%[4]s/deployments
apigateway POST /restapis/%[4]s/deployments {"stageName":"evil"}
apigateway GET /tags/%[2]s
apigateway PUT /tags/%[2]s {"tags":{"evil":"1"}}
iam POST / Action=GetRole&Version=2010-05-08&RoleName=lambda
iam POST / Action=DeleteRole&Version=2010-05-08&RoleName=lambda
iam POST / Action=UpdateAssumeRolePolicy&Version=2010-05-08&RoleName=lambda&PolicyDocument=%%7B%%22Version%%22%%3A%%222012-10-17%%22%%2C%%22Statement%%22%%3A%%5B%%5D%%7D
iam POST / Action=AttachRolePolicy&Version=2010-05-08&RoleName=lambda&PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess
sts POST / Action=AssumeRole&Version=2011-06-15&RoleSessionName=evil&RoleArn=arn:aws:iam::` + owner + `:role/lambda
logs POST DescribeLogGroups {}
logs POST DescribeLogStreams {"logGroupName":"%[3]s"}
logs POST FilterLogEvents {"logGroupName":"%[3]s"}
logs POST FilterLogEvents {"logGroupIdentifier":"arn:aws:logs:us-east-1:` + owner + `:log-group:%[3]s"}
logs POST DeleteLogGroup {"logGroupName":"%[3]s"}
logs POST PutRetentionPolicy {"logGroupName":"%[3]s","retentionInDays":1}
logs POST PutLogEvents {"logGroupName":"%[3]s","logStreamName":"evil","logEvents":[]}`

// empty recognises a list without entries, and an answer that says nothing.
func empty(body string) bool {
	for _, list := range []string{`{"Functions":[]}`, `{"item":[]}`, `{"_embedded":{}}`, `{"logGroups":[]}`, `{}`} {
		if body == list {
			return true
		}
	}
	return false
}

// property is everything that the owner sees of what is theirs.
func (v *victim) property() string {
	v.Helper()
	var all strings.Builder
	for _, f := range [][3]string{
		{"lambda", "/2015-03-31/functions"},
		{"lambda", "/2015-03-31/functions/f/policy"},
		{"lambda", "/2015-03-31/functions/f/versions"},
		{"lambda", "/2015-03-31/functions/f/aliases"},
		{"lambda", "/2017-03-31/tags/arn:aws:lambda:us-east-1:" + owner + ":function:f"},
		{"apigateway", "/restapis"},
		{"apigateway", "/restapis/" + v.api + "/resources?embed=methods"},
		{"apigateway", "/restapis/" + v.api + "/stages"},
		{"apigateway", "/restapis/" + v.api + "/deployments"},
	} {
		a := v.as("test", f[0], "GET", f[1], nil)
		if a.status != 200 {
			v.Errorf("the owner's %s: %v", f[1], a)
		}
		all.WriteString(f[1] + " " + a.body + "\n")
	}
	form := strings.NewReader("Action=GetRole&Version=2010-05-08&RoleName=lambda")
	role := v.as("test", "iam", "POST", "/", form, "Content-Type", "application/x-www-form-urlencoded").body
	all.WriteString(between(role, "<Role>", "</Role>"))
	return all.String()
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}

// crossAccountCall builds, in the stranger's account, an API that calls the
// owner's function, which AWS lets anybody build and nobody call without a grant:
// the owner's covers all of API Gateway, so it is taken back first.
func (v *victim) crossAccountCall(stranger, function string) {
	v.Helper()
	if a := v.as("test", "lambda", "DELETE", "/2015-03-31/functions/f/policy/api", nil); a.status != 204 {
		v.Errorf("RemovePermission: %v", a)
	}
	ctx := awswire.WithCaller(v.Context(), awswire.Caller{Account: stranger, Region: "us-east-1", ARN: "arn:aws:iam::" + stranger + ":root", Root: true})
	apis, get := v.s.parts.apis, aws.String("GET")
	api, err := apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("stranger")})
	must(v.T, err)
	_, err = apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: get, AuthorizationType: aws.String("NONE")})
	must(v.T, err)
	_, err = apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: get, Type: gatewaytypes.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"),
		Uri: aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/" + function + "/invocations"),
	})
	must(v.T, err)
	_, err = apis.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: aws.String("dev")})
	must(v.T, err)
	mine := v.api
	v.api = *api.Id
	v.want("a stranger's API", v.get("/"), 500, "InternalServerErrorException", `{"message": "Internal server error"}`)
	v.api = mine
	v.grant(v.owner(), "f")
}
