package gateway

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// lostKept is how many requests that led nowhere are remembered. Scanners make
// thousands; the one that somebody asks about was just made.
const lostKept = 512

// lostRequests remembers the newest requests that led to no method, without a
// lock and for the price of one small allocation. What they missed is found out
// when somebody asks.
type lostRequests struct {
	next atomic.Uint64
	ring [lostKept]atomic.Pointer[lostRequest]
}

type lostRequest struct {
	requestID, api, stage, verb, path string
	answer                            string
	account, region, deployment       string // "" where the stage was not found
	release                           release
	at                                time.Time
}

// maxLost bounds each text of a lost request: nothing of the request itself,
// which may be a megabyte, is kept alive.
const maxLost = 1024

func (l *lostRequests) note(x *exchange) {
	verb, api, stage, path := clip(x.verb), clip(x.addr.api), clip(x.addr.stage), clip(x.addr.path)
	text := verb + api + stage + path // one allocation for all
	a, b, c := len(verb), len(verb)+len(api), len(verb)+len(api)+len(stage)
	r := &lostRequest{
		requestID: x.ids.request, verb: text[:a], api: text[a:b], stage: text[b:c], path: text[c:],
		answer: x.answer.gateway.message, at: x.start,
	}
	if len(r.answer) > maxLost {
		r.answer = strings.Clone(clip(r.answer))
	}
	if p := x.plan; p != nil {
		r.account, r.region, r.deployment, r.release = p.account, p.region, p.deployment, p.release
	}
	l.ring[l.next.Add(1)%lostKept].Store(r)
}

func clip(s string) string { return s[:min(len(s), maxLost)] }

// explain says what a lost request missed, as things are now.
func (l *lostRequests) explain(g *Gateway, requestID string) *grants.Decision {
	for i := range l.ring {
		if r := l.ring[i].Load(); r != nil && requestID != "" && r.requestID == requestID {
			return r.decision(g)
		}
	}
	return nil
}

func (r *lostRequest) decision(g *Gateway) *grants.Decision {
	d := &grants.Decision{
		Kind: grants.FrontKind, RequestID: r.requestID, RequestIDs: []string{r.requestID}, Time: r.at, LastTime: r.at, Count: 1,
		Mode: g.door.Mode(), Outcome: grants.NotFound,
		Request: r.verb + " " + r.path, Answer: r.answer,
		Principal: grants.AnonymousCaller, Action: grants.InvokeAPIAction,
		Account: r.account, Region: r.region, API: r.api, Stage: r.stage, Method: r.verb, Path: r.path, DeploymentID: r.deployment,
		Canary:  r.release == canaryRelease,
		Nearest: -1, Fix: []string{}, Statements: []grants.Statement{}, Policies: []grants.PolicyRead{},
	}
	stages := g.picture.Load().apis[r.api]
	deployed := stages[r.stage]
	if deployed != nil && deployed.canary != nil && r.release == canaryRelease {
		deployed = deployed.canary // which missed it
	}
	switch {
	case deployed != nil:
		r.missedMethod(g, d, deployed)
	case len(stages) > 0:
		r.missedStage(d, slices.Sorted(maps.Keys(stages)))
	default:
		d.Cause = grants.Cause{Code: grants.CauseStageNotFound, Sentence: fmt.Sprintf("No API %s is deployed here.", r.api)}
	}
	return d
}

// missedStage: the first part of the path is the stage.
func (r *lostRequest) missedStage(d *grants.Decision, stages []string) {
	d.Cause = grants.Cause{Code: grants.CauseStageNotFound,
		Sentence: fmt.Sprintf("API %s has no stage %q. Its stages are %s; the path of a URL begins with one.", r.api, r.stage, strings.Join(stages, ", "))}
}

// missedMethod compares the request with what the stage serves, and with what
// the API has that is not deployed.
func (r *lostRequest) missedMethod(g *Gateway, d *grants.Decision, stage *deployed) {
	var p params
	what := "Stage " + r.stage + " of API " + r.api
	if stage.release == canaryRelease {
		what = "The canary of stage " + r.stage + " of API " + r.api
	}
	if m := stage.plan().router.find(r.path, r.verb, &p); m != nil {
		d.Cause = grants.Cause{Code: grants.CauseChanged,
			Sentence: fmt.Sprintf("Stage %s did not serve %s %s then, and does now: %s %s.", r.stage, r.verb, r.path, m.verb, m.resource.path)}
		return
	}
	here := routesOf(stage.deployment.Resources)
	d.Cause = grants.Cause{Code: grants.CauseRouteNotFound, Sentence: fmt.Sprintf("%s has no method %s %s. AWS calls that a missing authentication token; it has nothing to do with one.", what, r.verb, r.path)}
	if verbs := here.verbsAt(r.path); len(verbs) > 0 {
		d.Cause.Sentence = fmt.Sprintf("%s has %s at this path, but no %s. AWS calls that a missing authentication token.", what, strings.Join(verbs, ", "), r.verb)
	} else if near := here.nearest(r.path); near != "" {
		d.Notes = append(d.Notes, "The nearest path that the stage serves is "+near+".")
	}
	if r.undeployed(g, stage) {
		d.Cause = grants.Cause{Code: grants.CauseRouteUndeployed,
			Sentence: fmt.Sprintf("The API has a method for %s %s, but deployment %s, which %s serves, does not: deploy it.", r.verb, r.path, stage.deployment.ID, firstLower(what))}
		r.deploy(d, stage.stage)
	}
}

// deploy says how the live tree gets onto the stage. While a canary is enabled it
// can only become the canary (APIGW-DG canary-release), with the settings that
// the canary has.
func (r *lostRequest) deploy(d *grants.Decision, st *state.Stage) {
	command := []string{"aws", "apigateway", "create-deployment", "--region", st.Region, "--rest-api-id", r.api, "--stage-name", r.stage}
	if c := st.Canary; c != nil {
		settings, _ := json.Marshal(struct { // of plain values: cannot fail
			PercentTraffic         float64           `json:"percentTraffic"`
			StageVariableOverrides map[string]string `json:"stageVariableOverrides,omitempty"`
			UseStageCache          bool              `json:"useStageCache,omitempty"`
		}{c.PercentTraffic, c.StageVariableOverrides, c.UseStageCache})
		command = append(command, "--canary-settings", string(settings))
		d.Notes = append(d.Notes, fmt.Sprintf("Stage %s has a canary, which the new deployment becomes: %s %% of the requests find it until the canary is promoted.", r.stage, strconv.FormatFloat(c.PercentTraffic, 'f', -1, 64)))
	}
	d.Fix = append(d.Fix, grants.Command(command...))
}

func firstLower(s string) string { return strings.ToLower(s[:1]) + s[1:] }

// undeployed reports whether the live tree has what the deployment lacks.
func (r *lostRequest) undeployed(g *Gateway, stage *deployed) bool {
	if g.store == nil {
		return false
	}
	api, _, err := store.Get[state.RestAPI](g.store, state.RestAPIKey(stage.stage.Account, stage.stage.Region, r.api))
	if err != nil {
		return false
	}
	live := routesOf(api.Resources)
	return live.has(r.path, r.verb)
}

// routes are templates and their verbs, without anything behind them.
type routes struct {
	router    router
	templates []string
}

func routesOf(resources map[string]*state.Resource) *routes {
	t := &routes{}
	for _, res := range resources {
		if len(res.Methods) == 0 {
			continue
		}
		t.templates = append(t.templates, res.Path)
		methods := make(map[string]*methodPlan, len(res.Methods))
		for verb := range res.Methods {
			methods[verb] = &methodPlan{verb: verb}
		}
		t.router.add(res.Path, methods)
	}
	slices.Sort(t.templates)
	return t
}

func (t *routes) has(path, verb string) bool {
	var p params
	return t.router.find(path, verb, &p) != nil
}

// verbsAt lists the verbs that the path answers.
func (t *routes) verbsAt(path string) []string {
	var verbs []string
	for _, verb := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} {
		if t.has(path, verb) {
			verbs = append(verbs, verb)
		}
	}
	return verbs
}

// nearest is the template that shares most with a path: parts first, then
// letters of the first part that differs. "" when not even those agree.
func (t *routes) nearest(path string) string {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	best, bestScore := "", 0
	for _, template := range t.templates {
		have := strings.Split(strings.Trim(template, "/"), "/")
		score := -abs(len(have) - len(parts))
		for i := range min(len(have), len(parts)) {
			switch {
			case have[i] == parts[i]:
				score += 20
			case strings.HasPrefix(have[i], "{"):
				score += 10
			case strings.EqualFold(have[i], parts[i]):
				score += 15
			default:
				score += min(common(have[i], parts[i]), 9)
			}
		}
		if score > bestScore {
			best, bestScore = template, score
		}
	}
	return best
}

func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func abs(n int) int { return max(n, -n) }
