package doctor

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	v2 "github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"

	"github.com/stagedoor/stagedoor/internal/target"
)

// apisOf turns the answers of AWS into what the examination works on.
func apisOf(d *target.Dump) []*api {
	all := make([]*api, 0, len(d.RestAPIs)+len(d.HTTPAPIs))
	for _, a := range d.RestAPIs {
		all = append(all, restAPI(a))
	}
	for _, a := range d.HTTPAPIs {
		all = append(all, httpAPI(a))
	}
	slices.SortStableFunc(all, func(x, y *api) int { return cmp.Or(strings.Compare(x.name, y.name), strings.Compare(x.id, y.id)) })
	return all
}

func restAPI(a *target.RestAPI) *api {
	out := &api{
		kind: restKind, id: text(a.API.Id), name: text(a.API.Name), policy: plainPolicy(text(a.API.Policy)),
		authorizers: map[string]*authorizer{}, unread: a.Unread,
	}
	for _, z := range a.Authorizers {
		out.authorizers[text(z.Id)] = &authorizer{
			id: text(z.Id), name: text(z.Name), uri: text(z.AuthorizerUri), credentials: text(z.AuthorizerCredentials), kind: string(z.Type),
		}
	}
	for i := range a.Resources {
		for verb, m := range a.Resources[i].ResourceMethods {
			out.live = append(out.live, restMethod(&a.Resources[i], verb, &m))
		}
	}
	sortMethods(out.live)
	for i := range a.Stages {
		out.stages = append(out.stages, restStage(out, a, &a.Stages[i]))
	}
	return out
}

// plainPolicy undoes the escaping in which API Gateway answers an API's policy
// (`{\"Version\":…`).
func plainPolicy(policy string) string {
	if strings.HasPrefix(strings.TrimSpace(policy), `{\"`) {
		return strings.ReplaceAll(strings.ReplaceAll(policy, `\"`, `"`), `\/`, `/`)
	}
	return policy
}

func restMethod(resource *rest.Resource, verb string, m *rest.Method) *method {
	out := &method{
		verb: verb, path: text(resource.Path), resourceID: text(resource.Id),
		auth: text(m.AuthorizationType), authorizer: text(m.AuthorizerId), keyNeeded: m.ApiKeyRequired != nil && *m.ApiKeyRequired,
	}
	if in := m.MethodIntegration; in != nil {
		out.integration, out.uri, out.httpMethod = string(in.Type), text(in.Uri), text(in.HttpMethod)
		out.credentials, out.transfer, out.timeout = text(in.Credentials), string(in.ResponseTransferMode), in.TimeoutInMillis
	}
	return out
}

func restStage(a *api, from *target.RestAPI, s *rest.Stage) *stage {
	out := &stage{api: a, name: text(s.StageName), variables: s.Variables}
	if c := s.CanarySettings; c != nil {
		out.canary = restCanary(s, c, from)
	}
	deployment, known := from.Deployments[text(s.DeploymentId)]
	if known && deployment.CreatedDate != nil {
		out.deployed = *deployment.CreatedDate
	} else if s.LastUpdatedDate != nil {
		out.deployed = *s.LastUpdatedDate
	}
	if export, ok := from.Exports[out.name]; ok {
		if snapshot, err := readExport(export); err == nil {
			out.fromExport(snapshot)
			return out
		}
	}
	out.fromLive, out.methods = true, a.live
	if known && deployment.ApiSummary != nil {
		out.fromSummary(deployment.ApiSummary)
	}
	return out
}

// restCanary: a canary without a deployment of its own serves the stage's.
func restCanary(s *rest.Stage, c *rest.CanarySettings, from *target.RestAPI) *canary {
	out := &canary{percent: c.PercentTraffic, deployment: text(c.DeploymentId), variables: maps.Clone(s.Variables)}
	if out.variables == nil {
		out.variables = map[string]string{}
	}
	maps.Copy(out.variables, c.StageVariableOverrides)
	out.own = out.deployment != "" && out.deployment != text(s.DeploymentId)
	if summary := from.Deployments[out.deployment].ApiSummary; out.own && summary != nil {
		out.methods = []string{}
		for path, verbs := range summary {
			for verb := range verbs {
				out.methods = append(out.methods, verb+" "+path)
			}
		}
		slices.Sort(out.methods)
	}
	return out
}

// fromSummary keeps those methods that the deployment's list of methods has: of
// a method that is not in it, the stage knows nothing yet.
func (s *stage) fromSummary(summary map[string]map[string]rest.MethodSnapshot) {
	s.methods = nil
	seen := map[string]bool{}
	for _, m := range s.api.live {
		deployed, ok := summary[m.path][m.verb]
		seen[m.name()] = true
		switch {
		case !ok:
			s.added = append(s.added, m.name())
			continue
		case text(deployed.AuthorizationType) != "" && !strings.EqualFold(text(deployed.AuthorizationType), m.auth) || deployed.ApiKeyRequired != m.keyNeeded:
			s.changed = append(s.changed, m.name())
		}
		s.methods = append(s.methods, m)
	}
	for path, verbs := range summary {
		for verb := range verbs {
			if name := verb + " " + path; !seen[name] {
				s.gone = append(s.gone, name)
			}
		}
	}
	slices.Sort(s.gone)
}

// fromExport takes the methods from the deployed snapshot and compares them
// with the live ones, which lend their resource ids.
// unverified: that GetExport writes URI and credentials letter by letter as
// GetResources does, stage variables included.
func (s *stage) fromExport(snapshot *snapshot) {
	s.methods, s.deployedPolicy = snapshot.methods, snapshot.policy
	live := map[string]*method{}
	for _, m := range s.api.live {
		live[m.name()] = m
	}
	for _, m := range s.methods {
		now, ok := live[m.name()]
		if !ok {
			s.gone = append(s.gone, m.name())
			continue
		}
		delete(live, m.name())
		m.resourceID = now.resourceID
		if m.authorizer == "" {
			m.authorizer = now.authorizer
		}
		if deployedOtherwise(m, now) {
			s.changed = append(s.changed, m.name())
		}
	}
	s.added = slices.Sorted(maps.Keys(live))
}

// defaultTimeout is what an export leaves out (public exports), in milliseconds.
const defaultTimeout = 29000

// deployedOtherwise compares a deployed method with the live one in what both an
// export and GetResources tell. Of the kinds of authorizers an export knows
// fewer.
func deployedOtherwise(m, now *method) bool {
	return m.integration != now.integration || m.uri != now.uri || m.credentials != now.credentials ||
		!strings.EqualFold(m.httpMethod, now.httpMethod) ||
		cmp.Or(m.transfer, "BUFFERED") != cmp.Or(now.transfer, "BUFFERED") ||
		cmp.Or(m.timeout, defaultTimeout) != cmp.Or(now.timeout, defaultTimeout) ||
		m.keyNeeded != now.keyNeeded || authKind(m.auth) != authKind(now.auth)
}

func authKind(auth string) string {
	switch auth {
	case "", "NONE":
		return "NONE"
	case "AWS_IAM":
		return auth
	default:
		return "CUSTOM"
	}
}

func sortMethods(methods []*method) {
	slices.SortFunc(methods, func(x, y *method) int {
		return cmp.Or(strings.Compare(x.path, y.path), strings.Compare(x.verb, y.verb), strings.Compare(x.routeKey, y.routeKey))
	})
}

func httpAPI(a *target.HTTPAPI) *api {
	out := &api{kind: httpKind, id: text(a.API.ApiId), name: text(a.API.Name), authorizers: map[string]*authorizer{}, unread: a.Unread}
	if strings.EqualFold(string(a.API.ProtocolType), "WEBSOCKET") {
		out.kind = webSocketKind
	}
	for _, z := range a.Authorizers {
		out.authorizers[text(z.AuthorizerId)] = &authorizer{
			id: text(z.AuthorizerId), name: text(z.Name), uri: text(z.AuthorizerUri), credentials: text(z.AuthorizerCredentialsArn), kind: string(z.AuthorizerType),
		}
	}
	integrations := map[string]*v2.Integration{}
	for i := range a.Integrations {
		integrations[text(a.Integrations[i].IntegrationId)] = &a.Integrations[i]
	}
	for i := range a.Routes {
		r := &a.Routes[i]
		out.live = append(out.live, route(out.kind, r, integrations[strings.TrimPrefix(text(r.Target), "integrations/")]))
	}
	sortMethods(out.live)
	for i := range a.Stages {
		s := &a.Stages[i]
		auto := s.AutoDeploy != nil && *s.AutoDeploy
		made := &stage{api: out, name: text(s.StageName), variables: s.StageVariables, methods: out.live, deploysItself: auto, fromLive: !auto}
		if s.LastUpdatedDate != nil {
			made.deployed = *s.LastUpdatedDate
		}
		out.stages = append(out.stages, made)
	}
	return out
}

func route(k kind, r *v2.Route, in *v2.Integration) *method {
	m := &method{routeKey: text(r.RouteKey), resourceID: text(r.RouteId), auth: string(r.AuthorizationType), authorizer: text(r.AuthorizerId)}
	if verb, path, found := strings.Cut(m.routeKey, " "); found && k == httpKind {
		m.verb, m.path = verb, path
	} else {
		m.path = m.routeKey
	}
	if in != nil {
		m.integration, m.uri, m.httpMethod = string(in.IntegrationType), text(in.IntegrationUri), "POST"
		m.credentials, m.integrationID = text(in.CredentialsArn), text(in.IntegrationId)
		if subtype := text(in.IntegrationSubtype); subtype != "" {
			m.integration = subtype // "SQS-SendMessage": AWS_PROXY that calls no function
		}
		// HTTP APIs fill the method in themselves; WebSocket APIs need POST.
		if k == webSocketKind && text(in.IntegrationMethod) != "" {
			m.httpMethod = text(in.IntegrationMethod)
		}
	}
	return m
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
