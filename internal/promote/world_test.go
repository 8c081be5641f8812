package promote_test

import (
	"archive/zip"
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	types "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/promote"
	"github.com/stagedoor/stagedoor/internal/target"
)

const (
	testAccount = "000000000000"
	testRegion  = "us-east-1"
)

// TestMain lets many tests run at once: each has a stagedoor of its own, and
// most of its time goes to waiting until a function's update is done.
func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", "6") // a flag of package testing, and a number
	}
	os.Exit(m.Run())
}

// world is a stagedoor in this process that is asked over HTTP.
type world struct {
	t        testing.TB
	endpoint string
	place    *target.Promoter
	cut      *cutter
	iam      *iam.Client
	lambda   *lambda.Client
	apis     *apigateway.Client
	role     string
	pid      int      // of the latest caller
	young    []string // functions that may not be Active yet
}

func newWorld(t testing.TB) *world {
	t.Helper()
	s, err := stagedoor.New(stagedoor.Options{Ephemeral: true, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	must(t, err)
	must(t, s.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, endpoint: s.Endpoint()}
	config := w.config()
	w.iam, w.lambda, w.apis = iam.NewFromConfig(config), lambda.NewFromConfig(config), apigateway.NewFromConfig(config)
	// Promotions go through a client of their own, whose calls can be cut off.
	cutting := w.config()
	w.cut = &cutter{client: cutting.HTTPClient, after: -1}
	cutting.HTTPClient = w.cut
	cutting.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	w.place = target.PromoterFromConfig(cutting, w.cut.count)
	out, err := w.iam.CreateRole(context.Background(), &iam.CreateRoleInput{RoleName: aws.String("functions"), AssumeRolePolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)})
	must(t, err)
	w.role = *out.Role.Arn
	return w
}

func (w *world) config() aws.Config {
	config, _, err := target.Place{Endpoint: w.endpoint}.Config(context.Background())
	must(w.t, err)
	return config
}

func (w *world) in(t testing.TB) *world {
	other := *w
	other.t = t
	return &other
}

type fataler interface {
	Helper()
	Fatal(...any)
}

func must(t fataler, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// cutter ends the connection to AWS at the n-th call.
type cutter struct {
	client  aws.HTTPClient
	mu      sync.Mutex
	calls   int64
	after   int  // calls that get through; negative: all
	applied bool // the first call that is cut off is carried out, its answer lost
	lost    bool
}

func (c *cutter) count() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls
}

// at lets n calls through and loses what comes after.
func (c *cutter) at(n int, applied bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after, c.applied, c.calls, c.lost = n, applied, 0, false
}

func (c *cutter) Do(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.calls++
	cut := c.after >= 0 && c.calls > int64(c.after)
	apply := cut && c.applied && !c.lost
	c.lost = c.lost || cut
	c.mu.Unlock()
	if !cut {
		return c.client.Do(r)
	}
	if apply {
		response, err := c.client.Do(r)
		if err == nil {
			response.Body.Close()
		}
	}
	return nil, fmt.Errorf("the connection was cut off")
}

// code is a package whose function says text.
func code(t testing.TB, text string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.py")
	must(t, err)
	_, err = f.Write([]byte("def handler(event, context):\n    return {'statusCode': 200, 'body': '" + text + " ' + context.invoked_function_arn.split(':function:')[1]}\n"))
	must(t, err)
	must(t, z.Close())
	return b.Bytes()
}

func (w *world) function(name, text string, environment ...string) {
	w.t.Helper()
	in := &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: types.RuntimePython312, Handler: aws.String("index.handler"), Role: &w.role,
		Code: &types.FunctionCode{ZipFile: code(w.t, text)},
	}
	if len(environment) > 0 {
		in.Environment = &types.Environment{Variables: pairs(environment)}
	}
	_, err := w.lambda.CreateFunction(context.Background(), in)
	must(w.t, err)
	w.young = append(w.young, name)
}

// grown waits until the functions that were made are Active: together, because
// each takes a while.
func (w *world) grown() {
	w.t.Helper()
	for _, name := range w.young {
		w.settle(name)
	}
	w.young = nil
}

func (w *world) settle(name string) {
	w.t.Helper()
	must(w.t, lambda.NewFunctionUpdatedV2Waiter(w.lambda, func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = 20*time.Millisecond, 50*time.Millisecond
	}).Wait(context.Background(), &lambda.GetFunctionInput{FunctionName: &name}, 30*time.Second))
}

// update changes the code of a function.
func (w *world) update(name, text string) {
	w.t.Helper()
	w.grown()
	_, err := w.lambda.UpdateFunctionCode(context.Background(), &lambda.UpdateFunctionCodeInput{FunctionName: &name, ZipFile: code(w.t, text)})
	must(w.t, err)
	w.settle(name)
}

func (w *world) publish(name string) string {
	w.t.Helper()
	w.grown()
	out, err := w.lambda.PublishVersion(context.Background(), &lambda.PublishVersionInput{FunctionName: &name})
	must(w.t, err)
	return *out.Version
}

func (w *world) alias(name, alias, version string) {
	w.t.Helper()
	_, err := w.lambda.CreateAlias(context.Background(), &lambda.CreateAliasInput{FunctionName: &name, Name: &alias, FunctionVersion: &version})
	must(w.t, err)
}

func invokeURI(function string) string {
	return "arn:aws:apigateway:" + testRegion + ":lambda:path/2015-03-31/functions/arn:aws:lambda:" + testRegion + ":" + testAccount + ":function:" + function + "/invocations"
}

// api makes a REST API with GET methods path=function, and with POST methods
// beside them where that begins with a star.
func (w *world) api(name string, routes ...string) (id string) {
	w.t.Helper()
	api, err := w.apis.CreateRestApi(context.Background(), &apigateway.CreateRestApiInput{Name: &name})
	must(w.t, err)
	for _, route := range routes {
		w.route(*api.Id, *api.RootResourceId, route)
	}
	return *api.Id
}

func (w *world) route(api, root, route string) {
	w.t.Helper()
	ctx := context.Background()
	path, function, _ := strings.Cut(route, "=")
	path, also := strings.CutPrefix(path, "*")
	resource, err := w.apis.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: &api, ParentId: &root, PathPart: &path})
	must(w.t, err)
	for _, verb := range []string{"GET", "POST"} {
		if verb == "POST" && !also {
			continue
		}
		_, err = w.apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: &api, ResourceId: resource.Id, HttpMethod: &verb, AuthorizationType: aws.String("NONE")})
		must(w.t, err)
		_, err = w.apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
			RestApiId: &api, ResourceId: resource.Id, HttpMethod: &verb, Type: rest.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("POST"), Uri: aws.String(invokeURI(function)),
		})
		must(w.t, err)
	}
}

// deploy deploys what is there to a stage with variables "name=value".
func (w *world) deploy(api, stage string, variables ...string) (deployment string) {
	w.t.Helper()
	w.grown()
	out, err := w.apis.CreateDeployment(context.Background(), &apigateway.CreateDeploymentInput{RestApiId: &api, StageName: &stage, Variables: pairs(variables)})
	must(w.t, err)
	return *out.Id
}

func pairs(list []string) map[string]string {
	out := map[string]string{}
	for _, pair := range list {
		name, value, _ := strings.Cut(pair, "=")
		out[name] = value
	}
	return out
}

// grant lets the API call a function, which may have a qualifier.
func (w *world) grant(api string, functions ...string) {
	w.t.Helper()
	for _, function := range functions {
		name, qualifier, qualified := strings.Cut(function, ":")
		in := &lambda.AddPermissionInput{
			FunctionName: &name, StatementId: aws.String("api-" + api), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("apigateway.amazonaws.com"),
			SourceArn: aws.String("arn:aws:execute-api:" + testRegion + ":" + testAccount + ":" + api + "/*"),
		}
		if qualified {
			in.Qualifier = &qualifier
		}
		_, err := w.lambda.AddPermission(context.Background(), in)
		must(w.t, err)
	}
}

// get calls the data plane.
func (w *world) get(api, stage, path string) (status int, body string) {
	w.t.Helper()
	response, err := http.Get(w.endpoint + "/restapis/" + api + "/" + stage + "/_user_request_" + path)
	must(w.t, err)
	defer response.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(response.Body)
	must(w.t, err)
	return response.StatusCode, b.String()
}

// state is what callers of a stage meet: what a promotion may change.
type state struct {
	Deployment string
	Variables  map[string]string
	Canary     bool
	Code       map[string]string // of functions
	Aliases    map[string]string // version and weights
}

// state reads it for the functions named "name" and aliases "name:alias".
func (w *world) state(api, stage string, functions ...string) state {
	w.t.Helper()
	ctx := context.Background()
	st, err := w.apis.GetStage(ctx, &apigateway.GetStageInput{RestApiId: &api, StageName: &stage})
	must(w.t, err)
	out := state{Deployment: *st.DeploymentId, Variables: maps.Clone(st.Variables), Canary: st.CanarySettings != nil, Code: map[string]string{}, Aliases: map[string]string{}}
	for _, function := range functions {
		name, alias, qualified := strings.Cut(function, ":")
		if qualified {
			a, err := w.lambda.GetAlias(ctx, &lambda.GetAliasInput{FunctionName: &name, Name: &alias})
			must(w.t, err)
			weights := map[string]float64{}
			if a.RoutingConfig != nil {
				weights = a.RoutingConfig.AdditionalVersionWeights
			}
			out.Aliases[function] = fmt.Sprint(*a.FunctionVersion, weights)
			continue
		}
		f, err := w.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: &name})
		must(w.t, err)
		out.Code[function] = *f.Configuration.CodeSha256
	}
	return out
}

// code is the hash of the code of "name" or "name:qualifier".
func (w *world) code(function string) string {
	w.t.Helper()
	f, err := w.lambda.GetFunction(context.Background(), &lambda.GetFunctionInput{FunctionName: &function})
	must(w.t, err)
	return *f.Configuration.CodeSha256
}

// somebody is a caller whose process is pid; those with lower numbers are dead.
func somebody(pid int) promote.Caller {
	return promote.Caller{Name: "alice@laptop", Machine: "m1", PID: pid, Alive: func(other int) bool { return other >= pid }}
}

func (w *world) plan(r promote.Request) *promote.Plan {
	w.t.Helper()
	p, err := promote.NewPlan(context.Background(), w.place, r)
	must(w.t, err)
	return p
}

func (w *world) run(p *promote.Plan) *promote.Result {
	w.t.Helper()
	result, err := p.Run(context.Background(), nil)
	must(w.t, err)
	return result
}

// patches are replacements "path=value".
func patches(list ...string) []rest.PatchOperation {
	var out []rest.PatchOperation
	for _, p := range list {
		path, value, _ := strings.Cut(p, "=")
		out = append(out, rest.PatchOperation{Op: rest.OpReplace, Path: &path, Value: &value})
	}
	return out
}
