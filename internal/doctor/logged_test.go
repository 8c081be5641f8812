package doctor

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	v2 "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/target"
)

// A logged call leads to the method that API Gateway would take.
func TestLogged(t *testing.T) {
	on := func(verb, path string, verdict Verdict) Cell {
		return Cell{
			API: "api", Stage: "dev", Method: verb + " " + path, Verdict: verdict,
			SourceARN: "arn/dev/" + verb + path, method: &method{verb: verb, path: path},
		}
	}
	r := &Report{Cells: []Cell{
		on("GET", "/users", Passes),
		on("ANY", "/users/{id}", Refused),
		on("GET", "/users/{id}", Refused),
		on("ANY", "/users/me", Passes),
		on("ANY", "/{proxy+}", Refused),
		{API: "api", Stage: "dev", Method: "authorizer jwt", Verdict: Refused, authorizer: &authorizer{id: "auth01"}},
		{API: "api", Stage: "dev", Method: "authorizer idle", Verdict: Passes, authorizer: &authorizer{id: "auth02"}},
		{API: "other", Stage: "dev", Method: "GET /users", Verdict: Refused, method: &method{verb: "GET", path: "/users"}},
		{API: "api", Stage: "dev", Method: "$default", Verdict: Refused, method: &method{routeKey: "$default"}},
	}}
	for _, tc := range []struct {
		name string
		call Logged
		want []string
	}{
		{"by its SourceArn", Logged{SourceARN: "arn/dev/ANY/{proxy+}", Verb: "GET", Path: "/users"}, []string{"ANY /{proxy+}"}},
		{"by its method", Logged{Method: "GET /users/{id}", Verb: "GET", Path: "/users/7"}, []string{"GET /users/{id}"}},
		{"a method that is gone", Logged{Method: "GET /gone"}, nil},
		{"by its template", Logged{Verb: "GET", Path: "/users/{id}"}, []string{"GET /users/{id}"}},
		{"the verb before ANY", Logged{Verb: "GET", Path: "/users/7"}, []string{"GET /users/{id}"}},
		{"ANY where there is no such verb", Logged{Verb: "PUT", Path: "/users/7"}, []string{"ANY /users/{id}"}},
		{"the literal path first", Logged{Verb: "GET", Path: "/users/me"}, []string{"ANY /users/me"}},
		{"the greedy path last", Logged{Verb: "GET", Path: "/x/y"}, []string{"ANY /{proxy+}"}},
		{"nothing known: all that do not pass", Logged{}, []string{"ANY /users/{id}", "GET /users/{id}", "ANY /{proxy+}", "$default"}},
		{"an authorizer", Logged{Authorizer: "auth01", OfAuthorizer: true}, []string{"authorizer jwt"}},
		{"some authorizer", Logged{OfAuthorizer: true}, []string{"authorizer jwt"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.call.API, tc.call.Stage = "api", "dev"
			var got []string
			for _, c := range r.Logged(tc.call) {
				got = append(got, c.Method)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLoggingTo(t *testing.T) {
	const group = "arn:aws:logs:us-east-1:111122223333:log-group:"
	d := &target.Dump{
		RestAPIs: []*target.RestAPI{{
			API: rest.RestApi{Id: aws.String("r")},
			Stages: []rest.Stage{
				{StageName: aws.String("dev"), AccessLogSettings: &rest.AccessLogSettings{DestinationArn: aws.String(group + "access")}},
				{StageName: aws.String("prod"), AccessLogSettings: &rest.AccessLogSettings{DestinationArn: aws.String(group + "access-prod")}},
				{StageName: aws.String("quiet")},
			},
		}},
		HTTPAPIs: []*target.HTTPAPI{{
			API:    v2.Api{ApiId: aws.String("h")},
			Stages: []v2.Stage{{StageName: aws.String("$default"), AccessLogSettings: &v2.AccessLogSettings{DestinationArn: aws.String(group + "access:*")}}},
		}},
	}
	want := []StageOf{{API: "r", Stage: "dev"}, {API: "h", Stage: "$default"}}
	if diff := cmp.Diff(want, LoggingTo(d, "access")); diff != "" {
		t.Error(diff)
	}
}
