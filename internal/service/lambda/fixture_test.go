package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const (
	testAccount = "111111111111"
	testRegion  = "us-east-1"
	testRole    = "arn:aws:iam::111111111111:role/lambda"
	fnARN       = "arn:aws:lambda:us-east-1:111111111111:function:fn"
)

// fixture is a Service with a clock that stands still, ids that count up, a
// role that exists and an Invoker that remembers.
type fixture struct {
	*Service
	ctx     context.Context
	invoker *fakeInvoker

	mu  sync.Mutex
	now time.Time
	ids int
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{
		ctx: awswire.WithCaller(t.Context(), awswire.Caller{
			Account: testAccount, Region: testRegion, ARN: "arn:aws:iam::111111111111:root", Root: true,
		}),
		invoker: &fakeInvoker{},
		now:     time.Date(2026, 11, 22, 13, 0, 0, 0, time.UTC),
	}
	f.Service = New(storetest.New(t), Options{
		Roles: fakeRoles{}, Invoker: f.invoker, UpdateTime: time.Second, PendingTime: time.Second,
		Now:   func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now },
		NewID: func() string { f.mu.Lock(); defer f.mu.Unlock(); f.ids++; return fmt.Sprintf("id-%d", f.ids) },
	})
	return f
}

// settle lets the last change be done.
func (f *fixture) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(time.Second)
}

// create makes a settled function.
func (f *fixture) create(t testing.TB, name string, change ...func(*lambda.CreateFunctionInput)) {
	t.Helper()
	in := createInput(name)
	for _, c := range change {
		c(in)
	}
	if _, err := f.CreateFunction(f.ctx, in); err != nil {
		t.Fatal(err)
	}
	f.settle()
}

// publish publishes $LATEST after a change of its description.
func (f *fixture) publishNew(t testing.TB, name string) string {
	t.Helper()
	f.mu.Lock()
	description := fmt.Sprint("change ", f.ids)
	f.mu.Unlock()
	if _, err := f.UpdateFunctionConfiguration(f.ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: &name, Description: &description}); err != nil {
		t.Fatal(err)
	}
	f.settle()
	out, err := f.PublishVersion(f.ctx, &lambda.PublishVersionInput{FunctionName: &name})
	if err != nil {
		t.Fatal(err)
	}
	return *out.Version
}

func createInput(name string) *lambda.CreateFunctionInput {
	return &lambda.CreateFunctionInput{
		FunctionName: &name, Role: new(testRole), Runtime: types.RuntimePython312, Handler: new("index.handler"),
		Code: &types.FunctionCode{ZipFile: zipOf("index.py", "def handler(event, context): return event")},
	}
}

func zipOf(name, content string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create(name)
	if err == nil {
		_, err = f.Write([]byte(content))
	}
	if err = errors.Join(err, w.Close()); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// apiError is what a client would see of an error: "Code: message".
func apiError(err error) string {
	if err == nil {
		return ""
	}
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if !errors.As(err, &api) {
		return "not an API error: " + err.Error()
	}
	return api.ErrorCode() + ": " + api.ErrorMessage()
}

var _ smithy.APIError = (*types.ResourceNotFoundException)(nil)

func wantError(t testing.TB, err error, want string) {
	t.Helper()
	if got := apiError(err); got != want {
		t.Errorf("error\n  got  %s\n  want %s", got, want)
	}
}

// fakeRoles: every role of the account whose name does not begin with "no".
type fakeRoles struct{}

func (fakeRoles) LambdaCanAssume(account, role string) bool {
	return strings.HasPrefix(role, "arn:aws:iam::"+account+":role/") && !strings.Contains(role, "role/no")
}

type fakeInvoker struct {
	calls  []*Invocation
	async  int
	result *InvocationResult
	err    error
}

func (f *fakeInvoker) Invoke(_ context.Context, call *Invocation) (*InvocationResult, error) {
	f.calls = append(f.calls, call)
	return f.result, f.err
}

func (f *fakeInvoker) InvokeAsync(_ context.Context, call *Invocation) error {
	f.async++
	f.calls = append(f.calls, call)
	return f.err
}
