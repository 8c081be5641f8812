package lambda

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
)

// maxPolicyBytes is the limit for a function's policy (LDG
// gettingstarted-limits: 20 KB).
const maxPolicyBytes = 20480

// document is a resource policy as Lambda writes it. Statements are kept as
// the text that AddPermission answered.
type document struct {
	Version   string            `json:"Version"`
	ID        string            `json:"Id"`
	Statement []json.RawMessage `json:"Statement"`
}

// statement is one grant, its members in AWS's order (AWS recording
// test_add_lambda_permission_fields).
type statement struct {
	Sid       string     `json:"Sid"`
	Effect    string     `json:"Effect"`
	Principal any        `json:"Principal"` // "*" or principal
	Action    string     `json:"Action"`
	Resource  string     `json:"Resource"`
	Condition *condition `json:"Condition,omitempty"`
}

type principal struct {
	Service string `json:"Service,omitempty"`
	AWS     string `json:"AWS,omitempty"`
}

// condition holds what AddPermission's members become. SourceArn is compared
// by ArnLike, although the API reference says StringLike (same recording).
type condition struct {
	StringEquals *stringEquals `json:"StringEquals,omitempty"`
	ArnLike      *arnLike      `json:"ArnLike,omitempty"`
	Bool         *boolean      `json:"Bool,omitempty"`
}

type stringEquals struct {
	SourceAccount       string `json:"AWS:SourceAccount,omitempty"`
	EventSourceToken    string `json:"lambda:EventSourceToken,omitempty"`
	FunctionURLAuthType string `json:"lambda:FunctionUrlAuthType,omitempty"`
	PrincipalOrgID      string `json:"aws:PrincipalOrgID,omitempty"`
}

type arnLike struct {
	SourceARN string `json:"AWS:SourceArn"`
}

// boolean: LDG urls-auth writes the value as a string.
type boolean struct {
	InvokedViaFunctionURL string `json:"lambda:InvokedViaFunctionUrl"`
}

// newStatement makes the statement that an AddPermission asks for.
func newStatement(t target, in *lambda.AddPermissionInput) (json.RawMessage, error) {
	who, err := newPrincipal(t, deref(in.Principal))
	if err != nil {
		return nil, err
	}
	if in.FunctionUrlAuthType != "" && deref(in.Action) != "lambda:InvokeFunctionUrl" {
		// unverified: the sentence has been seen in comments only.
		return nil, invalid("FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action")
	}
	raw := compactJSON(statement{
		Sid: deref(in.StatementId), Effect: "Allow", Principal: who, Action: deref(in.Action), Resource: t.arn(), Condition: newCondition(in),
	})
	// One statement that IAM cannot read ("${" without its "}" in a SourceArn)
	// would make the whole policy unreadable, so it must not get in.
	// unverified: what AWS answers.
	alone, err := (&document{Version: "2012-10-17", ID: "default", Statement: []json.RawMessage{raw}}).encode()
	if err != nil {
		return nil, err
	}
	if _, err := iampolicy.Parse([]byte(alone)); err != nil {
		return nil, unsupported("this statement would make the function's policy invalid: %v", err)
	}
	return raw, nil
}

func newCondition(in *lambda.AddPermissionInput) *condition {
	var c condition
	equals := stringEquals{
		SourceAccount: deref(in.SourceAccount), EventSourceToken: deref(in.EventSourceToken),
		FunctionURLAuthType: string(in.FunctionUrlAuthType), PrincipalOrgID: deref(in.PrincipalOrgID),
	}
	if equals != (stringEquals{}) {
		c.StringEquals = &equals
	}
	if arn := deref(in.SourceArn); arn != "" {
		c.ArnLike = &arnLike{arn}
	}
	if in.InvokedViaFunctionUrl != nil {
		// unverified: what AWS writes for an explicit false.
		c.Bool = &boolean{fmt.Sprint(*in.InvokedViaFunctionUrl)}
	}
	if c == (condition{}) {
		return nil
	}
	return &c
}

var (
	accountID     = regexp.MustCompile(`^\d{12}$`)
	principalARN  = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:(iam|sts)::\d{12}:(root|user/.+|role/.+|assumed-role/.+|federated-user/.+)$`)
	serviceDomain = regexp.MustCompile(`^[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com|amazonaws\.com\.cn|amazon\.com)$`)
)

// newPrincipal writes a principal as AWS does: "*" stays a bare string, an
// account becomes the ARN of its root, an ARN is an AWS principal, a domain a
// service (AWS recording test_add_lambda_permission_fields).
//
// AWS knows its services by name and looks up users and roles; here everything
// of the right form is a principal.
//
// unverified: which domains AWS refuses, beside that it does.
func newPrincipal(t target, name string) (any, error) {
	switch {
	case name == "*":
		return name, nil
	case accountID.MatchString(name):
		return principal{AWS: "arn:" + state.Partition(t.region) + ":iam::" + name + ":root"}, nil
	case principalARN.MatchString(name):
		return principal{AWS: name}, nil
	case serviceDomain.MatchString(name):
		return principal{Service: name}, nil
	}
	return nil, invalid("The provided principal was invalid. Please check the principal and try again.")
}

// parsePolicy reads a stored policy; nil is one without statements.
func parsePolicy(p *state.FunctionPolicy) (*document, error) {
	d := &document{Version: "2012-10-17", ID: "default"}
	if p == nil {
		return d, nil
	}
	if err := json.Unmarshal([]byte(p.Document), d); err != nil {
		return nil, fmt.Errorf("stored function policy: %w", err)
	}
	return d, nil
}

// find returns the index of the statement called sid, -1 if there is none.
func (d *document) find(sid string) int {
	for i, raw := range d.Statement {
		var s struct{ Sid string }
		if json.Unmarshal(raw, &s) == nil && s.Sid == sid {
			return i
		}
	}
	return -1
}

// encode writes the document, refusing one over the limit.
func (d *document) encode() (string, error) {
	text := string(compactJSON(d))
	if len(text) > maxPolicyBytes {
		// serverless/serverless#5357 and others quote the sentence.
		return "", &types.PolicyLengthExceededException{Type: user(), Message: new(fmt.Sprintf("The final policy size (%d) is bigger than the limit (%d).", len(text), maxPolicyBytes))}
	}
	return text, nil
}
