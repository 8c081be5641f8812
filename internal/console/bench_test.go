package console_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/console"
	"github.com/stagedoor/stagedoor/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/service/apigateway"
	"github.com/stagedoor/stagedoor/internal/service/iam"
	"github.com/stagedoor/stagedoor/internal/service/lambda"
	logsservice "github.com/stagedoor/stagedoor/internal/service/logs"
	"github.com/stagedoor/stagedoor/internal/service/sts"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
	"github.com/stagedoor/stagedoor/internal/why"
)

// The account of the issue: 300 APIs × 3 stages × 20 methods.
const (
	manyAPIs    = 300
	manyMethods = 20
)

// account is a console over real services and a real data plane, wired as
// package stagedoor does it, without a port in between.
type bigAccount struct {
	testing.TB
	store   *store.Store
	grants  *grants.Grants
	logs    *logs.Logs
	console *console.Console
	apis    []string
}

type nobody struct{}

func (nobody) Invoke(context.Context, *invoke.Request) (*invoke.Result, error) {
	return nil, io.EOF
}

// plane adapts the data plane as package stagedoor does.
type plane struct{ *gateway.Gateway }

func (p plane) Summaries(account, region string) (all []console.Summary) {
	for _, s := range p.Summary(account, region) {
		all = append(all, console.Summary{
			API: s.API, Stages: s.Stages, Methods: s.Methods, Allowed: s.Cells - s.Refused - s.Broken, Refused: s.Refused, Broken: s.Broken,
		})
	}
	return all
}

func (p plane) Matrix(account, region, api string) (all []console.Cell) {
	for _, c := range p.MatrixOf(account, region, api) {
		all = append(all, console.Cell{
			Cell: why.Cell{
				Account: c.Account, Region: c.Region, API: c.API, APIName: c.APIName, Stage: c.Stage,
				Verb: c.Verb, Path: c.Path, Function: c.Function, Allowed: c.Allowed, Problem: c.Problem, Decision: c.Decision,
			},
			Canary: c.Canary, Integration: c.Integration, SourceARN: c.SourceARN, Credentials: c.Credentials,
		})
	}
	return all
}

func (plane) Try(context.Context, *console.TryRequest) (*console.Trace, error) { return nil, io.EOF }

// inProcess carries requests to the control plane without a connection.
type inProcess struct{ control http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI, in.RemoteAddr = r.URL.RequestURI(), "127.0.0.1:1"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	t.control.ServeHTTP(w, in)
	return w.Result(), nil
}

func newBigAccount(t testing.TB, apis, methods int) *bigAccount {
	t.Helper()
	b := &bigAccount{TB: t, store: storetest.New(t)}
	b.fill(apis, methods)
	g := grants.New(b.store, grants.Options{})
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	written, err := logs.New(b.store, logs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = written.Close(context.Background()) })
	b.grants, b.logs = g, written
	id := identity.New(b.store, identity.Options{})
	control := awswire.NewServer(awswire.ServerOptions{
		Services: map[string]awswire.Operations{
			"lambda":     lambda.New(b.store, lambda.Options{}).Operations(),
			"apigateway": apigateway.New(b.store, apigateway.Options{}).Operations(),
			"iam":        iam.New(b.store, iam.Options{}).Operations(),
			"sts":        sts.New(b.store, id, sts.Options{}).Operations(),
			"logs":       logsservice.New(b.store, written, logsservice.Options{}).Operations(),
		},
		Authenticate: id.Authenticate, Account: account, Region: "us-east-1",
	})
	data := gateway.New(b.store, g, nobody{}, nil, gateway.Options{Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = data.Close(context.Background()) })
	b.console = console.New(console.Options{
		Config: func(who aws.CredentialsProvider, _ string) aws.Config {
			return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String("http://localhost:4566"), Credentials: who, HTTPClient: &http.Client{Transport: inProcess{control}}}
		},
		Gateway: plane{data}, Journal: g, Endpoint: "http://localhost:4566", Account: account, Region: "us-east-1", Version: "test",
	})
	return b
}

// fill writes the records of an account in which every fifth call is refused.
func (b *bigAccount) fill(apis, methods int) {
	b.Helper()
	put := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	now := time.Now()
	for i := range apis {
		id := fmt.Sprintf("api%07d", i)
		b.apis = append(b.apis, id)
		snapshot := state.APISnapshot{APIKeySource: "HEADER", EndpointTypes: []string{"EDGE"}, RootResourceID: "root", Resources: map[string]*state.Resource{
			"root": {ID: "root", Path: "/"},
		}}
		for m := range methods {
			rid, part := fmt.Sprintf("res%03d", m), fmt.Sprintf("resource-%d", m)
			snapshot.Resources[rid] = &state.Resource{ID: rid, ParentID: "root", PathPart: part, Path: "/" + part, Methods: map[string]*state.Method{
				"GET": {HTTPMethod: "GET", AuthorizationType: "NONE", Integration: &state.Integration{
					Type: "AWS_PROXY", HTTPMethod: "POST", TimeoutMillis: 29000,
					URI: "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:" + account + ":function:fn-" + fmt.Sprint(i) + "-${stageVariables.env}/invocations",
				}},
			}}
		}
		_, err := store.Put(b.Context(), b.store, state.RestAPIKey(account, "us-east-1", id), &state.RestAPI{
			Account: account, Region: "us-east-1", ID: id, Name: fmt.Sprintf("service-%d", i), CreatedDate: now, APISnapshot: snapshot,
		})
		put(err)
		_, err = store.Put(b.Context(), b.store, state.DeploymentKey(account, "us-east-1", id, "dep"), &state.Deployment{
			Account: account, Region: "us-east-1", API: id, ID: "dep", CreatedDate: now, APIName: fmt.Sprintf("service-%d", i), APISnapshot: snapshot,
		})
		put(err)
		for _, stage := range []string{"dev", "staging", "prod"} {
			_, err = store.Put(b.Context(), b.store, state.StageKey(account, "us-east-1", id, stage), &state.Stage{
				Account: account, Region: "us-east-1", API: id, Name: stage, DeploymentID: "dep", Variables: map[string]string{"env": stage}, CreatedDate: now, LastUpdatedDate: now,
			})
			put(err)
			name := fmt.Sprintf("fn-%d-%s", i, stage)
			f := &state.Function{Account: account, Region: "us-east-1", Name: name, ID: name, Latest: state.FunctionConfig{
				Version: "$LATEST", Runtime: "python3.13", Handler: "index.handler", Role: "arn:aws:iam::" + account + ":role/r", PackageType: "Zip", MemoryMB: 128, TimeoutSeconds: 3,
			}}
			if (i+len(stage))%5 != 0 {
				f.Policies = map[string]*state.FunctionPolicy{"": {Document: `{"Version":"2012-10-17","Id":"default","Statement":[{"Sid":"api","Effect":"Allow","Principal":{"Service":"apigateway.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"arn:aws:lambda:us-east-1:` + account + `:function:` + name + `","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:execute-api:us-east-1:` + account + `:` + id + `/*/*/*"}}}]}`}}
			}
			_, err = store.Put(b.Context(), b.store, state.FunctionKey(account, "us-east-1", name), f)
			put(err)
		}
	}
}

// page asks for a page as a browser on this machine does.
func (b *bigAccount) page(path string) *bytes.Buffer {
	r := httptest.NewRequest(http.MethodGet, "http://localhost:4566/_stagedoor/"+path, nil)
	r.RemoteAddr = "127.0.0.1:40000"
	w := httptest.NewRecorder()
	b.console.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d\n%s", path, w.Code, w.Body)
	}
	return w.Body
}

// BenchmarkPages renders each page for the account of the issue: ≤ 50 ms.
func BenchmarkPages(b *testing.B) {
	a := newBigAccount(b, manyAPIs, manyMethods)
	cell := "/cell?" + url.Values{"stage": {"dev"}, "verb": {"GET"}, "path": {"/resource-7"}}.Encode()
	for name, path := range map[string]string{
		"overview": "", "overview-search": "?q=service-29", "overview-last": "?page=8", "api": "apis/" + a.apis[1], "cell": "apis/" + a.apis[2] + cell, "integration": "apis/" + a.apis[0] + "/integration?resource=res003&verb=GET",
		"deploy": "apis/" + a.apis[0] + "/deploy", "stage": "apis/" + a.apis[0] + "/stages/dev", "sign-in": "sign-in",
	} {
		b.Run(name, func(b *testing.B) {
			a.page(path)
			var size int
			for b.Loop() {
				size = a.page(path).Len()
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// The overview stays small however large the account is.
func TestOverviewIsSmall(t *testing.T) {
	a := newBigAccount(t, manyAPIs, 2)
	for _, path := range []string{"", "?page=3", "?q=service"} {
		if size := a.page(path).Len(); size > 100<<10 {
			t.Errorf("%q: %d bytes, want 102400 at most", path, size)
		}
	}
}
