package grants

import (
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/iampolicy"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// keys are the global condition keys about the principal, its session and the
// time (IAM user guide, "AWS global condition context keys" and "Where you can
// use policy variables", table of principal key values).
func (p *knownPrincipal) keys(who *Who, now time.Time) iampolicy.Context {
	c := make(iampolicy.Context, 0, 24)
	add := func(name, value string) {
		if value != "" {
			c = append(c, iampolicy.ContextKey{Name: name, Values: []string{value}})
		}
	}
	now = now.UTC()
	add("aws:CurrentTime", now.Format(time.RFC3339))
	add("aws:EpochTime", strconv.FormatInt(now.Unix(), 10))
	add("aws:RequestedRegion", who.Region)
	add("aws:PrincipalAccount", who.Account)
	add("aws:PrincipalType", principalType(who))
	add("aws:PrincipalIsAWSService", "false")
	add("aws:ViaAWSService", "false")
	add("aws:userid", who.UserID)
	arn := who.ARN
	if p.RoleARN != "" && strings.Contains(arn, ":assumed-role/") {
		arn = p.RoleARN // of a session it is the role's
	}
	add("aws:PrincipalArn", arn)
	if _, name, ok := strings.Cut(who.ARN, ":user/"); ok {
		add("aws:username", name[strings.LastIndexByte(name, '/')+1:])
	}
	tags := map[string]string{}
	if p.identity != nil {
		for k, v := range p.identity.Tags {
			tags[k] = v
		}
	}
	if s := p.session; s != nil {
		for k, v := range s.Tags { // a session's tag hides the role's of the same key
			tags[k] = v
		}
		add("aws:SourceIdentity", s.SourceIdentity)
		for name, values := range s.Keys {
			c = append(c, iampolicy.ContextKey{Name: name, Values: values})
		}
		// No MFA device can be used here; without temporary credentials the
		// key is absent, as on AWS.
		add("aws:MultiFactorAuthPresent", "false")
		if !s.Issued.IsZero() {
			add("aws:TokenIssueTime", s.Issued.UTC().Format(time.RFC3339))
		}
	}
	for k, v := range tags {
		c = append(c, iampolicy.ContextKey{Name: "aws:PrincipalTag/" + k, Values: []string{v}})
	}
	return c
}

func principalType(who *Who) string {
	switch {
	case who.Root:
		return "Account"
	case strings.Contains(who.ARN, ":assumed-role/"):
		return "AssumedRole"
	case strings.Contains(who.ARN, ":federated-user/"):
		return "FederatedUser"
	default:
		return "User"
	}
}

// ResourceTags are the tags of the resource that an ARN names, as an account
// sees it: of functions, log groups, users, roles, identity providers,
// customer-managed policies, and REST APIs with what lies below them. Others have
// none that are known here.
func (c *Callers) ResourceTags(account, arn string) map[string]string {
	parts := strings.SplitN(arn, ":", 8)
	switch {
	case len(parts) == 6 && parts[2] == "apigateway":
		return c.apiTags(account, parts[3], strings.Split(parts[5], "/"))
	case len(parts) >= 7 && parts[2] == "logs" && parts[5] == "log-group":
		if g, _, err := store.Get[state.LogGroup](c.g.store, state.LogGroupKey(parts[4], parts[3], parts[6])); err == nil {
			return g.Tags
		}
	case len(parts) >= 7 && parts[2] == "lambda" && parts[5] == "function":
		if f := c.g.functionByARN(strings.Join(parts[:7], ":")); f != nil {
			return f.rec.Tags
		}
	case len(parts) == 6 && parts[2] == "iam":
		kind, path, _ := strings.Cut(parts[5], "/")
		name := strings.ToLower(path[strings.LastIndexByte(path, '/')+1:])
		switch kind {
		case "user":
			if u, ok := c.users.Get(state.UserKey(parts[4], name)); ok {
				return u.Tags
			}
		case "role":
			if r, ok := c.g.roles.Get(state.RoleKey(parts[4], name)); ok {
				return r.rec.Tags
			}
		case "oidc-provider":
			if p, _, err := store.Get[state.OIDCProvider](c.g.store, state.OIDCProviderKey(parts[4], path)); err == nil {
				return p.Tags
			}
		case "policy":
			if p, _, err := store.Get[state.ManagedPolicy](c.g.store, state.ManagedPolicyKey(parts[4], arn)); err == nil {
				return p.Tags
			}
		}
	}
	return nil
}

// apiTags: what lies below an API has the API's tags, and a stage its own as
// well (APIGW-DG apigateway-tagging-supported-resources: tag inheritance).
func (c *Callers) apiTags(account, region string, path []string) map[string]string {
	if len(path) < 3 || path[1] != "restapis" {
		return nil
	}
	api, _, err := store.Get[state.RestAPI](c.g.store, state.RestAPIKey(account, region, path[2]))
	if err != nil {
		return nil
	}
	if len(path) < 5 || path[3] != "stages" {
		return api.Tags
	}
	stage, _, err := store.Get[state.Stage](c.g.store, state.StageKey(account, region, path[2], path[4]))
	if err != nil {
		return api.Tags
	}
	tags := maps.Clone(api.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, stage.Tags)
	return tags
}
