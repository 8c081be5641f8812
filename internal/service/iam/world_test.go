package iam_test

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/service/iam"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
)

const (
	acct      = "000000000000"
	trustEC2  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	allowList = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:ListFunctions"],"Resource":["*"]}]}`
)

// world is IAM behind a real control plane; clients are the SDK's, so names,
// shapes and error types have been over the wire.
type world struct {
	*sdk.Client
	store *store.Store
	url   string
}

func newWorld(t *testing.T) *world {
	s := storetest.New(t)
	server := awswire.NewServer(awswire.ServerOptions{
		Services:     map[string]awswire.Operations{"iam": iam.New(s, iam.Options{}).Operations()},
		Authenticate: identity.New(s, identity.Options{}).Authenticate,
	})
	if err := server.Check(); err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	w := &world{store: s, url: listener.URL}
	w.Client = w.as("test", "test", "")
	return w
}

func (w *world) as(key, secret, token string) *sdk.Client {
	return sdk.New(sdk.Options{
		Region: "us-east-1", BaseEndpoint: &w.url, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(key, secret, token),
	})
}

// refusal is what a client sees of an error.
type refusal struct {
	Code, Message string
	Status        int
}

func refused(err error) refusal {
	var api smithy.APIError
	var status interface{ HTTPStatusCode() int }
	if !errors.As(err, &api) || !errors.As(err, &status) {
		if err == nil {
			return refusal{}
		}
		return refusal{Message: err.Error()}
	}
	return refusal{api.ErrorCode(), api.ErrorMessage(), status.HTTPStatusCode()}
}

// must is for calls that prepare a test: must(call())(t).
func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func (w *world) role(t testing.TB, name string) string {
	t.Helper()
	out := must(w.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trustEC2)}))(t)
	return *out.Role.Arn
}

func (w *world) user(t testing.TB, name string) string {
	t.Helper()
	return *must(w.CreateUser(t.Context(), &sdk.CreateUserInput{UserName: &name}))(t).User.Arn
}

func (w *world) group(t testing.TB, name string) string {
	t.Helper()
	return *must(w.CreateGroup(t.Context(), &sdk.CreateGroupInput{GroupName: &name}))(t).Group.Arn
}

func (w *world) policy(t testing.TB, name string) string {
	t.Helper()
	out := must(w.CreatePolicy(t.Context(), &sdk.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(allowList)}))(t)
	return *out.Policy.Arn
}
