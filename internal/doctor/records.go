package doctor

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/target"
)

// ledger knows the functions and roles of a dump, and decides about them with
// the rules of the data plane.
type ledger struct {
	account, region string
	functions       map[string]*target.Function // by unqualified ARN
	roles           map[string]*target.Role     // by ARN
	partial         bool                        // the list of functions was refused
	judge           *grants.Grants
}

func newLedger(d *target.Dump, wanted target.Wanted) *ledger {
	l := &ledger{account: d.Account, region: d.Region, functions: map[string]*target.Function{}, roles: map[string]*target.Role{}}
	l.partial = slices.ContainsFunc(d.Unread, func(u target.Unread) bool { return u.Operation == "ListFunctions" })
	var r grants.Records
	for _, f := range d.Functions {
		arn := text(f.Configuration.FunctionArn)
		l.functions[arn] = f
		if record, ok := functionRecord(f, wanted.Functions[arn]); ok {
			r.Functions = append(r.Functions, record)
			for _, v := range f.Versions {
				r.Versions = append(r.Versions, arn+":"+v)
			}
		}
	}
	managed := map[string]string{}
	for _, role := range d.Roles {
		l.roles[role.ARN] = role
		if !role.Missing && role.Unread == "" {
			r.Roles = append(r.Roles, roleRecord(role))
			maps.Copy(managed, role.Attached)
			if role.Boundary != "" {
				managed[role.Boundary] = role.BoundaryDocument
			}
		}
	}
	r.ManagedPolicy = func(arn string) (string, bool) {
		document, ok := managed[arn]
		return document, ok
	}
	l.judge = grants.Offline(r)
	return l
}

// functionRecord is the function as stagedoor would keep it. Of a function in
// another account nothing is known but its policies, so what is called is taken
// to exist.
func functionRecord(f *target.Function, called []string) (*state.Function, bool) {
	parts := strings.SplitN(text(f.Configuration.FunctionArn), ":", 7)
	if len(parts) < 7 {
		return nil, false
	}
	out := &state.Function{
		Region: parts[3], Account: parts[4], Name: parts[6], ID: text(f.Configuration.FunctionArn),
		Aliases: map[string]*state.Alias{}, Policies: map[string]*state.FunctionPolicy{},
	}
	for i := range f.Aliases {
		out.Aliases[text(f.Aliases[i].Name)] = &state.Alias{Name: text(f.Aliases[i].Name), FunctionVersion: text(f.Aliases[i].FunctionVersion)}
	}
	if f.Foreign {
		for _, q := range called {
			out.Aliases[q] = &state.Alias{Name: q}
		}
	}
	for _, v := range f.Versions {
		out.LastVersion = max(out.LastVersion, number(v))
	}
	for q, p := range f.Policies {
		out.Policies[q] = &state.FunctionPolicy{Document: p.Policy, RevisionID: p.RevisionID}
	}
	return out, true
}

func number(version string) int {
	n := 0
	for _, digit := range version {
		if digit < '0' || digit > '9' || n > 1<<40 {
			return 0
		}
		n = n*10 + int(digit-'0')
	}
	return n
}

func roleRecord(r *target.Role) *state.Role {
	out := &state.Role{AssumeRolePolicyDocument: r.Trust}
	out.Account, out.Name, out.ID, out.ARN = accountOf(r.ARN), r.Name, r.ID, r.ARN
	if out.Name == "" {
		out.Name = r.ARN[strings.LastIndexByte(r.ARN, '/')+1:]
	}
	out.InlinePolicies, out.PermissionsBoundary = r.Inline, r.Boundary
	out.AttachedPolicies = slices.Sorted(maps.Keys(r.Attached))
	return out
}

// unknown says why a call cannot be decided; "" when it can.
func (l *ledger) unknown(c *grants.Call) string {
	if why := l.unknownFunction(c); why != "" {
		return why
	}
	if c.Credentials == "" {
		return ""
	}
	role, ok := l.roles[c.Credentials]
	switch {
	case c.Credentials == grants.CallerCredentials:
		return "the integration passes on the caller's own credentials: name a caller with --caller"
	case ok && role.Unread != "":
		return "the role " + c.Credentials + " could not be read: " + role.Unread
	case !ok && strings.HasPrefix(c.Credentials, "arn:") && accountOf(c.Credentials) != l.account:
		return "the role " + c.Credentials + " belongs to another account, which was not read"
	}
	return ""
}

func (l *ledger) unknownFunction(c *grants.Call) string {
	f, ok := l.functions[c.FunctionARN]
	switch {
	case !ok && l.partial:
		return "the list of functions could not be read"
	case !ok && (accountOf(c.FunctionARN) != l.account || regionOf(c.FunctionARN) != l.region):
		return "the function " + c.FunctionARN + " lies in another account or region, which was not read"
	case !ok:
		return ""
	case f.Unread["*"] != "":
		return "the policies of " + c.FunctionARN + " were not read: " + f.Unread["*"]
	case f.Unread[c.Qualifier] != "":
		return "the policy of " + c.Resource() + " could not be read: " + f.Unread[c.Qualifier]
	case !f.Foreign && !f.Has(c.Qualifier):
		for _, list := range []string{"aliases", "versions"} {
			if why := f.Unread[list]; why != "" {
				return "the " + list + " of " + c.FunctionARN + " could not be read: " + why
			}
		}
	}
	return ""
}

func accountOf(arn string) string { return part(arn, 4) }
func regionOf(arn string) string  { return part(arn, 3) }

func part(arn string, n int) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[n]
}

// changed is when a function's configuration or code last changed; zero where
// that is not known.
func changed(f *target.Function) time.Time {
	for _, layout := range []string{"2006-01-02T15:04:05.000-0700", time.RFC3339} {
		if t, err := time.Parse(layout, text(f.Configuration.LastModified)); err == nil {
			return t
		}
	}
	return time.Time{}
}
