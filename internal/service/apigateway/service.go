package apigateway

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Roles answers what API Gateway may do with an IAM role. A nil Roles accepts
// every role ("--lax roles").
type Roles interface {
	// MayAssume reports whether role exists in account and trusts the service
	// principal (apigateway.amazonaws.com).
	MayAssume(account, role, service string) bool
	// Allows reports whether the role's policies allow action on resource.
	Allows(role, action, resource string) bool
}

// Limits are the quotas of an account. Zero means no limit.
type Limits struct {
	APIs              int // per region
	ResourcesPerAPI   int
	StagesPerAPI      int
	VariablesPerStage int
	PolicyBytes       int // resource policy of an API, characters
	TimeoutMillis     int32
}

// DefaultLimits are AWS's default quotas
// (APIGW-DG:api-gateway-execution-service-limits-table). The number of APIs is
// left open: AWS's 600 protects a shared service, not a laptop.
func DefaultLimits() Limits {
	return Limits{
		ResourcesPerAPI:   300,
		StagesPerAPI:      10,
		VariablesPerStage: 100,
		PolicyBytes:       8192,
		TimeoutMillis:     29000,
	}
}

// Options configure a Service; the zero value is what production uses.
type Options struct {
	Roles  Roles  // nil: every role is accepted
	Tester Tester // nil: TestInvokeMethod answers that nothing can run methods
	Limits *Limits
	Now    func() time.Time        // nil: time.Now
	NewID  func(length int) string // nil: random lower-case letters and digits
}

// Service is the control plane of REST APIs.
type Service struct {
	store  *store.Store
	roles  Roles
	tester Tester
	limits Limits
	now    func() time.Time
	newID  func(length int) string
}

// New returns a Service over s.
func New(s *store.Store, o Options) *Service {
	svc := &Service{store: s, roles: o.Roles, tester: o.Tester, limits: DefaultLimits(), now: o.Now, newID: o.NewID}
	if o.Limits != nil {
		svc.limits = *o.Limits
	}
	if svc.now == nil {
		svc.now = time.Now
	}
	if svc.newID == nil {
		svc.newID = randomID
	}
	return svc
}

// Lengths of AWS's identifiers as recordings and consoles show them.
const (
	apiIDLength        = 10
	rootIDLength       = 10
	resourceIDLength   = 6
	deploymentIDLength = 6
)

// idAlphabet has 32 of the 36 characters AWS uses, so that a random byte maps
// to one without bias; 0, 1, l and o are left out because people read ids aloud.
const idAlphabet = "23456789abcdefghijkmnpqrstuvwxyz"

func randomID(length int) string {
	id := make([]byte, length)
	rand.Read(id) // never fails
	for i, b := range id {
		id[i] = idAlphabet[b%byte(len(idAlphabet))]
	}
	return string(id)
}

// timestamp is the current time in whole seconds: v1 dates are epoch seconds on
// the wire, and a record should read back as it was answered.
func (s *Service) timestamp() time.Time { return s.now().UTC().Truncate(time.Second) }

// scope is the part of the world a caller sees: records of another account or
// region do not exist for it.
type scope struct{ account, region string }

func scopeOf(ctx context.Context) scope {
	c := awswire.CallerFrom(ctx)
	return scope{account: c.Account, region: c.Region}
}

func (c scope) apiKey(api string) state.Key { return state.RestAPIKey(c.account, c.region, api) }

func (c scope) stageKey(api, stage string) state.Key {
	return state.StageKey(c.account, c.region, api, stage)
}

func (c scope) deploymentKey(api, deployment string) state.Key {
	return state.DeploymentKey(c.account, c.region, api, deployment)
}

// api returns the API record, or AWS's error for an unknown API.
func (s *Service) api(c scope, id string) (*state.RestAPI, error) {
	rec, _, err := store.Get[state.RestAPI](s.store, c.apiKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, errAPINotFound(c.account, id)
	}
	return rec, err
}

// updateAPI changes the API record in one compare-and-set. missing is the error
// for an unknown API: operations on a part of the tree report the part.
func (s *Service) updateAPI(ctx context.Context, c scope, id string, missing error, change func(*state.RestAPI) error) (*state.RestAPI, error) {
	rec, err := store.Update(ctx, s.store, c.apiKey(id), change)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, missing
	case errors.Is(err, store.ErrTooLarge):
		return nil, errTooLarge(err)
	}
	return rec, err
}

// undone returns err after an attempt to take back what was written before it.
func undone(err, undo error) error {
	if undo == nil || errors.Is(undo, store.ErrNotFound) {
		return err
	}
	return errors.Join(err, undo)
}
