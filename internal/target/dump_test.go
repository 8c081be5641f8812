package target

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	lambda "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func sample() *Dump {
	return &Dump{
		Format: Format, Version: Version, Taken: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Account: "111122223333", Region: "eu-central-1",
		RestAPIs: []*RestAPI{{
			API:       rest.RestApi{Id: aws.String("a1b2c3d4e5"), Name: aws.String("shop")},
			Resources: []rest.Resource{{Id: aws.String("r1"), Path: aws.String("/"), ResourceMethods: map[string]rest.Method{"GET": {HttpMethod: aws.String("GET")}}}},
			Stages:    []rest.Stage{{StageName: aws.String("prod"), Variables: map[string]string{"env": "prod"}}},
		}},
		Functions: []*Function{{
			Configuration: lambda.FunctionConfiguration{FunctionArn: aws.String("arn:aws:lambda:eu-central-1:111122223333:function:f")},
			Policies:      map[string]Policy{"": {Policy: "{}", RevisionID: "r"}},
		}},
		Roles: []*Role{{ARN: "arn:aws:iam::111122223333:role/r", Trust: "{}", Inline: map[string]string{"p": "{}"}}},
	}
}

func TestSaveLoad(t *testing.T) {
	var b bytes.Buffer
	if err := sample().Save(&b); err != nil {
		t.Fatal(err)
	}
	got, err := Load(&b)
	if err != nil {
		t.Fatal(err)
	}
	ignore := cmpopts.IgnoreUnexported(rest.RestApi{}, rest.Resource{}, rest.Method{}, rest.Stage{}, lambda.FunctionConfiguration{})
	if diff := cmp.Diff(sample(), got, ignore, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// What the aws CLI prints has its own letter case, and is taken as it is.
func TestLoadTakesTheLetterCaseOfTheCLI(t *testing.T) {
	d, err := Load(strings.NewReader(`{"format":"stagedoor-account","version":1,"account":"111122223333","region":"eu-central-1",
		"restApis":[{"api":{"id":"a1b2c3d4e5"},"resources":[{"path":"/","resourceMethods":{"GET":{"methodIntegration":{"uri":"u","httpMethod":"POST"}}}}],"stages":[]}],
		"functions":[{"configuration":{"FunctionArn":"arn:aws:lambda:eu-central-1:111122223333:function:f"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	in := d.RestAPIs[0].Resources[0].ResourceMethods["GET"].MethodIntegration
	if *in.Uri != "u" || *in.HttpMethod != "POST" {
		t.Errorf("%+v", in)
	}
}

func TestLoadRefuses(t *testing.T) {
	var whole bytes.Buffer
	if err := sample().Save(&whole); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, dump, want string }{
		{"nothing", "  \n", "the dump is empty"},
		{"truncated", whole.String()[:whole.Len()/2], "the dump is truncated: it ends after"},
		{"something else", `{"Reservations": []}`, "this is no dump"},
		{"a list", `[1]`, "cannot be read|is a JSON"},
		{"newer", `{"format":"stagedoor-account","version":2,"restApis":{"a":"new shape"}}`, "its version is 2, this one reads up to 1"},
		{"no version", `{"format":"stagedoor-account"}`, `no "version"`},
		{"wrong type", `{"format":"stagedoor-account","version":1,"functions":"none"}`, "functions is a JSON string"},
		{"broken", "{\"format\":\"stagedoor-account\",\n\"version\":1,,}", "no JSON: line 2"},
		{"API without id", `{"format":"stagedoor-account","version":1,"restApis":[{"api":{}}]}`, "has no api.id"},
		{"function without ARN", `{"format":"stagedoor-account","version":1,"functions":[{}]}`, "has no configuration.functionArn"},
		{"null function", `{"format":"stagedoor-account","version":1,"functions":[null]}`, "has no configuration.functionArn"},
		{"role without ARN", `{"format":"stagedoor-account","version":1,"roles":[{}]}`, "has no arn"},
		{"no account", `{"format":"stagedoor-account","version":1}`, "names no account"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(strings.NewReader(c.dump))
			found := false
			for want := range strings.SplitSeq(c.want, "|") {
				found = found || err != nil && strings.Contains(err.Error(), want)
			}
			if !found {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if c.name == "newer" && !errors.Is(err, ErrNewer) {
				t.Error("not ErrNewer")
			}
		})
	}
}

func FuzzLoad(f *testing.F) {
	var b bytes.Buffer
	if err := sample().Save(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.String())
	f.Add(`{"format":"stagedoor-account","version":1,"account":"1","region":"r","restApis":[{"api":{"id":"x"},"exports":{"s":1}}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := Load(strings.NewReader(text)); err == nil && d == nil {
			t.Error("neither a dump nor an error")
		}
	})
}
