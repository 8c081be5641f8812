package iam_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/service/iam"
)

// statement wraps the inside of one statement into a document.
func statement(inside string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` + inside + `}]}`
}

func TestTrustPolicyDocuments(t *testing.T) {
	w := newWorld(t)
	user := w.user(t, "Ada")
	role := w.role(t, "Other")
	assume := `"Action":"sts:AssumeRole","Principal":`
	for document, want := range map[string]string{
		trustEC2: "",
		statement(assume + `{"AWS":"000000000000"}`):                                   "",
		statement(assume + `{"AWS":"arn:aws:iam::111111111111:root"}`):                 "",
		statement(assume + `{"AWS":["` + user + `","` + role + `"]}`):                  "",
		statement(assume + `{"AWS":"arn:aws:sts::000000000000:assumed-role/Other/s"}`): "",
		statement(assume + `{"AWS":"*"}`):                                              "",
		statement(assume + `"*"`):                                                      "",
		statement(assume + `{"Federated":"cognito-identity.amazonaws.com"}`):           "",
		`{"Statement":[{"Effect":"Allow",` + assume + `{"AWS":"000000000000"}}]}`:      "", // version 2008-10-17
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow",` + assume + `"*"}}`:    "",
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",}]}`:               "This policy contains invalid Json", // recording test_create_role_with_malformed_assume_role_policy_document
		`not json`: "This policy contains invalid Json",
		`[]`:       "Syntax errors in policy.",
		`{"Version":"2012-10-17","Statement":"x"}`:                                      "Syntax errors in policy.",
		statement(assume + `"*","Resource":"*"`):                                        "Has prohibited field Resource",
		statement(`"Action":"sts:AssumeRole"`):                                          "Missing required field Principal",
		statement(`"Principal":"*","Action":"lambda:InvokeFunction"`):                   "AssumeRole policy may only specify STS AssumeRole actions.",
		statement(assume + `{"Service":"lambda"}`):                                      `Invalid principal in policy: "SERVICE":"lambda"`,
		statement(assume + `{"AWS":"arn:aws:iam::000000000000:user/none"}`):             `Invalid principal in policy: "AWS":"arn:aws:iam::000000000000:user/none"`,
		statement(assume + `{"AWS":"nobody"}`):                                          `Invalid principal in policy: "AWS":"nobody"`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Maybe",` + assume + `"*"}]}`:   "Syntax errors in policy.",
		`{"Version":"2013-10-17","Statement":[{"Effect":"Allow",` + assume + `"*"}]}`:   "Syntax errors in policy.",
		statement(assume + `"*","Condition":{"StringEqual":{"aws:SourceAccount":"1"}}`): "Syntax errors in policy.",
	} {
		_, err := w.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: aws.String("R"), AssumeRolePolicyDocument: &document})
		got := refused(err)
		wanted := refusal{"MalformedPolicyDocument", want, 400}
		if want == "" {
			wanted = refusal{}
			if err == nil {
				must(w.DeleteRole(t.Context(), &sdk.DeleteRoleInput{RoleName: aws.String("R")}))(t)
			}
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%s: %s", document, diff)
		}
	}
	long := statement(assume + `{"AWS":"000000000000"},"Sid":"` + strings.Repeat("x", 2048) + `"`)
	_, err := w.CreateRole(t.Context(), &sdk.CreateRoleInput{RoleName: aws.String("R"), AssumeRolePolicyDocument: &long})
	if diff := cmp.Diff(refusal{"LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048", 409}, refused(err)); diff != "" {
		t.Error(diff)
	}
}

func TestIdentityPolicyDocuments(t *testing.T) {
	w := newWorld(t)
	w.role(t, "R")
	for document, want := range map[string]string{
		allowList:                                "",
		statement(`"Action":"*","Resource":"*"`): "",
		statement(`"NotAction":"iam:*","Resource":"arn:aws:s3:::b/*"`):                                "",
		statement(`"Action":"s3:*","Resource":"arn:*:s3:::b"`):                                        "",
		statement(`"Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":true}}`): "",
		`{`: "This policy contains invalid Json",
		statement(`"Action":"s3:*","Resource":"*","Principal":"*"`): "Policy document should not specify a principal.",
		statement(`"Resource":"*"`):                                 "Policy statement must contain actions.",
		statement(`"Action":"s3:GetObject"`):                        "Policy statement must contain resources.",
		statement(`"Action":"GetObject","Resource":"*"`):            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
		statement(`"Action":"s3:Get:Object","Resource":"*"`):        "Actions/Condition can contain only one colon.",
		statement(`"Action":"s3:*","Resource":"bucket"`):            `Resource bucket must be in ARN format or "*".`,
		statement(`"Action":"s3:*","Resource":"arn:aw:s3:::b"`):     `Partition "aw" is not valid for resource "arn:aw:s3:::b".`,
		`{"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}]}`: "Statement IDs (SID) in a single policy must be unique.",
		statement(`"Sid":"a b","Action":"*","Resource":"*"`): "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
		statement(`"Action":"*","Resource":"*","Foo":1`):     "Syntax errors in policy.",
	} {
		_, err := w.PutRolePolicy(t.Context(), &sdk.PutRolePolicyInput{RoleName: aws.String("R"), PolicyName: aws.String("p"), PolicyDocument: &document})
		wanted := refusal{"MalformedPolicyDocument", want, 400}
		if want == "" {
			wanted = refusal{}
		}
		if diff := cmp.Diff(wanted, refused(err)); diff != "" {
			t.Errorf("%s: %s", document, diff)
		}
	}
	old := `{"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
	_, err := w.CreatePolicy(t.Context(), &sdk.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: &old})
	if diff := cmp.Diff(refusal{"MalformedPolicyDocument", "Policy document must be version 2012-10-17 or greater.", 400}, refused(err)); diff != "" {
		t.Error(diff)
	}
}

// Every document that AWS wrote is one that we understand.
func TestManagedDocumentsParse(t *testing.T) {
	data, err := os.ReadFile("managed/policies.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		var head struct{ Name, Path string }
		if err := json.Unmarshal([]byte(line), &head); err != nil {
			t.Fatal(err)
		}
		document, ok := iam.ManagedPolicy("arn:aws:iam::aws:policy" + head.Path + head.Name)
		if _, err := iampolicy.Parse([]byte(document)); err != nil || !ok {
			t.Errorf("%s: %v, %v", head.Name, ok, err)
		}
		n++
	}
	if n < 150 {
		t.Errorf("%d policies", n)
	}
}
