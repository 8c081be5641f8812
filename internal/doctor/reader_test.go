package doctor_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// The policy of the help is enough for doctor, and it allows nothing but
// reading: what stays unread is only what this place does not have.
func TestReadOnlyUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.function("read")
	w.published("read", "live")
	_, err := w.iam.PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{
		RoleName: aws.String(w.newGatewayRole("reader")), PolicyName: aws.String("p"), PolicyDocument: aws.String(invokePolicy("*"))})
	must(t, err)
	id := w.api("read", route{verb: "GET", path: "/hello", function: "read:live"},
		route{verb: "POST", path: "/hello", function: "read", credentials: "arn:aws:iam::" + testAccount + ":role/reader"})
	w.stage(id, "prod")

	user := "doctor"
	_, err = w.iam.CreateUser(context.Background(), &iam.CreateUserInput{UserName: &user})
	must(t, err)
	_, err = w.iam.PutUserPolicy(context.Background(), &iam.PutUserPolicyInput{UserName: &user, PolicyName: aws.String("read"), PolicyDocument: aws.String(target.ReadPolicy)})
	must(t, err)
	key, err := w.iam.CreateAccessKey(context.Background(), &iam.CreateAccessKeyInput{UserName: &user})
	must(t, err)

	config, requests, err := target.Place{Endpoint: w.endpoint, Getenv: func(name string) string {
		return map[string]string{"AWS_ACCESS_KEY_ID": *key.AccessKey.AccessKeyId, "AWS_SECRET_ACCESS_KEY": *key.AccessKey.SecretAccessKey}[name]
	}}.Config(context.Background())
	must(t, err)
	d, err := target.Read(context.Background(), target.FromConfig(config, requests), target.Options{Wanted: doctor.Wanted(nil)})
	must(t, err)
	for _, u := range d.Unread {
		if u.Code != "UnsupportedOperation" {
			t.Errorf("unread: %s", u)
		}
	}
	if report := doctor.Examine(d, doctor.Options{}); len(report.Cells) != 2 || withCode(report.Findings, "SD100") != nil {
		t.Errorf("%+v", report.Findings)
	}
	if err := doctor.Run(context.Background(), target.ChangesFromConfig(config), "aws apigateway create-deployment --rest-api-id "+id+" --stage-name prod"); err == nil {
		t.Error("the reader may deploy")
	}
}

// newGatewayRole makes a role that API Gateway may assume.
func (w *world) newGatewayRole(name string) string {
	w.newRole(name, gatewayTrust)
	return name
}
