package lambda

import (
	"context"
	"regexp"
	"strings"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// latest is the qualifier of the unpublished version.
const latest = "$LATEST"

// maxNameLength is the limit for a name that is not an ARN (LDG API reference
// CreateFunction; the model's limit of 140 is for ARNs).
const maxNameLength = 64

// functionName takes apart every form in which AWS lets a function be named:
// NAME, NAME:QUALIFIER, ACCOUNT:function:NAME[:QUALIFIER] and the ARN. It is
// the union of the model's patterns for the different operations.
var functionName = regexp.MustCompile(`^(arn:aws[a-zA-Z-]*:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_.]+)(?::([a-zA-Z0-9-_$.]+))?$`)

var (
	versionNumber = regexp.MustCompile(`^[0-9]+$`)
	aliasName     = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
)

// target is a function, version or alias as a request names it.
type target struct {
	account, region, name string
	qualifier             string // "" when the request has none
}

// arn is the target's ARN, with the qualifier if there is one.
func (t target) arn() string {
	arn := t.unqualified()
	if t.qualifier != "" {
		arn += ":" + t.qualifier
	}
	return arn
}

func (t target) unqualified() string {
	return "arn:" + state.Partition(t.region) + ":lambda:" + t.region + ":" + t.account + ":function:" + t.name
}

func (t target) with(qualifier string) target {
	t.qualifier = qualifier
	return t
}

func (t target) key() state.Key { return state.FunctionKey(t.account, t.region, t.name) }

func (t target) versionKey(version string) state.Key {
	return state.FunctionVersionKey(t.account, t.region, t.name, version)
}

// isAlias reports whether the qualifier has the form of an alias name. A
// qualifier with "$" in it is taken for a version (AWS recording
// test_permission_exceptions, add_permission_fn_qualifier_valid_doesnotexist).
func (t target) isAlias() bool {
	return aliasName.MatchString(t.qualifier) && !versionNumber.MatchString(t.qualifier)
}

// isVersion reports whether the qualifier is a version number.
func (t target) isVersion() bool { return versionNumber.MatchString(t.qualifier) }

// resolve finds out which function a request means: the caller's account and
// region fill in what the name leaves open, and a qualifier in the name must
// not contradict the request's own.
func resolve(ctx context.Context, name, qualifier *string) (target, error) {
	caller := awswire.CallerFrom(ctx)
	parts := functionName.FindStringSubmatch(deref(name))
	if parts == nil {
		return target{}, validation(deref(name), "functionName", "Member must satisfy regular expression pattern: "+
			`(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`)
	}
	t := target{account: caller.Account, region: caller.Region, name: parts[4], qualifier: parts[5]}
	if len(t.name) > maxNameLength {
		// AWS recording test_function_arns: the sentence is the front end's,
		// the error's code is not.
		return target{}, invalid("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to %d", t.name, maxNameLength)
	}
	if parts[2] != "" && parts[2] != caller.Region {
		return target{}, notFound("Functions from '%s' are not reachable in this region ('%s')", parts[2], caller.Region)
	}
	if parts[3] != "" {
		t.account = parts[3]
	}
	switch q := deref(qualifier); {
	case q == "" || q == t.qualifier:
	case t.qualifier == "":
		t.qualifier = q
	default:
		return target{}, invalid(msgQualifierMismatch)
	}
	return t, nil
}

// resolveOwn resolves the name for an operation that only a function's own
// account may call (awsdocs/aws-lambda-developer-guide#139 tried some of them).
func resolveOwn(ctx context.Context, name, qualifier *string) (target, error) {
	t, err := resolve(ctx, name, qualifier)
	if err == nil && t.account != awswire.CallerFrom(ctx).Account {
		// AWS recording test_function_arns: the message is null.
		err = &awswire.Error{Code: "AccessDeniedException", Status: 403, Fields: map[string]any{"Message": nil}}
	}
	return t, err
}

// resolveShared resolves the name for an operation that LDG
// (access-control-resource-based) lists as possible from other accounts: the
// function's policy must allow the action there.
func (s *Service) resolveShared(ctx context.Context, name, qualifier *string, action string) (target, error) {
	t, err := resolve(ctx, name, qualifier)
	if err != nil || t.account == awswire.CallerFrom(ctx).Account {
		return t, err
	}
	return t, s.admit(ctx, t, action)
}

// admit asks the policy of another account's function. The caller's own
// policies have been asked before the handler is called.
func (s *Service) admit(ctx context.Context, t target, action string) error {
	caller := awswire.CallerFrom(ctx)
	denied := &awswire.Error{Code: "AccessDeniedException", Status: 403, Message: "User: " + caller.ARN +
		" is not authorized to perform: " + action + " on resource: " + t.arn() +
		" because no resource-based policy allows the " + action + " action"}
	fn, _, err := store.Get[state.Function](s.store, t.key())
	if err != nil {
		return denied
	}
	document := fn.Policies[policyQualifier(t)]
	if document == nil {
		return denied
	}
	policy, err := iampolicy.Parse([]byte(document.Document))
	if err != nil {
		return denied
	}
	effect := policy.Evaluate(&iampolicy.Request{
		Principal: iampolicy.Principal{Type: iampolicy.AWS, ID: caller.ARN, Account: caller.Account, RoleARN: sessionRole(caller.ARN), UniqueID: caller.UserID},
		Action:    action,
		Resource:  t.with(policyQualifier(t)).arn(),
		Context: iampolicy.Context{
			{Name: "aws:PrincipalAccount", Values: []string{caller.Account}},
			{Name: "aws:PrincipalArn", Values: []string{caller.ARN}},
		},
	})
	if effect != iampolicy.Allow {
		return denied
	}
	return nil
}

// sessionRole returns the role of an assumed-role session's ARN, "" for any
// other. The session does not tell the role's path.
func sessionRole(arn string) string {
	prefix, session, ok := strings.Cut(arn, ":assumed-role/")
	if !ok {
		return ""
	}
	role, _, _ := strings.Cut(session, "/")
	return strings.Replace(prefix, ":sts:", ":iam:", 1) + ":role/" + role
}

// policyQualifier is the qualifier under which a target's policy is kept:
// $LATEST has none of its own, the unqualified function's applies.
func policyQualifier(t target) string {
	if t.qualifier == latest {
		return ""
	}
	return t.qualifier
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
