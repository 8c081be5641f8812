package doctor

import (
	"time"

	"github.com/stagedoor/stagedoor/internal/target"
)

// kind is the sort of an API.
type kind string

const (
	restKind      kind = "REST"
	httpKind      kind = "HTTP"
	webSocketKind kind = "WebSocket"
)

// api is one API as the examination sees it.
type api struct {
	kind        kind
	id, name    string
	policy      string // resource policy
	stages      []*stage
	live        []*method
	authorizers map[string]*authorizer
	unread      map[string]string
}

// stage is one stage and the methods that it runs.
type stage struct {
	api       *api
	name      string
	variables map[string]string
	canary    *canary // nil: none
	deployed  time.Time
	methods   []*method
	// deploysItself: what is configured on an HTTP or WebSocket API acts at once.
	deploysItself bool
	// fromLive says that the methods are the live configuration, because the
	// deployed one cannot be read.
	fromLive       bool
	gone           []string // deployed methods that the live configuration does not have
	added, changed []string // live methods that are not deployed, or deployed otherwise
	deployedPolicy *string  // the API's policy when the stage was deployed; nil: not known
}

type canary struct {
	percent    float64
	deployment string
	variables  map[string]string // the stage's, with the canary's overrides
	// own says that the canary runs another deployment than the stage, and
	// methods are the names of what that has, nil where nobody told.
	own     bool
	methods []string
}

// method is one method or route with its integration.
type method struct {
	verb, path string // as configured; of a WebSocket API the route key is the path
	routeKey   string // of HTTP and WebSocket APIs
	resourceID string
	auth       string // authorization type
	authorizer string // id
	keyNeeded  bool

	integration string // type: AWS_PROXY, AWS, HTTP, MOCK …
	uri         string
	httpMethod  string
	credentials string
	transfer    string // responseTransferMode
	// integrationID is that of an HTTP or WebSocket API, where an integration
	// may serve many routes.
	integrationID string
	timeout       int32 // milliseconds; 0: the default
}

func (m *method) name() string {
	switch {
	case m.verb == "" && m.path == "":
		return m.routeKey
	case m.verb == "":
		return m.path
	default:
		return m.verb + " " + m.path
	}
}

// authorizer is a Lambda authorizer, or one that calls no function.
type authorizer struct {
	id, name, uri, credentials string
	kind                       string // TOKEN, REQUEST, COGNITO_USER_POOLS, JWT
}

// Verdict is what a call will meet.
type Verdict string

// The verdicts.
const (
	Passes    Verdict = "passes"
	Refused   Verdict = "refused"   // for want of a grant
	Broken    Verdict = "broken"    // for another reason
	Undecided Verdict = "undecided" // the place does not tell enough: see Cell.Problem
)

// Level says how bad a finding is.
type Level string

// The levels, worst first.
const (
	Error   Level = "error"   // calls fail
	Warning Level = "warning" // calls fail under some circumstances, or anybody may call
	Info    Level = "info"    // nothing fails; it could be tidier
)

// AtLeast reports whether l is as bad as other or worse.
func (l Level) AtLeast(other Level) bool { return l.rank() <= other.rank() }

func (l Level) rank() int {
	switch l {
	case Error:
		return 0
	case Warning:
		return 1
	default:
		return 2
	}
}

// Finding is one thing that is wrong, on all the stages where it is the same.
type Finding struct {
	Code   string   `json:"code"`
	Title  string   `json:"title"`
	Level  Level    `json:"level"`
	API    string   `json:"api,omitempty"`
	Name   string   `json:"apiName,omitempty"`
	Method string   `json:"method,omitempty"` // "GET /users/{id}", "authorizer jwt"
	Stages []string `json:"stages,omitempty"`
	// Function is the ARN that is called, with its qualifier.
	Function string `json:"function,omitempty"`
	Sentence string `json:"sentence"`
	Evidence []Fact `json:"evidence,omitempty"`
	// Fix holds complete commands for a POSIX shell, in order.
	Fix []string `json:"fix,omitempty"`
	// NeedsDeployment: the fix acts only once the API is deployed again; the
	// deployment is among the commands.
	NeedsDeployment bool `json:"needsDeployment"`
	// Notes are what else is worth knowing, one sentence each.
	Notes []string `json:"notes,omitempty"`
}

// Fact is one piece of evidence.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Report is the result of an examination.
type Report struct {
	Account  string          `json:"account"`
	Region   string          `json:"region"`
	Endpoint string          `json:"endpoint,omitempty"`
	Taken    time.Time       `json:"taken"`
	Calls    int             `json:"calls"`
	Requests int64           `json:"requests,omitempty"`
	Cells    []Cell          `json:"cells"`
	Findings []Finding       `json:"findings"`
	Notes    []string        `json:"notes,omitempty"` // what could not be read or decided
	Unread   []target.Unread `json:"unread,omitempty"`
	// Policies are the function policies that calls depend on, by the ARN with
	// qualifier, and how far they are from Lambda's limit.
	Policies map[string]*Budget `json:"policies,omitempty"`
}

// Budget is the size of a function policy in bytes, of grants.PolicyLimit.
type Budget struct {
	Now   int `json:"now"`
	After int `json:"after"` // once the plan's commands have run

	statements []statement
}

// Worst returns the level of the worst finding, "" when there is none.
func (r *Report) Worst() Level {
	var worst Level
	for i := range r.Findings {
		if l := r.Findings[i].Level; worst == "" || l.AtLeast(worst) {
			worst = l
		}
	}
	return worst
}
