package promote_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/stagedoor/stagedoor/internal/promote"
	"github.com/stagedoor/stagedoor/internal/target"
)

// as is the place as a user sees it who may do what policy says.
func (w *world) as(name, policy string) *world {
	w.t.Helper()
	ctx := context.Background()
	_, err := w.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: &name})
	must(w.t, err)
	_, err = w.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("all"), PolicyDocument: &policy})
	must(w.t, err)
	key, err := w.iam.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: &name})
	must(w.t, err)
	config := w.config()
	config.Credentials = credentials.NewStaticCredentialsProvider(*key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")
	other := *w
	other.place = target.PromoterFromConfig(config, func() int64 { return 0 })
	return &other
}

// The policies in the help of the commands are enough for them; without one
// they say what is missing and change nothing.
func TestPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := ungranted(w)
	request := promote.Request{
		API: api, From: "dev", To: "staging", Fix: true, Set: map[string]string{"x": "1"}, Caller: somebody(1),
		Canary: 50, Bake: time.Millisecond, AbortOn: limits(t, "5xx>1%"), Probes: []promote.Probe{{Verb: "GET", Path: "/hello", Status: 200}},
	}
	promoter := w.as("promoter", promote.Policy)
	if result := promoter.run(promoter.plan(request)); result.Outcome != promote.Promoted || result.Record.By != "arn:aws:iam::"+testAccount+":user/promoter" {
		t.Errorf("%+v", result)
	}
	past, err := promote.History(context.Background(), w.as("reader", promote.HistoryPolicy).place, api, "staging", true)
	must(t, err)
	if len(past.Promotions) != 1 || len(past.Promotions[0].Functions) != 2 {
		t.Errorf("%+v", past)
	}
	undoer := w.as("undoer", promote.RollbackPolicy)
	p, err := promote.Rollback(context.Background(), undoer.place, promote.RollbackRequest{API: api, Stage: "staging", Caller: somebody(1)})
	must(t, err)
	if result := undoer.run(p); result.Outcome != promote.RolledBack {
		t.Errorf("%+v", result)
	}

	nobody := w.as("nobody", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"apigateway:GET","Resource":"*"}]}`)
	_, err = promote.NewPlan(context.Background(), nobody.place, request)
	var denied smithy.APIError
	if !errors.As(err, &denied) || denied.ErrorCode() != "AccessDeniedException" {
		t.Errorf("%v", err)
	}
}

// Whoever may read and not change finds that out before anything has changed.
func TestReadersCannotPromote(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := stages(w)
	old := w.state(api, "staging", stageFunctions...)
	reader := w.as("reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["apigateway:*","lambda:Get*","lambda:List*"],"Resource":"*"}]}`)
	p := reader.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)})
	result, err := p.Run(context.Background(), nil)
	var denied smithy.APIError
	if !errors.As(err, &denied) || denied.ErrorCode() != "AccessDeniedException" || result.Record.State != promote.Undone {
		t.Errorf("%v %+v", err, result)
	}
	if now := w.state(api, "staging", stageFunctions...); now.Deployment != old.Deployment {
		t.Errorf("%+v", now)
	}
	// Nothing is left to go on with.
	if p := w.plan(promote.Request{API: api, From: "dev", To: "staging", Caller: somebody(1)}); p.Kind != "promotion" || p.Resumes != nil {
		t.Errorf("%+v", p)
	}
}
