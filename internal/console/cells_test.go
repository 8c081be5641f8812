package console_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	gatewaytypes "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor/internal/console"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/why"
)

// planned is a data plane with the cells of a test.
type planned struct {
	console.Gateway
	cells []console.Cell
}

func (p *planned) Matrix(_, _, api string) []console.Cell {
	all := make([]console.Cell, len(p.cells))
	for i, c := range p.cells {
		c.API = api
		all[i] = c
	}
	return all
}

// Where one more statement does not help, no grant is offered: what would mend
// it stands there as a command, or as a sentence.
func TestCellsThatNoGrantMends(t *testing.T) {
	const function = "arn:aws:lambda:us-east-1:000000000000:function:f"
	decision := func(o grants.Outcome, code, sentence string, change ...func(*grants.Decision)) *grants.Decision {
		d := &grants.Decision{
			Outcome: o, Method: "GET", Path: "/x", Account: account, Region: "us-east-1", SourceAccount: account, FunctionARN: function, Resource: function,
			Cause: grants.Cause{Code: code, Sentence: sentence}, Fix: []string{"aws mend it"}, Nearest: -1,
		}
		for _, f := range change {
			f(d)
		}
		return d
	}
	plane := &planned{}
	w := newWorld(t, func(o *console.Options) {
		plane.Gateway = o.Gateway
		o.Gateway = plane
	})
	w.function("f")
	id := w.api("shop", "f")
	w.deploy(id, "dev", nil)
	b := w.browser()
	for _, c := range []struct {
		name  string
		cell  console.Cell
		has   []string
		lacks string
	}{
		{"allowed", console.Cell{Cell: why.Cell{Allowed: true, Function: function}}, []string{"✓</span> allowed"}, "Add the grant"},
		{"nothing is called", console.Cell{Cell: why.Cell{Allowed: true}, Integration: "MOCK"}, []string{"no function", "✓</span> allowed"}, "Add the grant"},
		{"cannot work", console.Cell{Cell: why.Cell{Problem: "the method has no integration"}}, []string{"!</span> cannot work", "the method has no integration"}, "Add the grant"},
		{"no function", console.Cell{Cell: why.Cell{Function: function, Decision: decision(grants.FunctionMissing, grants.CauseFunctionMissing, "There is no function f.")}},
			[]string{"✗</span> refused", "There is no function f.", "aws mend it"}, "Add the grant"},
		{"a role", console.Cell{Cell: why.Cell{Function: function, Decision: decision(grants.NoPermission, grants.CauseRolePolicy, "The role may not.", func(d *grants.Decision) { d.Credentials = "arn:aws:iam::000000000000:role/r" })}, Credentials: "arn:aws:iam::000000000000:role/r"},
			[]string{"With the role", "role/<wbr>r", "aws mend it"}, "Add the grant"},
		{"denied", console.Cell{Cell: why.Cell{Function: function, Decision: decision(grants.NoPermission, grants.CauseDenied, "A statement denies.")}}, []string{"A statement denies.", "aws mend it"}, "Add the grant"},
		{"$LATEST", console.Cell{Cell: why.Cell{Function: function + ":$LATEST", Decision: decision(grants.NoPermission, grants.CauseNoPolicy, "No policy.", func(d *grants.Decision) { d.Qualifier, d.Resource = "$LATEST", function+":$LATEST" })}}, []string{"aws mend it"}, "Add the grant"},
		{"another account", console.Cell{Cell: why.Cell{Function: strings.ReplaceAll(function, account, "111122223333"), Decision: decision(grants.NoPermission, grants.CauseNoPolicy, "No policy.", func(d *grants.Decision) {
			d.FunctionARN = strings.ReplaceAll(function, account, "111122223333")
		})}}, []string{"belongs to account 111122223333", "aws lambda add-permission", "--function-name arn:aws:lambda:us-east-1:111122223333:function:f"}, "Add the grant"},
		{"a canary", console.Cell{Cell: why.Cell{Function: function, Decision: decision(grants.NoPermission, grants.CauseNoPolicy, "No policy.")}, Canary: true}, []string{"canary", "Add the grant", "No policy."}, "aws mend it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.cell.Stage, c.cell.Verb, c.cell.Path = "dev", "GET", "/x"
			plane.cells = []console.Cell{c.cell}
			if c.cell.Canary {
				// The stage itself would pass: the worse of the two is shown.
				plane.cells = append(plane.cells, console.Cell{Cell: why.Cell{Stage: "dev", Verb: "GET", Path: "/x", Function: function, Allowed: true}})
			}
			v := b.see(cellAddress(id, "dev", "GET", "/x"))
			v.has(t, c.has...)
			v.lacks(t, c.lacks)
		})
	}
}

// An integration that calls no function yet is replaced; one of another kind is
// shown for what it is.
func TestOtherIntegrations(t *testing.T) {
	w := newWorld(t)
	id := w.story()
	resource, ctx := w.resource(id, "/hello"), context.Background()
	_, err := w.apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &id, ResourceId: &resource, HttpMethod: aws.String("PUT"), AuthorizationType: aws.String("NONE")})
	w.must(err)
	_, err = w.apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &id, ResourceId: &resource, HttpMethod: aws.String("POST"), AuthorizationType: aws.String("NONE")})
	w.must(err)
	_, err = w.apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: &id, ResourceId: &resource, HttpMethod: aws.String("POST"), Type: gatewaytypes.IntegrationTypeMock, RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`},
	})
	w.must(err)
	b := w.browser()
	b.see("/_stagedoor/apis/"+id).has(t, "! no integration", "MOCK", "! not on dev, prod, staging")
	address := "/_stagedoor/apis/" + id + "/integration"
	for _, verb := range []string{"PUT", "POST"} {
		v := b.see(address + "?resource=" + resource + "&verb=" + verb)
		if verb == "POST" {
			v.has(t, "integration of the type MOCK")
		}
		v = b.submit(v.form(t, address), "function", "my-function-dev")
		v.has(t, verb+" /hello of orders calls my-function-dev")
		in, err := w.apis.GetIntegration(ctx, &apigateway.GetIntegrationInput{RestApiId: &id, ResourceId: &resource, HttpMethod: &verb})
		w.must(err)
		if in.Type != gatewaytypes.IntegrationTypeAwsProxy || *in.HttpMethod != "POST" || !strings.HasSuffix(*in.Uri, ":function:my-function-dev/invocations") {
			t.Errorf("%s became %s %s %s", verb, in.Type, *in.HttpMethod, *in.Uri)
		}
	}
	// Two statements, one for each verb.
	if p := w.policy("my-function-dev", ""); !strings.Contains(p, "/*/PUT/hello") || !strings.Contains(p, "/*/POST/hello") {
		t.Errorf("policy %s", p)
	}
	if v := b.get(address + "?resource=" + resource + "&verb=DELETE"); v.status != 404 {
		t.Errorf("a method that is not there: %d", v.status)
	}
}
