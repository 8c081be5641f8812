package lambda

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/store"
)

// DefaultUpdateTime is how long the API shows a changed function as InProgress
// and refuses another change of it. AWS takes one to a few seconds: programs
// that change a function twice without waiting fail there, and here. A new
// function is Pending only in the answer to CreateFunction, because the
// waiters of the SDKs look again after a second at the earliest, after five
// where they are old.
const DefaultUpdateTime = 250 * time.Millisecond

// Roles answers whether a function can run under a role.
type Roles interface {
	// LambdaCanAssume reports whether the role exists and its trust policy
	// lets lambda.amazonaws.com assume it.
	LambdaCanAssume(account, roleARN string) bool
}

// Options say what a Service needs from its surroundings.
type Options struct {
	// Roles is asked whenever a function is given a role. nil accepts every
	// role ARN (--lax roles).
	Roles Roles
	// Invoker runs functions. nil: Invoke answers an error that says so.
	Invoker Invoker
	// UpdateTime replaces DefaultUpdateTime; negative: an update is done when
	// it is answered.
	UpdateTime time.Duration
	// PendingTime is for how long a new function stays Pending; 0: until
	// CreateFunction has been answered.
	PendingTime time.Duration
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// NewID makes revision and function ids; nil: random UUIDs.
	NewID func() string
}

// CodePath is the path, below the endpoint, under which the root package
// serves function packages (see [Service.Code]); the digest follows.
const CodePath = "/_stagedoor/code/"

// Service holds the handlers. Its methods have the signatures of the SDK's
// *lambda.Client.
type Service struct {
	store                   *store.Store
	roles                   Roles
	invoker                 Invoker
	updateTime, pendingTime time.Duration
	now                     func() time.Time
	newID                   func() string
}

// New returns the handlers over s.
func New(s *store.Store, o Options) *Service {
	service := &Service{
		store: s, roles: o.Roles, invoker: o.Invoker,
		updateTime: o.UpdateTime, pendingTime: o.PendingTime, now: o.Now, newID: o.NewID,
	}
	if service.updateTime == 0 {
		service.updateTime = DefaultUpdateTime
	}
	if service.now == nil {
		service.now = time.Now
	}
	if service.newID == nil {
		service.newID = newUUID
	}
	return service
}

// Operations lists what is implemented. Every other operation of the service
// is answered by awswire with an error that names it.
func (s *Service) Operations() awswire.Operations {
	return awswire.Operations{
		"AddPermission":                awswire.Op(s.AddPermission),
		"CreateAlias":                  awswire.Op(s.CreateAlias),
		"CreateFunction":               awswire.Op(s.CreateFunction),
		"DeleteAlias":                  awswire.Op(s.DeleteAlias),
		"DeleteFunction":               awswire.Op(s.DeleteFunction),
		"DeleteFunctionConcurrency":    awswire.Op(s.DeleteFunctionConcurrency),
		"GetAccountSettings":           awswire.Op(s.GetAccountSettings),
		"GetAlias":                     awswire.Op(s.GetAlias),
		"GetFunction":                  awswire.Op(s.GetFunction),
		"GetFunctionCodeSigningConfig": awswire.Op(s.GetFunctionCodeSigningConfig),
		"GetFunctionConcurrency":       awswire.Op(s.GetFunctionConcurrency),
		"GetFunctionConfiguration":     awswire.Op(s.GetFunctionConfiguration),
		"GetFunctionEventInvokeConfig": awswire.Op(s.GetFunctionEventInvokeConfig),
		"GetFunctionUrlConfig":         awswire.Op(s.GetFunctionUrlConfig),
		"GetPolicy":                    awswire.Op(s.GetPolicy),
		"GetResourcePolicy":            awswire.Op(s.GetResourcePolicy),
		"Invoke":                       awswire.Op(s.Invoke),
		"InvokeAsync":                  awswire.Op(s.InvokeAsync),
		"ListAliases":                  awswire.Op(s.ListAliases),
		"ListFunctionUrlConfigs":       awswire.Op(s.ListFunctionUrlConfigs),
		"ListFunctions":                awswire.Op(s.ListFunctions),
		"ListTags":                     awswire.Op(s.ListTags),
		"ListVersionsByFunction":       awswire.Op(s.ListVersionsByFunction),
		"PublishVersion":               awswire.Op(s.PublishVersion),
		"PutResourcePolicy":            awswire.Op(s.PutResourcePolicy),
		"DeleteResourcePolicy":         awswire.Op(s.DeleteResourcePolicy),
		"PutFunctionConcurrency":       awswire.Op(s.PutFunctionConcurrency),
		"RemovePermission":             awswire.Op(s.RemovePermission),
		"TagResource":                  awswire.Op(s.TagResource),
		"UntagResource":                awswire.Op(s.UntagResource),
		"UpdateAlias":                  awswire.Op(s.UpdateAlias),
		"UpdateFunctionCode":           awswire.Op(s.UpdateFunctionCode),
		"UpdateFunctionConfiguration":  awswire.Op(s.UpdateFunctionConfiguration),
	}
}

// Code returns the package with this digest, for the handler behind CodePath.
// The digest is the only credential: as with AWS's presigned URL, who has the
// address may read.
func (s *Service) Code(ctx context.Context, digest string) ([]byte, error) {
	return s.store.GetBlob(ctx, digest)
}

// codeURL is what GetFunction's Code.Location offers: the package with this
// digest, at the host that the client used.
func codeURL(ctx context.Context, digest string) string {
	host := awswire.Host(ctx)
	if host == "" {
		host = "localhost:4566"
	}
	return "http://" + host + CodePath + digest
}

// newUUID returns a random UUID, version 4: the form of AWS's revision ids.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
