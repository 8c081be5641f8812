package apigateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

// start is the time of the first call; each timestamp is a minute later.
var start = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a service with predictable ids and times: ids are "a…1", "a…2" in the
// order in which they are made.
type world struct {
	*Service
	t     testing.TB
	ctx   context.Context
	store *store.Store
	ids   int
	clock time.Time
}

func newWorld(t testing.TB, change ...func(*Options)) *world {
	w := &world{t: t, store: storetest.New(t), clock: start}
	w.ctx = awswire.WithCaller(t.Context(), awswire.Caller{Account: account, Region: region, Root: true})
	o := Options{
		NewID: func(length int) string {
			w.ids++
			return fmt.Sprintf("a%0*d", length-1, w.ids)
		},
		Now: func() time.Time {
			w.clock = w.clock.Add(time.Minute)
			return w.clock
		},
	}
	for _, f := range change {
		f(&o)
	}
	w.Service = New(w.store, o)
	return w
}

// must returns a function that fails the test at an error:
// must(w.GetStage(w.ctx, in))(t).
func must[T any](v T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// check fails the test unless err has AWS's code and message; an empty code
// means no error.
func check(t testing.TB, err error, code, message string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("unexpected error: %v", err)
		}
		return
	}
	got, ok := errors.AsType[interface {
		error
		ErrorCode() string
		ErrorMessage() string
	}](err)
	if !ok {
		t.Errorf("got %v, want %s: %s", err, code, message)
		return
	}
	if got.ErrorCode() != code || got.ErrorMessage() != message {
		t.Errorf("got  %s: %s\nwant %s: %s", got.ErrorCode(), got.ErrorMessage(), code, message)
	}
}

// api makes an API and returns its id and its root's.
func (w *world) api() (id, root string) {
	w.t.Helper()
	out := must(w.CreateRestApi(w.ctx, &apigateway.CreateRestApiInput{Name: aws.String("shop")}))(w.t)
	return *out.Id, *out.RootResourceId
}

// child makes a resource and returns its id.
func (w *world) child(api, parent, part string) string {
	w.t.Helper()
	return *must(w.CreateResource(w.ctx, &apigateway.CreateResourceInput{RestApiId: &api, ParentId: &parent, PathPart: &part}))(w.t).Id
}

// put makes a method without authorization.
func (w *world) put(api, resource, verb string) {
	w.t.Helper()
	must(w.PutMethod(w.ctx, &apigateway.PutMethodInput{
		RestApiId: &api, ResourceId: &resource, HttpMethod: &verb, AuthorizationType: aws.String("NONE"),
	}))(w.t)
}

// mock gives a method a MOCK integration.
func (w *world) mock(api, resource, verb string) {
	w.t.Helper()
	must(w.PutIntegration(w.ctx, &apigateway.PutIntegrationInput{
		RestApiId: &api, ResourceId: &resource, HttpMethod: &verb, Type: types.IntegrationTypeMock,
		RequestTemplates: map[string]string{"application/json": `{"statusCode": 200}`},
	}))(w.t)
}

// deployable makes an API with GET / as a MOCK.
func (w *world) deployable() (id, root string) {
	w.t.Helper()
	id, root = w.api()
	w.put(id, root, "GET")
	w.mock(id, root, "GET")
	return id, root
}

// deploy makes a deployment, with its stage unless that is "".
func (w *world) deploy(api, stage string) string {
	w.t.Helper()
	in := &apigateway.CreateDeploymentInput{RestApiId: &api}
	if stage != "" {
		in.StageName = &stage
	}
	return *must(w.CreateDeployment(w.ctx, in))(w.t).Id
}

// ops builds patch operations from "op path[=value]" lines; copy takes
// "copy path=from".
func ops(lines ...string) []types.PatchOperation {
	var list []types.PatchOperation
	for _, line := range lines {
		op, rest, _ := strings.Cut(line, " ")
		path, value, given := strings.Cut(rest, "=")
		p := types.PatchOperation{Op: types.Op(op), Path: &path}
		switch {
		case op == "copy":
			p.From = &value
		case given:
			p.Value = &value
		}
		list = append(list, p)
	}
	return list
}

func (w *world) updateStage(api, stage string, lines ...string) (*apigateway.UpdateStageOutput, error) {
	return w.UpdateStage(w.ctx, &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage, PatchOperations: ops(lines...)})
}

func (w *world) updateAccount(lines ...string) (*apigateway.UpdateAccountOutput, error) {
	return w.UpdateAccount(w.ctx, &apigateway.UpdateAccountInput{PatchOperations: ops(lines...)})
}

// logRole is an account role that every test may use: without Roles all are good.
const logRole = "arn:aws:iam::123456789012:role/gateway-logs"

// ignore drops what the SDK keeps for itself.
var ignore = cmp.Options{
	cmpopts.IgnoreUnexported(
		apigateway.GetRestApiOutput{}, apigateway.GetResourceOutput{}, apigateway.GetMethodOutput{},
		apigateway.GetIntegrationOutput{}, apigateway.GetStageOutput{}, apigateway.GetDeploymentOutput{},
		types.RestApi{}, types.EndpointConfiguration{}, types.Resource{}, types.Method{}, types.MethodResponse{},
		types.Integration{}, types.IntegrationResponse{}, types.Stage{}, types.MethodSetting{}, types.CanarySettings{},
		types.AccessLogSettings{}, types.Deployment{}, types.MethodSnapshot{}, types.TlsConfig{},
	),
	cmpopts.IgnoreTypes(middleware.Metadata{}),
}
