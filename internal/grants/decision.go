package grants

import (
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// Decision is one refusal (or, from Explain, one verdict) with everything that
// led to it. It is what the journal holds and what `stagedoor why --json`
// prints: fields are only ever added.
type Decision struct {
	ID        string    `json:"id"` // 8 characters that are easy to type; "" from Explain
	RequestID string    `json:"requestId,omitempty"`
	Time      time.Time `json:"time"`
	Mode      Mode      `json:"mode"` // "warn": the call was made all the same
	Outcome   Outcome   `json:"outcome"`

	// Count is how many identical refusals this Decision stands for, LastTime
	// the time of the newest, RequestIDs their request ids (bounded).
	Count      int       `json:"count"`
	LastTime   time.Time `json:"lastTime"`
	RequestIDs []string  `json:"requestIds,omitempty"`

	// Kind is DoorKind for a call of a function by API Gateway, which is what
	// the words below describe, and FrontKind for a call of a client to a
	// deployed API: then FunctionARN and the like are empty.
	Kind Kind `json:"kind,omitempty"`
	// Of a FrontKind: the request itself ("GET /users/42"), the access key that
	// signed it, and the message that the client got.
	Request     string `json:"request,omitempty"`
	AccessKeyID string `json:"accessKeyId,omitempty"`
	Answer      string `json:"answer,omitempty"`

	// Of a CallerKind: the operation of the control plane that was asked for,
	// "lambda CreateFunction".
	Operation string `json:"operation,omitempty"`
	// EncodedMessage is what STS's DecodeAuthorizationMessage opens.
	EncodedMessage string `json:"encodedMessage,omitempty"`

	Principal string `json:"principal"` // who asked: "apigateway.amazonaws.com" or a role session's ARN
	Action    string `json:"action"`
	Resource  string `json:"resource"` // the function's ARN with its qualifier

	Account      string `json:"account"`
	Region       string `json:"region"`
	API          string `json:"api"`
	Stage        string `json:"stage"`
	Method       string `json:"method"`
	Path         string `json:"path"` // the resource's template
	DeploymentID string `json:"deploymentId,omitempty"`
	// Canary: the stage's canary answered, from its own deployment and variables.
	Canary     bool `json:"canary,omitempty"`
	TestInvoke bool `json:"testInvoke,omitempty"`

	FunctionARN   string `json:"functionArn"` // unqualified
	Qualifier     string `json:"qualifier,omitempty"`
	SourceARN     string `json:"sourceArn"`
	SourceAccount string `json:"sourceAccount"`
	Credentials   string `json:"credentials,omitempty"` // the integration's role

	Context    []ContextValue `json:"context"` // the condition keys as the policies saw them
	Policies   []PolicyRead   `json:"policies"`
	Statements []Statement    `json:"statements"` // nearest miss first; bounded
	Omitted    int            `json:"omitted,omitempty"`
	// Nearest is the statement that nearly applied, or that denied: an index
	// into Statements, -1 when there is none worth showing.
	Nearest int `json:"nearest"`

	Cause Cause `json:"cause"`
	// Changed is what is different from the last state of the records in which
	// the call would have been allowed; empty where none is remembered.
	Changed []Change `json:"changed,omitempty"`
	// Fix holds complete commands, each on a line of its own when printed,
	// quoted for a POSIX shell.
	Fix   []string `json:"fix"`
	Notes []string `json:"notes,omitempty"` // what else is worth knowing, one sentence each
}

// Kind says what was asked.
type Kind string

// The kinds of Decision.
const (
	DoorKind  Kind = ""      // may API Gateway call the function?
	FrontKind Kind = "front" // may the client call the API?
)

// ContextValue is one condition key of the request.
type ContextValue struct {
	Key    string   `json:"key"`
	Values []string `json:"values"`
}

// PolicyKind says what a policy hangs on.
type PolicyKind string

// The kinds of policy that a Decision reads.
const (
	FunctionPolicy PolicyKind = "function policy"
	TrustPolicy    PolicyKind = "trust policy"
	RolePolicy     PolicyKind = "role policy"
	Boundary       PolicyKind = "permissions boundary"
)

// PolicyRead is one policy that was read for a Decision.
type PolicyRead struct {
	Kind     PolicyKind       `json:"kind"`
	Owner    string           `json:"owner"`              // ARN of the function (with qualifier) or role
	Name     string           `json:"name,omitempty"`     // of an inline policy, or ARN of a managed one
	Revision string           `json:"revision,omitempty"` // RevisionId of a function policy
	Missing  bool             `json:"missing,omitempty"`  // there is no such policy
	Count    int              `json:"count,omitempty"`    // of its statements
	Document string           `json:"document,omitempty"`
	Error    string           `json:"error,omitempty"` // why the document could not be read
	Effect   iampolicy.Effect `json:"effect"`
}

// Statement is one explained statement and the policy it stands in.
type Statement struct {
	Policy int `json:"policy"` // index into Decision.Policies
	iampolicy.StatementResult
}

// Cause names why a call was refused.
type Cause struct {
	Code     string `json:"code"`     // stable, kebab-case: see the Cause… constants
	Sentence string `json:"sentence"` // one sentence for a person
	// Segment is the differing piece of the SourceArn where the cause is one.
	Segment *iampolicy.Segment `json:"segment,omitempty"`
}

// NearestMiss returns the statement that nearly applied, or nil.
func (d *Decision) NearestMiss() *Statement {
	if d.Nearest < 0 || d.Nearest >= len(d.Statements) {
		return nil
	}
	return &d.Statements[d.Nearest]
}
